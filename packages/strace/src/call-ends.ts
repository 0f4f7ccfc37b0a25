/** Where a call ends: its result, its count by name, its row. */
import { CALLS, UNKNOWN, latin1 } from '@flushtrace/trace'
import type { LineContext } from './context.ts'
import { STRACE } from './diagnostics.ts'
import type { ResultPart } from './result.ts'
import type { Scanner } from './scanner.ts'
import { endsTimed, isUnavailable, outcomeAt, type Tail } from './shape.ts'

export class CallEnds {
  readonly #context: LineContext
  readonly #scanner: Scanner
  /** Of the call that was read last. */
  readonly result: ResultPart
  /** -T was seen. */
  timed = false

  constructor(context: LineContext, scanner: Scanner, result: ResultPart) {
    this.#context = context
    this.#scanner = scanner
    this.result = result
  }

  /** The result of a line that was scanned to it. */
  read(buf: Uint8Array, end: number, tail: Tail): void {
    const { resultStart } = this.#scanner
    // Only where its end alone tells the same: a name can hold `) = `.
    if (tail.result === resultStart && !Number.isNaN(tail.value)) this.result.take(tail.value, tail.tookNs)
    else this.result.parse(buf, resultStart, end)
  }

  /** A call that was scanned to its end: its row, which has no arguments yet; -1 where it is only counted. */
  add(name: number, call: number, tid: number, phase: number, atNs: number, buf: Uint8Array): number {
    const context = this.#context
    const { result } = this
    context.counts.end(name, result.outcome, result.unavailable)
    if (!Number.isNaN(result.tookNs)) this.timed = true
    if (call < 0) {
      context.facts.counted++
      return -1
    }
    context.facts.used++
    const { batch, texts } = context
    const i = context.row(phase, call, tid, atNs)
    batch.outcome[i] = result.outcome
    batch.result[i] = result.value
    batch.tookNs[i] = result.tookNs
    if (result.errnoStart >= 0) {
      batch.errno[i] = texts.strings.intern(buf, result.errnoStart, result.errnoEnd, latin1)
    }
    // With -Y a child's pid is decorated as well.
    if (result.decorationStart >= 0 && CALLS[call].givesFd) {
      batch.decorationResult[i] = texts.fdName(buf, result.decorationStart, result.decorationEnd)
    }
    if (result.outcome === UNKNOWN) context.report(STRACE.noResult, CALLS[call].name)
    if (CALLS[call].role === 'fork' && result.value > 0) context.tasks.announce(result.value)
    return i
  }

  /** Death, exec or the tracer's leaving ended the call. */
  without(call: number, ending: 'ended' | 'detached'): void {
    const { facts } = this.#context
    if (call < 0) facts.counted++
    else {
      facts.used++
      const { name, role } = CALLS[call]
      // Left in another call: the trace ended. Left in execve: -b asked for it, and the trace goes on without the task.
      const left = role === 'exec' ? STRACE.detached : STRACE.inFlight
      this.#context.report(ending === 'ended' ? STRACE.noResult : left, name)
    }
  }

  /** The end of a call that no rule asks for. */
  count(name: number, buf: Uint8Array, end: number, { result: at }: Tail): void {
    // Without a result it did not end: `<detached ...>`.
    if (at < 0) return
    this.#context.counts.end(name, outcomeAt(buf, at, end), isUnavailable(buf, at, end))
    this.timed ||= endsTimed(buf, end)
  }
}
