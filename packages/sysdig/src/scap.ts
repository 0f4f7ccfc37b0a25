/**
 * A capture of `sysdig -w FILE` (or -z, or Falco, or Stratoshark) → batches of calls, and the processes it lists.
 * Kinds of blocks and what they hold: blocks.ts, process-lists.ts, scap-events.ts; docs/formats/sysdig.md.
 *
 * - Several captures in one file (rotated ones joined again) are read one after the other; calls do not reach from one to
 *   the next. What each lists is told before its first event.
 * - Refused: the other byte order, and network captures, which share the first block.
 */
import {
  decodeUtf8,
  type CallBatch,
  type DiagnosticKind,
  type Diagnostics,
  type Instant,
  type ListedTask,
  type Source,
  type TaskList,
} from '@flushtrace/trace'
import { BlockReader, blockKind, isNetworkBlock, type BlockHandler } from './blocks.ts'
import { setContainer } from './containers.ts'
import { SYSDIG } from './diagnostics.ts'
import { emptyFacts, type SysdigFacts } from './facts.ts'
import { summarise } from './scap-summary.ts'
import { Cursor, PROCESS_LIST_VERSION, readFdList, readProcessList } from './process-lists.ts'
import { readingOf, type SysdigReading } from './reading.ts'
import { CallRows } from './rows.ts'
import { ScapEvents } from './scap-events.ts'
import { makeSieve } from './sieve.ts'

/** The kernel's limit of tasks is 2^22; some 100,000 are a very large system. */
const MAX_LISTED = 1 << 18
const MAX_DESCRIPTORS = 1 << 20
const FD_LIST_V2 = 0x218
/** Of a machine block: its name, then NULs; only so many different ones are kept. */
const HOST_NAME = 8 + 20
const MOST_HOSTS = 16
/** Of a machine block: where the time of its start stands, ns since 1970; 0 until 2022. */
const BOOT_TIME = 8 + 148

/** What the section at hand lists. */
interface SectionList extends TaskList {
  readonly tasks: Map<number, ListedTask>
  whole: boolean
  descriptors: number
}

/** Filled while the capture is read. */
interface Told {
  readonly facts: SysdigFacts
  readonly processes: Map<number, ListedTask>
  readonly containers: Map<number, string>
}

class ScapParser implements BlockHandler {
  readonly #path: string
  readonly #diagnostics: Diagnostics
  readonly processes: Map<number, ListedTask>
  readonly facts: SysdigFacts
  readonly rows: CallRows
  readonly events: ScapEvents
  /** Where the sieve needs no copy of the bytes. */
  readonly room: readonly Buffer[] | undefined
  readonly #blocks: BlockReader
  #foreignOrder = false
  #network = false
  #lists = false
  /** null: an event came since, or no list yet. */
  #list: SectionList | null = null
  #bootSeconds: number | null = null

  constructor(path: string, diagnostics: Diagnostics, plain: boolean, { facts, processes, containers }: Told) {
    this.#path = path
    this.#diagnostics = diagnostics
    this.facts = facts
    this.processes = processes
    const sieve = plain ? null : makeSieve()
    this.room = sieve?.room
    this.rows = new CallRows(sieve, false)
    this.events = new ScapEvents(this.rows, sieve, containers, {
      damaged: (offset, what) => this.#add(SYSDIG.damagedEvent, offset, `at byte ${offset}, ${what}`),
      unknown: (offset, id) => {
        this.facts.unknown++
        this.#add(SYSDIG.unknownEvent, offset, `event ${id} at byte ${offset}`)
      },
      sampled: (ratio) => {
        this.facts.dropped++
        this.#add(SYSDIG.dropMode, undefined, String(ratio))
      },
      backwards: (record) => this.#diagnostics.add(SYSDIG.backwards, { source: this.#path, record }),
    })
    this.#blocks = new BlockReader(this)
  }

  get batch(): CallBatch {
    return this.rows.batch
  }

  get crowded(): boolean {
    return this.rows.crowded
  }

  consume(chunk: Uint8Array, pos: number): number {
    return this.#blocks.consume(chunk, pos)
  }

  recycle(): void {
    this.rows.recycle()
  }

  onRun(buf: Uint8Array, view: DataView, pos: number, end: number, base: number): number {
    const { events } = this.events
    const stopped = this.events.run(buf, view, pos, end, base)
    this.facts.records += this.events.events - events
    return stopped
  }

  onBlock(type: number, buf: Uint8Array, view: DataView, at: number, length: number, offset: number): void {
    this.facts.records++
    switch (blockKind(type)) {
      case 'event':
        this.#list = null
        this.events.onEvent(type, buf, view, at, length, offset)
        break
      case 'section':
        this.#section(view, at, length, offset)
        break
      case 'processes':
        this.#processList(type, buf, view, at, length, offset)
        break
      case 'descriptors':
        this.#fdList(type, buf, view, at, length, offset)
        break
      case 'machine':
        this.#machine(buf, view, at, length)
        break
      case 'interfaces':
      case 'users':
        break
      case null:
        if (isNetworkBlock(type)) this.#network = true
        this.facts.unknown++
        this.#add(SYSDIG.unknownBlock, offset, `type 0x${type.toString(16)} at byte ${offset}`)
        break
    }
  }

  onDamage(offset: number, what: string): void {
    this.#damaged(SYSDIG.damagedBlock, offset, `at byte ${offset}, ${what}`)
  }

  onSwapped(offset: number): void {
    this.#foreignOrder = true
    this.#add(SYSDIG.byteOrder, offset, '')
  }

  #section(view: DataView, at: number, length: number, offset: number): void {
    if (length < 28) {
      this.#damaged(SYSDIG.damagedBlock, offset, `at byte ${offset}, section header of ${length} bytes`)
      return
    }
    this.facts.sections++
    this.facts.version ??= `${view.getUint16(at + 12, true)}.${view.getUint16(at + 14, true)}`
    this.#list = null
    this.#bootSeconds = null
    this.events.newSection()
  }

  #machine(buf: Uint8Array, view: DataView, at: number, length: number): void {
    if (length < BOOT_TIME + 8 + 4) return
    const name = buf.subarray(at + HOST_NAME, at + BOOT_TIME)
    const nul = name.indexOf(0)
    const host = decodeUtf8(name, 0, nul < 0 ? name.length : nul)
    const { hosts } = this.facts
    if (host !== '' && !hosts.includes(host) && hosts.length < MOST_HOSTS) hosts.push(host)
    const seconds = Number(view.getBigUint64(at + BOOT_TIME, true) / 1_000_000_000n)
    this.#bootSeconds = seconds > 0 ? seconds : null
  }

  /** What is listed is told with the next event. A list behind events adds to what is known. */
  #openList(): SectionList {
    if (this.#list) return this.#list
    const whole = this.events.sectionEvents === 0
    this.#list = { tasks: new Map(), whole, bootSeconds: this.#bootSeconds, sinceNs: NaN, descriptors: 0 }
    this.events.list = this.#list
    return this.#list
  }

  #processList(type: number, buf: Uint8Array, view: DataView, at: number, length: number, offset: number): void {
    const cursor = new Cursor(buf, view, at + 8, at + length - 4)
    const list = this.#openList()
    const whole = readProcessList(cursor, PROCESS_LIST_VERSION.get(type) ?? 1, (task) => this.#listed(list, task))
    list.whole &&= whole
    if (!whole) this.#damaged(SYSDIG.damagedList, offset, `processes at byte ${offset}`)
  }

  #listed(list: SectionList, process: ListedTask): void {
    this.#lists = true
    const { pid, tgid, container } = process
    if (list.tasks.size >= MAX_LISTED) {
      list.whole = false
      this.#add(SYSDIG.tooManyProcesses, undefined, '')
      return
    }
    list.tasks.set(pid, process)
    setContainer(this.events.containers, pid, container)
    if (this.processes.has(pid) || this.processes.size >= MAX_LISTED) return
    this.processes.set(pid, process)
    this.facts.listed.tasks++
    if (tgid === pid) this.facts.listed.processes++
  }

  #fdList(type: number, buf: Uint8Array, view: DataView, at: number, length: number, offset: number): void {
    const list = readFdList(new Cursor(buf, view, at + 8, at + length - 4), type === FD_LIST_V2)
    if (!list?.whole) this.#damaged(SYSDIG.damagedList, offset, `descriptors at byte ${offset}`)
    const section = this.#openList()
    const process = list && section.tasks.get(list.tid)
    if (!list || !process || process.fds) return
    if (section.descriptors + list.fds.length > MAX_DESCRIPTORS) {
      this.#add(SYSDIG.tooManyProcesses, undefined, '')
      return
    }
    process.fds = list.fds
    section.descriptors += list.fds.length
    if (this.processes.get(list.tid) === process) this.facts.listed.descriptors += list.fds.length
  }

  /** After the last chunk; false: the batch is full, come back. */
  end(): boolean {
    const { done, left, offset } = this.#blocks.end()
    if (!done || this.rows.crowded) return false
    if (left > 0) this.#add(SYSDIG.cut, offset, `${left} bytes at byte ${offset}`)
    summarise(this.facts, this.events, this.rows, this.#diagnostics, this.#path)
    const { facts } = this
    if (this.#network && facts.events === 0 && !this.#lists) {
      this.#add(SYSDIG.network, undefined, this.#path)
    } else if (facts.events === 0 && !this.#foreignOrder) {
      this.#add(SYSDIG.noEvents, undefined, this.#lists ? ', only lists of processes' : '')
    }
    return true
  }

  /** The instant of the first event. */
  stampBatch(): void {
    const { origin } = this.events.clock
    if (origin === null || this.batch.origin) return
    this.batch.clock = 'wall'
    const instant: Instant = { seconds: Number(origin / 1_000_000_000n), nanos: Number(origin % 1_000_000_000n) }
    this.batch.origin = instant
    this.facts.clock = 'wall'
  }

  #damaged(kind: DiagnosticKind, offset: number, detail: string): void {
    this.facts.damaged++
    this.#add(kind, offset, detail)
  }

  #add(kind: DiagnosticKind, offset: number | undefined, detail: string): void {
    this.#diagnostics.add(kind, offset === undefined ? { source: this.#path } : { source: this.#path, offset }, detail)
  }
}

/**
 * Reads a capture. Damage is a row of `diagnostics`; only a source that can't be read at all throws. `plain`: without the
 * sieve, so that each event is looked at and no row is left out; the tests hold the two against each other.
 */
export function readScap(source: Source, diagnostics: Diagnostics, { plain = false } = {}): SysdigReading {
  const told: Told = { facts: emptyFacts(), processes: new Map(), containers: new Map() }
  async function* batches(): AsyncGenerator<CallBatch> {
    const parser = new ScapParser(source.path, diagnostics, plain, told)
    for await (const chunk of source.chunks(parser.room)) {
      for (let pos = 0; pos < chunk.length;) {
        pos = parser.consume(chunk, pos)
        if (pos < chunk.length || parser.crowded) {
          parser.stampBatch()
          yield parser.batch
          parser.recycle()
        }
      }
    }
    while (!parser.end()) {
      parser.stampBatch()
      yield parser.batch
      parser.recycle()
    }
    parser.stampBatch()
    if (parser.batch.length > 0) yield parser.batch
  }
  return readingOf(batches(), told)
}
