/**
 * The sieve: passes over the lines of a strace log that are only counted by name, some ten times as fast as JavaScript can.
 * AssemblyScript, which `npm run wasm` compiles to WebAssembly (src/sieve-code.ts); src/sieve.ts is its other side.
 *
 *     6920  1795175435.438954 fcntl(5</srv/x.db>, F_SETLK, {l_type=F_RDLCK, …}) = 0 <0.000021>
 *     6921  1795175435.438960 fcntl(5</srv/x.db>, F_SETLK, {l_type=F_RDLCK, …} <unfinished ...>
 *     6921  1795175435.438975 <... fcntl resumed>) = 0 <0.000021>
 *     6921  1795175435.438990 close(5</srv/x.db>) = 0 <0.000021>
 *
 * A line is passed when it is whole, laid out as above (the pid may be missing), its name is in the table, its arguments
 * show that the call changes nothing, and it ends in a result. So are, where lines have pids, the two lines of such a call
 * that was interrupted, if both are met here, and lines that were read before by JavaScript (memo.ts), of which only the
 * task, the time, the result and the duration are told. Each of these questions is asked in the same words by CallLines, leader.ts,
 * skip.ts and shape.ts: what is not passed here goes there, so that a line which is passed here and not there is the only
 * mistake that can be made. The tests hold one against the other.
 */
import { DOT, LANGLE, MINUS, RANGLE, SPACE, at, eightDigits, isDigit } from './bytes'
import { isKept, keepText, nameOf, numberOf, slotFor, use } from './memo'
import { idOf, lengthOf, ruleOf, sameName, slotBefore, slotOf } from './names'
import { changesNothing } from './skip'
import { dataAt, forgetWrite, offset, readWrite, size } from './write'
import { endsInMark, endsUnfinished, findsKey, keyEnd, lastResult, readTail, result, took, value } from './tail'
import { NOTHING, ROW, TOLD, isFree, microsOf, secondsOf, setState, stateOf } from './tasks'

export { learn } from './names'

/** What `next` says beside its result: int32, from SECONDS on float64; NOW and LINES it is told. */
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
const NOW: usize = 72
const LINES: usize = 80
const STAMPED_AT: usize = 88
const SLOT_OF_LINE: usize = 92
const REPEATED: usize = 96
const ROOM: usize = 100
const KEY_END: usize = 104
/** Calls that ended and that failed, uint32 by id. */
const ENDED: usize = 0x9000
const FAILED: usize = 0xd000
/** Lines that were read before: slot, tid, µs, phase (int32), seconds, result, took, line, size, offset (float64). */
const REPEATS: usize = 0x270000
const REPEAT: usize = 64
const TEXT: usize = 0x20000

/** A rule: each line is another one. */
const VARIED: u8 = 8
/** A rule: so is what it writes, with its size; with its offset, too. */
const WRITE: u8 = 9
const PWRITE: u8 = 10
/** Phases of a row, as in packages/trace/src/batch.ts. */
const WHOLE = 0
const ENTER = 1
const EXIT = 2

/** How lines begin. TIDS: with a pid, and each task is known by it. */
const TIDS = 2

const RESUMED_LENGTH: usize = 9 // ` resumed>`

/** Of the line that `passes` looked at last, as far as it came: 0 or -1 where it did not. */
let tid = 0
let stamped = false
let timeAt: usize = 0
let body: usize = 0
let nameId = -1
let args: usize = 0
let skips = false
/** Where a line like it is kept, or may be, and the number of the text that it goes on from. */
let keptIn = -1
let before: u32 = 0
let keptTo: usize = 0
/** Its number. */
let line: f64 = 0

const CR: u8 = 0x0d
const LF: u8 = 0x0a
const QUESTION: u8 = 0x3f

/**
 * From the line that begins at `from`: where the first one begins that must be read. LINE_END: where its line feed is, -1
 * when there is none before `to`; PASSED: lines passed; LAST_AT: where the last of them begins whose time was not read,
 * STAMPED_AT: of the others; TIMED: set when one had a duration. NOW: the latest time that was read, µs since 1970. LINES:
 * lines before `from`.
 *
 * Of the line that must be read, where it is laid out like those that are passed (else BODY is -1): TID, SECONDS and MICROS
 * of its leader, and where its BODY begins. NAME_ID, where it begins or resumes a call whose name is in the table (else -1):
 * where its ARGS or the rest of them begin, whether its rule SKIPS it, whether it ends in ` <unfinished ...>`, and where its
 * RESULT begins (-1: nowhere); VALUE and TOOK (ns) when the result is a number and nothing else, else VALUE is NaN.
 * SLOT_OF_LINE: where `keep` would keep it; -1: nowhere.
 *
 * REPEATED: how many of the lines passed are in REPEATS, of which there may be as many as there is ROOM.
 */
export function next(from: i32, to: i32, layout: i32): i32 {
  const limit = TEXT + <usize>to
  let start = TEXT + <usize>from
  let passed = 0
  let last = -1
  let lastStamped = -1
  store<i32>(LINE_END, -1)
  while (start < limit) {
    const end = lineFeed(start, limit)
    if (end >= limit) break
    line = load<f64>(LINES) + <f64>passed + 1
    if (!passes(start, end, layout)) {
      store<i32>(LINE_END, <i32>(end - TEXT))
      tell(end)
      break
    }
    passed++
    if (stamped) lastStamped = <i32>(start - TEXT)
    else last = <i32>(start - TEXT)
    start = end + 1
  }
  store<i32>(PASSED, passed)
  store<f64>(LINES, load<f64>(LINES) + <f64>passed)
  store<i32>(LAST_AT, last)
  store<i32>(STAMPED_AT, lastStamped)
  return <i32>(start - TEXT)
}

function tell(end: usize): void {
  store<i32>(BODY, -1)
  if (body == 0) return
  const seconds = readSeconds()
  const micros = readMicros()
  if (seconds < 0 || micros < 0) return
  store<i32>(BODY, <i32>(body - TEXT))
  store<i32>(TID, tid)
  store<f64>(SECONDS, <f64>seconds)
  store<i32>(MICROS, <i32>micros)
  store<i32>(NAME_ID, nameId)
  if (nameId < 0) return
  if (keptIn < 0) readTail(args, end)
  store<i32>(ARGS, <i32>(args - TEXT))
  store<i32>(SKIPS, skips ? 1 : 0)
  store<i32>(SLOT_OF_LINE, keptIn)
  store<i32>(KEY_END, <i32>(keptTo - TEXT))
  store<i32>(UNFINISHED, endsUnfinished(args, end) ? 1 : 0)
  store<i32>(RESULT, result == 0 ? -1 : <i32>(result - TEXT))
  store<f64>(VALUE, value)
  store<f64>(TOOK, took)
}

/** `<... name resumed>`: finds the name and where the rest of the arguments begins. */
function resumes(end: usize): void {
  if (load<u32>(body, 1) != 0x202e2e2e) return // `... `
  const name = body + 5
  const spaces = i8x16.bitmask(i8x16.eq(v128.load(name), i8x16.splat(SPACE)))
  if (spaces == 0) return
  const blank = name + ctz(spaces)
  const tail = blank + RESUMED_LENGTH
  if (tail > end || load<u64>(blank) != 0x64656d7573657220 || at(tail - 1) != RANGLE) return // ` resumed`
  const slot = slotBefore(name, blank)
  if (slot == 0) return
  nameId = idOf(slot)
  args = tail
}

/** Of the line's time; -1 where a byte is no digit. */
function readSeconds(): i64 {
  const first = eightDigits(load<u64>(timeAt))
  const ninth = at(timeAt + 8) - 0x30
  const tenth = at(timeAt + 9) - 0x30
  return first < 0 || ninth > 9 || tenth > 9 ? -1 : first * 100 + ninth * 10 + tenth
}

function readMicros(): i64 {
  return eightDigits((load<u64>(timeAt + 9) & ~0xffff) | 0x3030)
}

function lineFeed(p: usize, limit: usize): usize {
  const wanted = i8x16.splat(LF)
  for (; p < limit; p += 16) {
    const found = i8x16.bitmask(i8x16.eq(v128.load(p), wanted))
    if (found != 0) return p + ctz(found)
  }
  return limit
}

function passes(start: usize, end: usize, layout: i32): bool {
  body = 0
  nameId = -1
  skips = false
  stamped = false
  keptIn = -1
  before = 0
  forgetWrite()
  if (end == start || at(end - 1) == CR) return false
  let p = start
  tid = 0
  if (layout != 0) {
    for (; isDigit(at(p)); p++) tid = tid * 10 + (at(p) - 0x30)
    if (p == start || p > start + 7 || at(p) != SPACE) return false
    while (at(p) == SPACE) p++
  }
  if (at(p + 17) != SPACE || at(p + 10) != DOT || at(p + 18) < LANGLE || p + 18 >= end) return false
  timeAt = p
  p += 18
  body = p
  if (at(p) == LANGLE) {
    resumes(end)
    return layout == TIDS && nameId >= 0 && passesRest(end)
  }
  const slot = slotOf(p)
  const length = lengthOf(slot)
  if (length == 0 || !sameName(p, slot, length)) return false
  nameId = idOf(slot)
  args = p + length
  const rule = ruleOf(slot)
  skips = changesNothing(rule, args, end)
  const marked = endsInMark(end)
  if (!skips)
    return layout == TIDS && rule != VARIED && (marked ? repeatsBeginning(rule, end) : repeatsWhole(rule, end))
  if (marked) return layout == TIDS && passesBeginning(end)
  const from = lastResult(args, end)
  if (from == 0 || at(from) == QUESTION) return false
  count(from, end)
  return true
}

/** ` <unfinished ...>` of a call that changes nothing: its task is in it. */
function passesBeginning(end: usize): bool {
  if (!isFree(tid) || !endsUnfinished(args, end) || !stamp()) return false
  note(nameId)
  return true
}

/** The rest of a call whose beginning was passed. */
function passesRest(end: usize): bool {
  const state = stateOf(tid)
  if (endsInMark(end)) return false
  if (state >= ROW) return nameOf(state - ROW) == nameId && repeatsRest(state - ROW, end)
  if (state != nameId) return false
  const from = lastResult(args, end)
  if (from == 0 || at(from) == QUESTION || !stamp()) return false
  note(NOTHING)
  count(from, end)
  return true
}

function repeatsWhole(rule: u8, end: usize): bool {
  readTail(args, end)
  if (result == 0) return false
  if (rule >= WRITE ? !writes(rule) || !repeats(dataAt) : !findsKey(end) || !repeats(keyEnd)) return false
  addRepeat(WHOLE, load<f64>(SECONDS), load<i32>(MICROS))
  note(NOTHING)
  count(result, end)
  return true
}

/** `3</srv/x>, "…"..., 4096, 8192) = 4096`: what is written differs, and how much, and where. */
function writes(rule: u8): bool {
  return value == value && readWrite(args, result, rule == PWRITE)
}

function repeatsBeginning(rule: u8, end: usize): bool {
  readTail(args, end)
  if (rule >= WRITE || !endsUnfinished(args, end) || !repeats(end)) return false
  addRepeat(ENTER, load<f64>(SECONDS), load<i32>(MICROS))
  note(ROW + keptIn)
  use(keptIn, 1)
  return true
}

/** `beginning`: where the text is kept that its call began with. */
function repeatsRest(beginning: i32, end: usize): bool {
  before = numberOf(beginning)
  readTail(args, end)
  if (result == 0 || !findsKey(end) || !repeats(keyEnd)) return false
  addRepeat(EXIT, secondsOf(tid), microsOf(tid))
  note(NOTHING)
  count(result, end)
  return true
}

/** Whether the line was read before: with the same text up to `to`. */
function repeats(to: usize): bool {
  keptTo = to
  keptIn = slotFor(nameId, before, args, to)
  const room = keptIn >= 0 && load<i32>(REPEATED) < load<i32>(ROOM)
  return room && isKept(keptIn, nameId, before, args, to) && isFree(tid) && stamp()
}

function addRepeat(phase: i32, seconds: f64, micros: i32): void {
  const count = load<i32>(REPEATED)
  const repeat = REPEATS + <usize>count * REPEAT
  store<i32>(REPEATED, count + 1)
  store<i32>(repeat, keptIn)
  store<i32>(repeat, tid, 4)
  store<i32>(repeat, micros, 8)
  store<i32>(repeat, phase, 12)
  store<f64>(repeat, seconds, 16)
  store<f64>(repeat, value, 24)
  store<f64>(repeat, took, 32)
  store<f64>(repeat, line, 40)
  store<f64>(repeat, size, 48)
  store<f64>(repeat, offset, 56)
}

/** The line that was told last has been read, and is known from now on; 0: it cannot be kept. */
export function keep(): i32 {
  return keepText(keptIn, nameId, before, args, keptTo) ? 1 : 0
}

/** What the task does from this line on. */
function note(state: i32): void {
  const old = stateOf(tid)
  if (old >= ROW) use(old - ROW, -1)
  setState(tid, state, line, load<f64>(SECONDS), load<i32>(MICROS))
}

/** Takes the line's time, where it is one and no step back. */
function stamp(): bool {
  const seconds = readSeconds()
  const micros = readMicros()
  const now = <f64>seconds * 1e6 + <f64>micros
  if (seconds < 0 || micros < 0 || now < load<f64>(NOW)) return false
  store<f64>(NOW, now)
  store<f64>(SECONDS, <f64>seconds)
  store<i32>(MICROS, <i32>micros)
  stamped = true
  return true
}

/** The call ended. */
function count(from: usize, end: usize): void {
  const failed = at(from) == MINUS && at(from + 1) == 0x31
  const counter = (failed ? FAILED : ENDED) + ((<usize>nameId) << 2)
  store<u32>(counter, load<u32>(counter) + 1)
  if (at(end - 1) == RANGLE && isDigit(at(end - 2))) store<i32>(TIMED, 1)
}
