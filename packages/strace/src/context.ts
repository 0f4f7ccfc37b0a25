/** What the parts of one reader share: the batch being filled, the line being read, and the state between lines. */
import {
  CALLS,
  CallBatch,
  TASK_ALIAS,
  TASK_NAME,
  WHOLE,
  type DiagnosticKind,
  type Diagnostics,
} from '@flushtrace/trace'
import { CallCounts } from './call-counts.ts'
import { CallMemo, REPEATS } from './call-memo.ts'
import { STRACE } from './diagnostics.ts'
import { allFailed, emptyFacts, hidesByStatus, summaryDifferences, type StraceFacts } from './facts.ts'
import { Leader } from './leader.ts'
import { LineMemo } from './line-memo.ts'
import { LineClock } from './line-clock.ts'
import { LineTasks } from './line-tasks.ts'
import { PendingCalls } from './pending.ts'
import { sharedSieve, type Sieve, type SieveRule } from './sieve.ts'
import { SKIP_RULES } from './skip.ts'
import { Texts } from './texts.ts'
import { unescape } from './values.ts'

/** Names learned from -Y are forgotten beyond this many tasks: they come again on every line. */
const MAX_COMMS = 1 << 18

const WRITES: ReadonlyMap<string, SieveRule> = new Map<string, SieveRule>([
  ['write', 'write'],
  ['pwrite64', 'pwrite'],
])

/** How the lines of a log begin, when the fast path knows such lines: `PID SECONDS.MICROS `, or without the pid. */
export type Layout = 'pid' | 'time' | 'other'

export interface LineOptions {
  /** The one task of a -ff file; 0: lines tell theirs. */
  readonly tid?: number
  /** Of a batch. */
  readonly rows?: number
  /** No line is read in a shorter way because of the ones before it: what the tests hold the short ways against. */
  readonly plain?: boolean
  /** To be filled. */
  readonly facts?: StraceFacts
}

export class LineContext {
  readonly facts: StraceFacts
  readonly leader = new Leader()
  readonly clock = new LineClock()
  readonly tasks: LineTasks
  readonly counts = new CallCounts()
  readonly pending = new PendingCalls()
  /** null: a set of a thousand -ff files has as many readers, all at once, and no room for so many. */
  readonly memo: CallMemo | null
  /** null: all lines are read one by one. */
  readonly sieve: Sieve | null
  /** null: as with `memo`. */
  readonly lines: LineMemo | null
  /** Options seen that neither the clock nor the leader remembers. */
  readonly options = new Set<string>()
  readonly texts = new Texts()
  readonly batch: CallBatch
  readonly #path: string
  readonly #diagnostics: Diagnostics
  readonly #comms = new Map<number, number>()

  readonly plain: boolean

  constructor(
    path: string,
    diagnostics: Diagnostics,
    { tid = 0, rows, plain = false, facts = emptyFacts() }: LineOptions,
  ) {
    this.#path = path
    this.#diagnostics = diagnostics
    this.facts = facts
    this.plain = plain
    this.memo = plain || tid > 0 ? null : new CallMemo()
    this.sieve = plain ? null : sharedSieve()
    this.lines = this.sieve && tid === 0 ? new LineMemo(this.sieve, this.clock, this.pending) : null
    this.tasks = new LineTasks(tid)
    this.batch = new CallBatch(this.texts.strings, this.texts.names, rows)
  }

  /** An emptied batch; over-full text tables are replaced by fresh ones. */
  recycle(): void {
    if (this.texts.full) {
      this.texts.renew()
      this.pending.forgetRows()
      this.memo?.clear()
      this.sieve?.forgetLines()
      this.#comms.clear()
    }
    this.batch.strings = this.texts.strings
    this.batch.names = this.texts.names
    this.batch.clear()
  }

  row(phase: number, call: number, tid: number, atNs: number = this.clock.nowNs): number {
    return this.batch.add(phase, call, tid, atNs, this.facts.lines)
  }

  /**
   * The line's time is taken, and its task found. To be called once for each line that has a leader. `what`: it begins a
   * call, or one that ends what the line calls the task (execve).
   */
  begin(buf: Uint8Array, what: 'call' | 'exec' | null = null): number {
    const { clock, leader, batch } = this
    clock.stamp(leader)
    if (batch.clock !== clock.clock) {
      batch.clock = clock.clock
      batch.origin = clock.origin
    }
    const tid = this.tasks.of(leader)
    // The root is in a call, mostly the one that made this task, and begins no other.
    if (what !== null && this.tasks.seeksRoot && tid > 0 && this.pending.get(0)) this.tasks.announce(tid)
    if (this.tasks.reveals(tid)) {
      batch.result[this.row(WHOLE, TASK_ALIAS, tid)] = 0
      this.pending.move(0, tid)
    }
    if (what === 'exec') this.#comms.delete(tid)
    else if (leader.commStart >= 0) this.#learnName(buf, tid)
    return tid
  }

  /** `-Y`: what the task is called now. */
  #learnName(buf: Uint8Array, tid: number): void {
    const { leader } = this
    const comm = this.texts.strings.intern(buf, leader.commStart, leader.commEnd, unescape)
    if (this.#comms.get(tid) === comm) return
    if (this.#comms.size > MAX_COMMS) this.#comms.clear()
    this.#comms.set(tid, comm)
    this.options.add('-Y')
    this.batch.path[this.row(WHOLE, TASK_NAME, tid)] = comm
  }

  /** The task is gone; its number may come again. */
  endTask(tid: number): void {
    this.pending.drop(tid)
    this.tasks.ended(tid)
    this.#comms.delete(tid)
  }

  /** Of the lines that the sieve has passed: those that are rows, and the time of the last one whose time counts. */
  passed({ passed, stampedAt, now, repeats }: Sieve): void {
    const { facts, leader } = this
    facts.lines += passed
    facts.counted += passed - repeats.count
    facts.used += repeats.count
    this.lines?.repeat(this.batch)
    if (stampedAt < 0) return
    const seconds = Math.floor(now / 1e6)
    leader.take(0, seconds, now - seconds * 1e6)
    this.clock.stamp(leader)
  }

  /** What tasks did on the lines that the sieve has passed is known from here on. */
  settle(): void {
    if (this.lines) this.sieve?.tasks.settleAll(this.lines)
  }

  /** The sieve did not know this name. */
  teachSieve(name: number): void {
    const call = this.counts.callOf[name]
    const rule =
      call < 0 ? 'any' : (SKIP_RULES[call] ?? WRITES.get(CALLS[call].name) ?? (REPEATS[call] ? 'row' : 'varied'))
    this.sieve?.learn(name, this.counts.bytesOf(name), rule)
  }

  /** Whether lines that begin like the one at hand are ones for the fast path. */
  layout(oneTask: boolean): Layout {
    const { leader } = this
    if (this.plain || leader.clock !== 'wall' || leader.commStart >= 0 || !Number.isNaN(leader.relativeNs))
      return 'other'
    if (leader.hasBrackets || leader.hasNumber || leader.hasPointer || leader.hasContext) return 'other'
    if (leader.tid > 0) return 'pid'
    // Without a pid column: only in a file of a -ff set is it sure whose line it is.
    return oneTask ? 'time' : 'other'
  }

  /** The recording options that show in the text. */
  recordingOptions(timed: boolean, oneTask: boolean): string[] {
    const { options, leader, clock, tasks, texts, facts } = this
    if (timed) options.add('-T')
    if (leader.hasNumber) options.add('-n')
    if (leader.hasPointer) options.add('-i')
    if (leader.hasContext) options.add('--secontext')
    if (tasks.prefixed) options.add('-f')
    if (oneTask) options.add('-ff')
    if (clock.fractions) options.add(clock.clock === 'wall' ? '-ttt' : '-tt')
    else if (clock.clock === 'timeOfDay') options.add('-t')
    if (clock.relative) options.add('-r')
    if (facts.summary.length > 0) options.add('-C')
    if (texts.option) options.add(texts.option)
    return [...options].sort()
  }

  /** Of a log that ends in a table (-C): whether both count the same. */
  compareSummary(): void {
    const { facts } = this
    if (facts.summary.length === 0) {
      const failed = allFailed(facts)
      if (failed > 0) this.report(STRACE.onlyFailed, `${failed}`)
      return
    }
    const differences = summaryDifferences(facts)
    facts.summaryAgrees = differences.length === 0
    if (differences.length === 0) return
    const kind = hidesByStatus(facts) ? STRACE.statusFilter : STRACE.summaryDiffers
    this.report(kind, differences.slice(0, 3).join('; '), facts.lines, differences.length)
  }

  report(kind: DiagnosticKind, detail: string, record: number = this.facts.lines, count = 1): void {
    this.#diagnostics.add(kind, { source: this.#path, record }, detail, count)
  }

  /** A line that cannot be read to its end. */
  damaged(text: string): void {
    this.facts.damaged++
    this.report(STRACE.damaged, JSON.stringify(text))
  }
}
