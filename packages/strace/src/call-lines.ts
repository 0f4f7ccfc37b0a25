/**
 * Lines of calls → rows. Stitching the two halves of a split call is the main job, not an edge case: with four busy
 * threads 95 % of the flushes stand on two lines.
 *
 *     3619  futex(0x7f…, FUTEX_WAIT, 2, NULL <unfinished ...>
 *     3619  <... futex resumed>) = 0 <0.000021>
 *
 * Invariants
 * 1. A task has at most one call in flight; the key of a pending call is the task id of its line.
 * 2. A call is counted by name when it ends; one that never ends is reported, not counted.
 * 3. The tail of a split call goes on with its next argument, or ends it: what was read is kept. Where it was cut inside
 *    of an argument, the whole is scanned anew from its start.
 * 4. The short ways – `quick`, the memos of calls and of lines, the rest of a call without its beginning – give what the
 *    plain road gives: the tests hold one against the other.
 */
import { CALLS, ENTER, EXIT, WHOLE, copyBytes, latin1, type CallRole } from '@flushtrace/trace'
import { fillRow, PLANS } from './arguments.ts'
import { CallEnds } from './call-ends.ts'
import type { LineContext } from './context.ts'
import { STRACE } from './diagnostics.ts'
import type { Pending } from './pending.ts'
import { ResultPart } from './result.ts'
import { NONE_KNOWN, Scanner, startsWith, type Ending } from './scanner.ts'
import { Tail, endOfName, endsInMark } from './shape.ts'
import type { Sieve } from './sieve.ts'
import { HARMLESS_WHEN_FAILED, changesNothing, endsInFailure } from './skip.ts'

const SPACE = 0x20
const DOT = 0x2e
const LANGLE = 0x3c
const LF = 0x0a
const RESUMED = Buffer.from('resumed')

/** Calls of which only a descriptor is asked: close, fsync, fdatasync, writev … Index = index in CALLS. */
const ONE_DESCRIPTOR = CALLS.map(({ slots }) => slots.length === 1 && slots[0] === 'fd')
/** Those that flush, and have no other argument. */
const FLUSHES = CALLS.map(({ name }) => ['fsync', 'fdatasync', 'syncfs'].includes(name))

/** Without its flags it can't be told what the call made. */
const HIDES_FLAGS: ReadonlySet<CallRole> = new Set<CallRole>(['fork', 'fcntl'])

/** All that can stand in a flush; `fd=3` with -N. */
const DESCRIPTOR = /^(?:fd=)?(?:-?\d+|0x[0-9a-f]+)(?:<.*>(?:\(deleted\))?)?$/s

/** What became of a line. open: it ends before the call does · counted: done, its time not read · other: no call. */
export type LineResult = 'done' | 'counted' | 'open' | 'other'

export class CallLines {
  readonly #context: LineContext
  readonly #scanner: Scanner
  readonly ends: CallEnds
  /** Of the line being read, where the sieve has not read it. */
  readonly #lineTail = new Tail()
  #joined: Buffer = Buffer.alloc(0)

  constructor(context: LineContext) {
    this.#context = context
    const known = context.plain ? NONE_KNOWN : context.texts
    this.#scanner = new Scanner(known)
    this.ends = new CallEnds(context, this.#scanner, new ResultPart(known))
  }

  /**
   * The fast path, for lines laid out as the ones before them: `6920  1795175435.438954 getpid() = 6920 <0.000021>`. A
   * whole line of a call that changes nothing needs neither its task nor its time, so they are not read: `counted`.
   * `other`: the line is not laid out so; take the plain road.
   */
  quick(buf: Uint8Array, start: number, end: number, withPid: boolean): LineResult {
    const { counts, facts, leader } = this.#context
    const p = leader.parseUsual(buf, start, withPid)
    if (p < 0 || p >= end) return 'other'
    if (buf[p] === LANGLE) return leader.readUsualTime(buf) ? this.resume(buf, p, end) : 'other'
    const name = counts.known(buf, p)
    if (name < 0 || counts.nameEnd >= end) return 'other'
    this.#context.teachSieve(name)
    const args = counts.nameEnd + 1
    const skip = changesNothing(counts.callOf[name], buf, args, end)
    const tail = this.#lineTail
    tail.read(buf, args, end)
    if (skip && tail.result >= 0 && buf[tail.result] !== 0x3f && !endsInMark(buf, end)) {
      facts.counted++
      this.ends.count(name, buf, end, tail)
      return 'counted'
    }
    return leader.readUsualTime(buf) ? this.#call(name, skip, buf, args, end, tail) : 'other'
  }

  /** The same for a line whose beginning and end the sieve has read. */
  sifted(sieve: Sieve, buf: Uint8Array): LineResult {
    const { body, lineEnd: end, name, args, tail } = sieve
    const resumed = buf[body] === LANGLE
    if (!resumed && name < 0) return 'other'
    this.#context.leader.take(sieve.tid, sieve.seconds, sieve.micros)
    if (!resumed) return this.#call(name, sieve.skips, buf, args, end, tail)
    return name < 0 ? this.resume(buf, body, end) : this.#resumed(name, this.#context.begin(buf), buf, args, end, tail)
  }

  /** `name(args…` at `p`, its leader read. */
  begin(buf: Uint8Array, p: number, end: number): LineResult {
    const open = endOfName(buf, p, end)
    if (open < 0) return 'other'
    const { counts, facts } = this.#context
    const name = counts.idOf(buf, p, open)
    if (name < 0) {
      facts.foreign++
      this.#context.report(STRACE.tooManyNames, '')
      return 'done'
    }
    const args = open + 1
    this.#lineTail.read(buf, args, end)
    return this.#call(name, changesNothing(counts.callOf[name], buf, args, end), buf, args, end, this.#lineTail)
  }

  #call(name: number, skip: boolean, buf: Uint8Array, args: number, end: number, tail: Tail): LineResult {
    const call = this.#context.counts.callOf[name]
    if (skip) {
      if (tail.unfinished || tail.result >= 0) {
        this.#plain(name, buf, end, tail)
        return 'done'
      }
    } else if (HARMLESS_WHEN_FAILED[call] && endsInFailure(buf, args, end)) {
      this.#plain(name, buf, end, tail)
      return 'done'
    }
    const { memo } = this.#context
    const known = memo === null || tail.slot >= 0 ? -1 : memo.find(name, call, buf, args, end, tail)
    return this.#scanned(this.#ending(known, call, buf, args, end), known, name, buf, args, end, tail)
  }

  /** `known`: which call of the memo it is; -1: it must be scanned. */
  #ending(known: number, call: number, buf: Uint8Array, args: number, end: number): Ending {
    const scanner = this.#scanner
    const { memo } = this.#context
    if (known >= 0 && memo) return memo.recall(known, scanner)
    if (!ONE_DESCRIPTOR[call]) return scanner.scan(buf, args, end)
    const short = scanner.scanDescriptor(buf, args, end)
    if (short !== 'open') return short
    const ending = scanner.scan(buf, args, end)
    const isDamaged = ending === 'complete' && FLUSHES[call] && !DESCRIPTOR.test(latin1(buf, args, scanner.argsEnd))
    return isDamaged ? 'open' : ending
  }

  /** A line that changes nothing: counted by name. */
  #plain(name: number, buf: Uint8Array, end: number, tail: Tail): void {
    const { pending, facts } = this.#context
    const tid = this.#context.begin(buf, 'call')
    facts.counted++
    if (tail.unfinished) pending.beginPlain(tid, name, facts.lines)
    else this.ends.count(name, buf, end, tail)
  }

  #scanned(
    ending: Ending,
    known: number,
    name: number,
    buf: Uint8Array,
    args: number,
    end: number,
    tail: Tail,
  ): LineResult {
    const context = this.#context
    const { pending, facts, counts } = context
    const call = counts.callOf[name]
    const what = call >= 0 && CALLS[call].role === 'exec' ? 'exec' : 'call'
    switch (ending) {
      case 'complete': {
        this.ends.read(buf, end, tail)
        if (!this.ends.result.valid) return 'open'
        const tid = context.begin(buf, what)
        pending.endOf(tid)
        const i = this.ends.add(name, call, tid, WHOLE, context.clock.nowNs, buf)
        if (i >= 0) this.#arguments(i, ending, known, name, buf, args, tail)
        return 'done'
      }
      case 'unfinished':
      case 'pidChanged': {
        const tid = context.begin(buf, what)
        if (call < 0) {
          pending.beginPlain(tid, name, facts.lines)
          facts.counted++
          return 'done'
        }
        facts.used++
        const { batch } = context
        const i = context.row(ENTER, call, tid)
        this.#arguments(i, ending, known, name, buf, args, tail)
        const begun = pending.begin(tid, name, facts.lines, context.clock.nowNs, buf, args, this.#scanner.argsEnd)
        if (ending === 'unfinished' && !context.plain) {
          begun.next = this.#scanner.next
          begun.between = this.#scanner.between
          pending.rows.copyArguments(begun.row, batch, i)
        }
        return 'done'
      }
      case 'ended':
      case 'detached': {
        const tid = context.begin(buf, what)
        pending.endOf(tid)
        this.ends.without(call, ending)
        return 'done'
      }
      case 'open':
        return 'open'
    }
  }

  /** Fills row `i` with what was scanned, or is known. */
  #arguments(i: number, ending: Ending, known: number, name: number, buf: Uint8Array, args: number, tail: Tail): void {
    const { batch, memo, counts, texts, lines } = this.#context
    if (known >= 0 && memo) batch.copyArguments(i, memo.rows, known)
    else {
      fillRow(batch, i, PLANS[counts.callOf[name]], this.#scanner, buf, texts)
      if (tail.slot < 0) memo?.keep(name, buf, args, ending, this.#scanner, batch, i)
      else lines?.keep(batch, i, ending, this.#scanner)
    }
  }

  /** `<... name resumed>tail`, before 5.0 with a blank before the tail. */
  resume(buf: Uint8Array, p: number, end: number): LineResult {
    if (buf[p + 1] !== DOT || buf[p + 2] !== DOT || buf[p + 3] !== DOT || buf[p + 4] !== SPACE) return 'other'
    let nameEnd = p + 5
    while (nameEnd < end && buf[nameEnd] !== SPACE) nameEnd++
    if (!startsWith(buf, nameEnd + 1, end, RESUMED)) return 'other'
    let tail = nameEnd + 1 + RESUMED.length
    while (tail < end && buf[tail] !== 0x3e) tail++
    if (tail >= end) return 'other'
    tail++
    const { counts, pending } = this.#context
    const tid = this.#context.begin(buf)
    const begun = pending.get(tid)
    const name = begun && counts.isAt(begun.name, buf, p + 5, nameEnd) ? begun.name : counts.idOf(buf, p + 5, nameEnd)
    this.#lineTail.read(buf, tail, end)
    return this.#resumed(name, tid, buf, tail, end, this.#lineTail)
  }

  /** The rest of a call, from `from` on. `name` -1: one too many. */
  #resumed(name: number, tid: number, buf: Uint8Array, from: number, end: number, tail: Tail): LineResult {
    const { facts, pending } = this.#context
    const begun = pending.get(tid)
    if (begun?.name === name) return this.#join(begun, tid, buf, from, end, tail)
    if (name < 0) {
      facts.foreign++
      return 'done'
    }
    if (begun) pending.end(begun)
    return this.#lostStart(name, tid, buf, from, end)
  }

  #join(begun: Pending, tid: number, buf: Uint8Array, from: number, end: number, tail: Tail): LineResult {
    const { counts, facts, pending } = this.#context
    const { name } = begun
    if (begun.length < 0) {
      facts.counted++
      // A resumed part may itself be unfinished: still the same call.
      if (tail.unfinished) return 'done'
      pending.end(begun)
      this.ends.count(name, buf, end, tail)
      return 'done'
    }
    if (begun.next >= 0 && this.#goesOn(begun, tid, buf, from, end, tail)) return 'done'
    const total = this.#append(begun, buf, from, end)
    const joined = this.#joined
    const ending = this.#scanner.scan(joined, 0, total)
    if (ending === 'unfinished' || ending === 'pidChanged') {
      facts.used++
      pending.extend(begun, joined, 0, this.#scanner.argsEnd)
      return 'done'
    }
    pending.end(begun)
    const call = counts.callOf[name]
    if (ending === 'ended' || ending === 'detached') {
      this.ends.without(call, ending)
      return 'done'
    }
    if (ending === 'complete') this.ends.result.parse(joined, this.#scanner.resultStart, total)
    if (ending !== 'complete' || !this.ends.result.valid) return 'open'
    const i = this.ends.add(name, call, tid, EXIT, begun.atNs, joined)
    if (i >= 0) fillRow(this.#context.batch, i, PLANS[call], this.#scanner, joined, this.#context.texts)
    return 'done'
  }

  /**
   * The rest of a call that was interrupted between two arguments, or after the last: `) = 0 <0.000021>`. What was read
   * of it is not read again. False when the rest does not begin so, or is no end: then the whole is scanned.
   */
  #goesOn(begun: Pending, tid: number, buf: Uint8Array, from: number, end: number, tail: Tail): boolean {
    const scanner = this.#scanner
    const { name, next, between, row, atNs } = begun
    const c = buf[from]
    const closes = c === 0x29
    if (!closes && (!between || c === SPACE || c === LANGLE || c === 0x2c)) return false
    const ending = closes ? scanner.scanResult(buf, from + 1, end) : scanner.scan(buf, from, end, next)
    if (ending !== 'complete') return false
    this.ends.read(buf, end, tail)
    if (!this.ends.result.valid) return false
    const { batch, texts, pending, counts } = this.#context
    const call = counts.callOf[name]
    const i = this.ends.add(name, call, tid, EXIT, atNs, buf)
    batch.copyArguments(i, pending.rows, row)
    if (!closes) fillRow(batch, i, PLANS[call], scanner, buf, texts, next)
    if (tail.slot >= 0) this.#context.lines?.keep(batch, i, ending, scanner)
    pending.end(begun)
    return true
  }

  /** Puts the whole call into #joined: its arguments so far, and bytes [tail, end). Returns the length. */
  #append(begun: Pending, buf: Uint8Array, tail: number, end: number): number {
    const total = begun.length + end - tail
    if (total >= this.#joined.length) this.#joined = Buffer.allocUnsafe(total * 2 + 1)
    copyBytes(begun.text, 0, begun.length, this.#joined, 0)
    copyBytes(buf, tail, end, this.#joined, begun.length)
    // As in a chunk: a look ahead must not meet the bytes of an older call.
    this.#joined[total] = LF
    return total
  }

  /**
   * -z and -Z hold a line back until its call has ended; of one that another task's line interrupted, strace 6.1 then
   * prints the rest without leader and name:
   *
   *     28968 fdatasync(3 <unfinished ...>
   *     )                      = 0
   *
   * False when the line is not such a rest; program output may also follow an unfinished line.
   */
  resumeBare(buf: Uint8Array, start: number, end: number): boolean {
    const { pending, facts } = this.#context
    const tid = pending.lastBegun(facts.lines - 1)
    const begun = tid < 0 ? null : pending.get(tid)
    if (!begun) return false
    const plain = begun.length < 0
    const total = plain ? end : this.#append(begun, buf, start, end)
    const whole = plain ? buf : this.#joined
    if (this.#scanner.scan(whole, plain ? start : 0, total) !== 'complete') return false
    this.ends.result.parse(whole, this.#scanner.resultStart, total)
    this.#lineTail.read(buf, start, end)
    return this.ends.result.valid && this.#join(begun, tid, buf, start, end, this.#lineTail) === 'done'
  }

  /** The log was cut at the front, or strace attached while the call was under way: only its result is known. */
  #lostStart(name: number, tid: number, buf: Uint8Array, tail: number, end: number): LineResult {
    const context = this.#context
    const ending = this.#scanner.scanTail(buf, tail, end)
    if (ending === 'unfinished') {
      context.pending.beginPlain(tid, name, context.facts.lines)
      context.facts.counted++
      return 'done'
    }
    if (ending === 'complete') this.ends.result.parse(buf, this.#scanner.resultStart, end)
    if (ending !== 'complete' || !this.ends.result.valid) return 'open'
    context.report(STRACE.lostStart, context.counts.nameOf(name))
    const i = this.ends.add(name, context.counts.callOf[name], tid, WHOLE, context.clock.nowNs, buf)
    if (i >= 0 && HIDES_FLAGS.has(CALLS[context.batch.call[i]].role)) context.batch.flags[i] = NaN
    return 'done'
  }
}
