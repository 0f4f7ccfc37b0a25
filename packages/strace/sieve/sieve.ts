/**
 * The sieve: passes over the lines of a strace log that are only counted by name, some ten times as fast as JavaScript can.
 * AssemblyScript, which `npm run wasm` compiles to WebAssembly (src/sieve-code.ts); src/sieve.ts is its other side.
 *
 *     6920  1795175435.438954 fcntl(5</srv/x.db>, F_SETLK, {l_type=F_RDLCK, …}) = 0 <0.000021>
 *
 * A line is passed when it is whole, laid out as above (the pid may be missing), its name is in the table, its arguments
 * show that the call changes nothing, and it ends in a result. Each of these questions is asked in the same words by
 * CallLines.quick, leader.ts, skip.ts and shape.ts: what is not passed here goes there, so that a line which is passed
 * here and not there is the only mistake that can be made. The tests hold one against the other.
 */

/** What `next` says beside its result: int32, from SECONDS on float64. */
const LINE_END: usize = 0
const PASSED: usize = 4
const LAST_AT: usize = 8
const TIMED: usize = 12
const BODY: usize = 16
const TID: usize = 20
const MICROS: usize = 24
const NAME_ID: usize = 28
const ARGS: usize = 32
const SKIPS: usize = 36
const UNFINISHED: usize = 40
const RESULT: usize = 44
const SECONDS: usize = 48
const VALUE: usize = 56
const TOOK: usize = 64
/** 1,024 slots of 32 bytes: 24 of a name and its `(`, then its length, its rule, and its id (16 bits). */
const NAMES: usize = 0x400
const SLOT: usize = 32
/** The name that `learn` is told of. */
const NAME: usize = 0x8800
/** Calls that ended and that failed, uint32 by id. */
const ENDED: usize = 0x9000
const FAILED: usize = 0xd000
const TEXT: usize = 0x20000

const ANY: u8 = 1
const PATH: u8 = 2
const FCNTL: u8 = 3
const IOCTL: u8 = 4
const MAP: u8 = 5
const PROTECT: u8 = 6

const RESUMED_LENGTH: usize = 9 // ` resumed>`
/** µs: more, as ns, are no whole number any more. */
const LONGEST_TOOK: f64 = 9007199254740

/** Of the line that `passes` looked at last, as far as it came: 0 or -1 where it did not. */
let tid = 0
let timeAt: usize = 0
let body: usize = 0
let nameId = -1
let args: usize = 0
let skips = false

const CR: u8 = 0x0d
const LF: u8 = 0x0a
const SPACE: u8 = 0x20
const COMMA: u8 = 0x2c
const MINUS: u8 = 0x2d
const DOT: u8 = 0x2e
const LANGLE: u8 = 0x3c
const EQUALS: u8 = 0x3d
const RANGLE: u8 = 0x3e
const QUESTION: u8 = 0x3f
const OPEN: u8 = 0x28
const CLOSE: u8 = 0x29

/**
 * From the line that begins at `from`: where the first one begins that must be read. LINE_END: where its line feed is, -1
 * when there is none before `to`; PASSED: lines passed; LAST_AT: where the last of them begins; TIMED: set when one had a
 * duration.
 *
 * Of the line that must be read, where it is laid out like those that are passed (else BODY is -1): TID, SECONDS and MICROS
 * of its leader, and where its BODY begins. NAME_ID, where it begins or resumes a call whose name is in the table (else -1):
 * where its ARGS or the rest of them begin, whether its rule SKIPS it, whether it ends in ` <unfinished ...>`, and where its
 * RESULT begins (-1: nowhere); VALUE and TOOK (ns) when the result is a number and nothing else, else VALUE is NaN.
 */
export function next(from: i32, to: i32, withPid: i32): i32 {
  const limit = TEXT + <usize>to
  let start = TEXT + <usize>from
  let passed = 0
  let last = -1
  store<i32>(LINE_END, -1)
  while (start < limit) {
    const end = lineFeed(start, limit)
    if (end >= limit) break
    if (!passes(start, end, withPid)) {
      store<i32>(LINE_END, <i32>(end - TEXT))
      tell(end)
      break
    }
    passed++
    last = <i32>(start - TEXT)
    start = end + 1
  }
  store<i32>(PASSED, passed)
  store<i32>(LAST_AT, last)
  return <i32>(start - TEXT)
}

function tell(end: usize): void {
  store<i32>(BODY, -1)
  if (body == 0) return
  const seconds = number(timeAt, 10)
  const micros = number(timeAt + 11, 6)
  if (seconds < 0 || micros < 0) return
  if (at(body) == LANGLE) resumes(end)
  store<i32>(BODY, <i32>(body - TEXT))
  store<i32>(TID, tid)
  store<f64>(SECONDS, <f64>seconds)
  store<i32>(MICROS, <i32>micros)
  store<i32>(NAME_ID, nameId)
  if (nameId < 0) return
  store<i32>(ARGS, <i32>(args - TEXT))
  store<i32>(SKIPS, skips ? 1 : 0)
  const unfinished = endsUnfinished(args, end)
  const result: usize = unfinished ? 0 : lastResult(args, end)
  store<i32>(UNFINISHED, unfinished ? 1 : 0)
  store<i32>(RESULT, result == 0 ? -1 : <i32>(result - TEXT))
  store<f64>(VALUE, NaN)
  if (result != 0) readResult(result, end)
}

/** `<... name resumed>`: finds the name and where the rest of the arguments begins. */
function resumes(end: usize): void {
  if (load<u32>(body, 1) != 0x202e2e2e) return // `... `
  const name = body + 5
  const spaces = i8x16.bitmask(i8x16.eq(v128.load(name), i8x16.splat(SPACE)))
  if (spaces == 0) return
  const length = <usize>ctz(spaces)
  const tail = name + length + RESUMED_LENGTH
  if (tail > end || load<u64>(name + length) != 0x64656d7573657220 || at(tail - 1) != RANGLE) return // ` resumed`
  const slot = slotAt(name, length)
  if (<usize>load<u8>(slot, 24) != length + 1 || !covers(sameBytes(name, slot), length)) return
  nameId = load<u16>(slot, 26)
  args = tail
  skips = false
}

/** As in shape.ts. */
function endsUnfinished(from: usize, end: usize): bool {
  const mark = end - 17
  // ` <unfini`, `shed ...`, `>`
  return (
    mark >= from &&
    load<u64>(mark) == 0x696e69666e753c20 &&
    load<u64>(mark, 8) == 0x2e2e2e2064656873 &&
    load<u8>(mark, 16) == RANGLE
  )
}

/** `0 <0.000021>`, or a number alone. */
function readResult(p: usize, end: usize): void {
  let value: f64 = 0
  const start = p
  for (; p < end && isDigit(at(p)); p++) value = value * 10 + <f64>(at(p) - 0x30)
  if (p == start) return
  if (p == end) store<f64>(TOOK, NaN)
  else {
    // ` <0.000021>`
    const dot = end - 8
    if (at(p) != SPACE || at(p + 1) != LANGLE || at(end - 1) != RANGLE || at(dot) != DOT || p + 3 > dot) return
    let took: f64 = 0
    for (let q = p + 2; q < end - 1; q++) {
      if (q == dot) continue
      if (!isDigit(at(q))) return
      took = took * 10 + <f64>(at(q) - 0x30)
    }
    if (took > LONGEST_TOOK) return
    store<f64>(TOOK, took * 1000)
  }
  store<f64>(VALUE, value)
}

/** -1 where a byte is no digit. */
function number(p: usize, digits: i32): i64 {
  let value: i64 = 0
  for (const end = p + digits; p < end; p++) {
    if (!isDigit(at(p))) return -1
    value = value * 10 + (at(p) - 0x30)
  }
  return value
}

/** From now on lines of this call are passed where `rule` allows. NAME: the name and its `(`, `length` bytes. */
export function learn(length: i32, rule: i32, id: i32): void {
  const slot = slotOf(NAME)
  memory.copy(slot, NAME, 24)
  store<u8>(slot, length, 24)
  store<u8>(slot, rule, 25)
  store<u16>(slot, id, 26)
}

function lineFeed(p: usize, limit: usize): usize {
  const wanted = i8x16.splat(LF)
  for (; p < limit; p += 16) {
    const found = i8x16.bitmask(i8x16.eq(v128.load(p), wanted))
    if (found != 0) return p + ctz(found)
  }
  return limit
}

function passes(start: usize, end: usize, withPid: i32): bool {
  body = 0
  nameId = -1
  if (end == start || at(end - 1) == CR) return false
  let p = start
  tid = 0
  if (withPid) {
    for (; isDigit(at(p)); p++) tid = tid * 10 + (at(p) - 0x30)
    if (p == start || p > start + 7 || at(p) != SPACE) return false
    while (at(p) == SPACE) p++
  }
  if (at(p + 17) != SPACE || at(p + 10) != DOT || at(p + 18) < LANGLE || p + 18 >= end) return false
  timeAt = p
  p += 18
  body = p
  const slot = slotOf(p)
  const length = <usize>load<u8>(slot, 24)
  if (length == 0 || !sameName(p, slot, length)) return false
  nameId = load<u16>(slot, 26)
  args = p + length
  skips = changesNothing(load<u8>(slot, 25), args, end)
  if (!skips || (at(end - 1) == RANGLE && at(end - 2) == DOT)) return false
  const result = lastResult(args, end)
  if (result == 0 || at(result) == QUESTION) return false
  const failed = at(result) == MINUS && at(result + 1) == 0x31
  const counter = (failed ? FAILED : ENDED) + ((<usize>nameId) << 2)
  store<u32>(counter, load<u32>(counter) + 1)
  if (at(end - 1) == RANGLE && isDigit(at(end - 2))) store<i32>(TIMED, 1)
  return true
}

/** The slot of the name that ends before a `(`. */
function slotOf(p: usize): usize {
  const open = i8x16.bitmask(i8x16.eq(v128.load(p), i8x16.splat(OPEN)))
  return slotAt(p, open == 0 ? 16 : ctz(open))
}

/** By the first 16 bytes of a name. The factor is one by which few names of Linux meet. */
function slotAt(p: usize, length: usize): usize {
  const bits = (<i32>length) << 3
  const first = load<u64>(p) & masked(bits)
  const second = bits > 64 ? load<u64>(p, 8) & masked(bits - 64) : 0
  return NAMES + <usize>(((first ^ (second * 31)) * 0xbe2a1d9d1add0733) >> 54) * SLOT
}

function masked(bits: i32): u64 {
  return bits >= 64 ? -1 : ((<u64>1) << bits) - 1
}

/** Lengths are 24 at most; a slot is followed by 8 bytes that are no name. */
function sameName(p: usize, slot: usize, length: usize): bool {
  const first = sameBytes(p, slot)
  if (length <= 16) return covers(first, length)
  const second = sameBytes(p + 16, slot + 16)
  return first == 0xffff && covers(second, length - 16)
}

/** A bit for each of 16 bytes. */
function sameBytes(p: usize, q: usize): u32 {
  return <u32>i8x16.bitmask(i8x16.eq(v128.load(p), v128.load(q)))
}

function covers(bits: u32, length: usize): bool {
  const wanted: u32 = (1 << (<u32>length)) - 1
  return (bits & wanted) == wanted
}

function changesNothing(rule: u8, args: usize, end: usize): bool {
  switch (rule) {
    case ANY:
      return true
    case PATH:
      return at(args) == 0x41 || at(args) == MINUS
    case FCNTL:
      return isOtherFcntl(args, end)
    case IOCTL:
      return isOtherIoctl(args, end)
    case MAP:
      return isPrivateAnywhere(args, end)
    case PROTECT:
      return makesNothingWritable(args, end)
    default:
      return false
  }
}

function isOtherFcntl(args: usize, end: usize): bool {
  const p = fcntlCommand(args, end)
  return p != 0 && at(p + 2) != 0x44 && !(at(p + 2) == 0x53 && at(p + 5) == 0x46)
}

function fcntlCommand(args: usize, end: usize): usize {
  let p = args
  while (p < end && isDigit(at(p))) p++
  if (at(p) == COMMA) return at(p + 2) == 0x46 && at(p + 3) == 0x5f ? p + 2 : 0
  if (at(p) != LANGLE) return 0
  const wanted = i8x16.splat(RANGLE)
  for (; p < end; p += 16) {
    for (let found = i8x16.bitmask(i8x16.eq(v128.load(p), wanted)); found != 0; found &= found - 1) {
      const close = p + ctz(found)
      if (close >= end) return 0
      if (load<u32>(close) == 0x46202c3e) return close + 3 // `>, F`
    }
  }
  return 0
}

function isOtherIoctl(args: usize, end: usize): bool {
  let p = args
  while (p < end && isDigit(at(p))) p++
  if (at(p) == LANGLE) while (p < end && !(at(p) == COMMA && at(p - 1) == RANGLE)) p++
  if (at(p) != COMMA || at(p + 2) == 0x42 || at(p + 2) == 0x30) return false
  return !(at(p + 2) == 0x46 && at(p + 3) == 0x49 && (at(p + 4) == 0x43 || at(p + 4) == 0x44))
}

function isPrivateAnywhere(args: usize, end: usize): bool {
  const p = argumentAfter(args, end, 3)
  if (p == 0 || at(p + 4) != 0x50 || at(p) != 0x4d) return false
  for (let q = p; q < end && at(q) != COMMA; q++) {
    if (at(q) == 0x46 && at(q + 1) == 0x49 && at(q + 2) == 0x58) return false
  }
  return true
}

function makesNothingWritable(args: usize, end: usize): bool {
  const p = argumentAfter(args, end, 2)
  if (p == 0 || at(p) != 0x50) return false
  for (let q = p; q < end && at(q) != CLOSE && at(q) != COMMA; q++) if (at(q) == 0x57) return false
  return true
}

function argumentAfter(args: usize, end: usize, commas: i32): usize {
  for (let p = args; p < end; p++) {
    if (at(p) == COMMA && --commas == 0) return at(p + 1) == SPACE ? p + 2 : 0
  }
  return 0
}

/** After the last `) = `; 0 where there is none. */
function lastResult(from: usize, end: usize): usize {
  const stop = end - from > 512 ? end - 512 : from
  const timed = at(end - 1) == RANGLE && at(end - 10) == LANGLE && at(end - 8) == DOT
  for (let p = timed ? end - 13 : end - 2; p > stop; p--) {
    if (at(p) != EQUALS || at(p - 1) != SPACE || at(p + 1) != SPACE) continue
    let q = p - 1
    while (q > stop && at(q) == SPACE) q--
    if (at(q) == CLOSE) return p + 2
  }
  return 0
}

function at(p: usize): u8 {
  return load<u8>(p)
}

function isDigit(c: u8): bool {
  return c - 0x30 <= 9
}
