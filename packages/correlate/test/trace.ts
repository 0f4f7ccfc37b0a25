/**
 * Builds rows of calls by story, applies them to a System and keeps what comes out, so that the test of a rule is ten
 * lines:
 *
 *     const t = new Trace()
 *     t.open(10, '/a', O_RDWR, 3)
 *     t.call(10, 'fsync', { fd: 3 })
 *     assert.equal(t.flushes, ['fsync /a'])
 */
import {
  CallBatch,
  Diagnostics,
  ENTER,
  EXIT,
  FAILED,
  OUTCOMES,
  StringTable,
  TAKE_OVER,
  TASKS,
  TASK_ALIAS,
  TASK_EXIT,
  WHOLE,
  callIndex,
  flags as F,
  type Clock,
  type DiagnosticKind,
  type Extra,
  type FdName,
  type FdRef,
  type Instant,
  type ListedFd,
  type ListedTask,
  type Outcome,
} from '@flushtrace/trace'
import type { SavedProcess } from '@flushtrace/layout'
import type { Activity, ActivityKind, ActivitySink, Confidence, Scope } from '../src/activity.ts'
import type { CallStream } from '../src/merge.ts'
import { System } from '../src/system.ts'

/** `/a` · `/a>(deleted)`: since strace 5.19 · `/a (deleted)`: before · `pipe:[7]`, `memfd:x`, `/dev/sda<block 8:0>`. */
export type Said = string | FdName

export interface Args {
  fd?: number
  fd2?: number
  path?: string
  path2?: string
  addr?: number
  addr2?: number
  size?: number
  size2?: number
  offset?: number
  flags?: number
  flags2?: number
  extra?: Extra
  result?: number
  /** Makes the call fail. */
  errno?: string
  outcome?: Outcome
  /** What the trace says behind `fd`, `fd2` and the result. */
  said?: Said
  said2?: Said
  saidResult?: Said
  atNs?: number
  tookNs?: number
}

/** A batch under construction. */
export class Rows {
  readonly strings = new StringTable()
  readonly names: FdName[] = []
  batch = new CallBatch(this.strings, this.names, 1 << 13)
  #record = 0

  add(phase: number, tid: number, name: string, args: Args = {}): number {
    const call = callIndex(name)
    if (call < 0) throw new Error(`${name}: no rule asks for this call`)
    return this.row(phase, call, tid, args)
  }

  row(phase: number, call: number, tid: number, args: Args = {}): number {
    const { batch } = this
    const i = batch.add(phase, call, tid, args.atNs ?? NaN, ++this.#record)
    batch.fd[i] = args.fd ?? -1
    batch.fd2[i] = args.fd2 ?? -1
    batch.path[i] = args.path === undefined ? -1 : this.strings.add(args.path)
    batch.path2[i] = args.path2 === undefined ? -1 : this.strings.add(args.path2)
    batch.addr[i] = args.addr ?? NaN
    batch.addr2[i] = args.addr2 ?? NaN
    batch.size[i] = args.size ?? NaN
    batch.size2[i] = args.size2 ?? NaN
    batch.offset[i] = args.offset ?? NaN
    batch.flags[i] = args.flags ?? 0
    batch.flags2[i] = args.flags2 ?? 0
    batch.extra[i] = args.extra ?? null
    batch.decoration[i] = this.#said(args.said)
    batch.decoration2[i] = this.#said(args.said2)
    batch.tookNs[i] = args.tookNs ?? NaN
    if (phase === ENTER) return i
    batch.result[i] = args.result ?? (args.errno ? -1 : 0)
    batch.decorationResult[i] = this.#said(args.saidResult)
    batch.outcome[i] = args.outcome ? OUTCOMES.indexOf(args.outcome) : args.errno ? FAILED : 0
    if (args.errno) batch.errno[i] = this.strings.add(args.errno)
    return i
  }

  #said(said: Said | undefined): number {
    if (said === undefined) return -1
    return this.names.push(typeof said === 'string' ? fdName(said) : said) - 1
  }

  /** These rows as a stream of their own. `tid`: they are a file of a -ff set. */
  stream(source: number, tid: number, clock: Clock, origin: Instant | null = { seconds: 0, nanos: 0 }): CallStream {
    const { batch } = this
    batch.clock = clock
    batch.origin = clock === 'none' || clock === 'relative' ? null : origin
    // oxlint-disable-next-line typescript/require-await -- a reader awaits its source here
    async function* batches(): AsyncGenerator<CallBatch> {
      yield batch
    }
    return { source, tid, batches: batches() }
  }
}

function fdName(text: string): FdName {
  const device = /^(.*)<(block|char) (\d+:\d+)>$/.exec(text)
  if (device)
    return { kind: 'device', text: device[1], deleted: false, device: device[3], block: device[2] === 'block' }
  const plain = { deleted: false, device: null, block: false } as const
  if (/^(?:pipe|socket|anon_inode):/.test(text)) {
    return { ...plain, kind: text.startsWith('pipe') ? 'pipe' : text.startsWith('socket') ? 'socket' : 'anon', text }
  }
  if (text.startsWith('/memfd:')) return { ...plain, kind: 'memory', text, deleted: true }
  if (text.endsWith('>(deleted)')) return { ...plain, kind: 'path', text: text.slice(0, -10), deleted: true }
  return { ...plain, kind: 'path', text, deleted: text.endsWith(' (deleted)') ? 'maybe' : false }
}

export function fds(...numbers: (number | [fd: number, said: Said])[]): Extra {
  const refs: FdRef[] = numbers.map((at) =>
    typeof at === 'number'
      ? { fd: at, name: null }
      : { fd: at[0], name: typeof at[1] === 'string' ? fdName(at[1]) : at[1] },
  )
  return { kind: 'fds', fds: refs }
}

/** As a capture lists a task; `fds`: path by number. */
export function listed(
  pid: number,
  more: Partial<ListedTask> = {},
  open?: Readonly<Record<number, string>>,
): ListedTask {
  const fds: ListedFd[] = Object.entries(open ?? {}).map(([fd, target]) => ({
    fd: Number(fd),
    target,
    deleted: false,
    flags: F.O_RDWR,
    inode: 0,
    device: null,
  }))
  const known = { tgid: pid, comm: 'db', cmdline: ['/bin/db'], exe: '/bin/db', sid: pid, vtid: pid, cwd: null }
  return { pid, ...known, fds: open ? fds : null, regions: null, container: null, ...more }
}

/** A copy of an activity, with its process and files in words. */
export interface Seen {
  kind: ActivityKind
  call: string
  via: string
  pid: number | null
  tid: number
  process: string | null
  /** pid of the process that made it. */
  parent: number | null
  paths: string[]
  scope: Scope
  confidence: Confidence | null
  rule: string | null
  bytes: number
  errno: string | null
  atNs: number
  tookNs: number
}

export interface TraceOptions {
  saved?: SavedProcess[]
  /** Gets the activities as they are emitted, the detailed kinds among them. */
  onActivity?: ActivitySink
}

export class Trace {
  readonly rows = new Rows()
  readonly seen: Seen[] = []
  readonly diagnostics = new Diagnostics()
  readonly system: System
  readonly #entered = new Map<number, Args>()

  constructor(options: TraceOptions = {}) {
    this.system = new System({
      diagnostics: this.diagnostics,
      emit: (activity) => {
        this.seen.push(copyOf(activity))
        options.onActivity?.(activity)
      },
      detail: options.onActivity !== undefined,
      sourcePaths: ['a', 'b', 'c', 'd'],
      saved: new Map((options.saved ?? []).map((process) => [process.pid, process])),
    })
  }

  /** A whole call. */
  call(tid: number, name: string, args: Args = {}): void {
    this.#apply(this.rows.add(WHOLE, tid, name, args))
  }

  enter(tid: number, name: string, args: Args = {}): void {
    this.#entered.set(tid, args)
    this.#apply(this.rows.add(ENTER, tid, name, args))
  }

  /** The end of the task's call; its arguments are those of its entry. */
  exit(tid: number, name: string, args: Args = {}): void {
    this.#apply(this.rows.add(EXIT, tid, name, { ...this.#entered.get(tid), ...args }))
    this.#entered.delete(tid)
  }

  open(tid: number, path: string, flags: number, fd: number, args: Args = {}): void {
    this.call(tid, 'openat', { fd: F.AT_FDCWD, path, flags, result: fd, ...args })
  }

  fork(parent: number, child: number, args: Args = {}): void {
    this.call(parent, 'fork', { result: child, ...args })
  }

  /** The program maps its libraries at once, as all do. */
  exec(tid: number, ...argv: string[]): void {
    this.call(tid, 'execve', { path: argv[0], extra: { kind: 'argv', argv, cut: false } })
    this.call(tid, 'mmap', { size: 4096, flags: F.MAP_PRIVATE | F.MAP_ANONYMOUS, result: 0x7f0000000000 })
  }

  map(tid: number, fd: number, start: number, pages: number, args: Args = {}): void {
    const shared = { flags: F.MAP_SHARED, flags2: F.PROT_WRITE | 1, offset: 0 }
    this.call(tid, 'mmap', { size: pages * 4096, fd, result: start, ...shared, ...args })
  }

  msync(tid: number, start: number, pages = 1, args: Args = {}): void {
    this.call(tid, 'msync', { addr: start, size: pages * 4096, flags: F.MS_SYNC, ...args })
  }

  end(tid: number): void {
    this.#apply(this.rows.row(WHOLE, TASK_EXIT, tid))
  }

  takeOver(leader: number, thread: number): void {
    this.#apply(this.rows.row(WHOLE, TAKE_OVER, leader, { result: thread }))
  }

  alias(tid: number): void {
    this.#apply(this.rows.row(WHOLE, TASK_ALIAS, tid, { result: 0 }))
  }

  /** All tasks that there are, at the beginning of a capture or of a section of it. */
  list(
    tasks: readonly ListedTask[],
    { whole = true, boot = null, sinceNs = NaN }: { whole?: boolean; boot?: number | null; sinceNs?: number } = {},
  ): void {
    const list = { tasks: new Map(tasks.map((task) => [task.pid, task])), whole, bootSeconds: boot, sinceNs }
    this.#apply(this.rows.row(WHOLE, TASKS, 0, { extra: { kind: 'tasks', list } }))
  }

  finish(): this {
    this.system.finish()
    return this
  }

  #apply(i: number): void {
    this.system.apply(this.rows.batch, i, 0)
  }

  /** `fsync /a`, `msync /a + /b`, `sync system`, `fsync unknown`. */
  get flushes(): string[] {
    return this.of('flush')
  }

  of(kind: ActivityKind): string[] {
    return this.seen
      .filter((activity) => activity.kind === kind)
      .map((activity) => `${activity.call} ${whatOf(activity)}`)
  }

  /** Like flushes, the pid before each. */
  get byProcess(): string[] {
    return this.seen
      .filter(({ kind }) => kind === 'flush')
      .map((activity) => `${activity.pid} ${activity.call} ${whatOf(activity)}`)
  }

  /** Processes and tasks that came up. */
  get counts(): [processes: number, tasks: number] {
    return [this.system.seen.processes, this.system.seen.tasks]
  }

  get last(): Seen {
    const last = this.seen.at(-1)
    if (!last) throw new Error('no activity yet')
    return last
  }

  count(kind: DiagnosticKind): number {
    return this.diagnostics.count(kind)
  }
}

function whatOf({ paths, scope }: Seen): string {
  return paths.length > 0 ? paths.join(' + ') : scope
}

export function copyOf(activity: Activity): Seen {
  const { kind, call, via, task, scope, targets, bytes, errno, atNs, tookNs } = activity
  return {
    kind,
    call,
    via,
    pid: task.process.pid,
    tid: task.tid,
    process: task.process.name,
    parent: task.process.parent?.pid ?? null,
    paths: targets.map(({ name }) => name.path + (name.deleted ? ' (deleted)' : '')),
    scope,
    confidence: targets[0]?.confidence ?? null,
    rule: targets[0]?.rule ?? null,
    bytes,
    errno,
    atNs,
    tookNs,
  }
}
