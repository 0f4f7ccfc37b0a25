/**
 * The sieve of captures: passes over events that are only counted, and over calls whose rows may wait. AssemblyScript, which
 * `npm run wasm` compiles to WebAssembly (src/sieve-code.ts); src/sieve.ts is its other side.
 *
 *     block   u32 type | u32 length | before: u16 cpu | u64 ns since 1970 | u64 tid | u32 length | u16 id | [V2: u32 parameters]
 *             | u16 length of each parameter | parameters | u32 length of the block
 *
 * What is passed is what scap-events.ts would do with the same event and have no row to tell. It is asked of few bytes; whatever
 * is not as it mostly is goes there. The tests hold one against the other.
 */

/** Shared with src/sieve.ts. */
const EVENTS: usize = 0 // f64: so far, so that it is the record of the last one
const LAST: usize = 8 // u64: its time as it stands in the file
const ORIGIN: usize = 16 // u64: the first one's
const USED: usize = 24 // f64
const TYPE: usize = 32 // u32: of blocks, with
const BEFORE: usize = 36
const HEADER: usize = 40
const OPENS: usize = 44 // calls under way whose rows will stand where their enters were
const OPEN: usize = 48 // the slot of one such call that was passed here; 0: none
const WAITING: usize = 52
const WAYS: usize = 0x400
const CALLS: usize = 0x800 // u16 by event id
const COMMANDS: usize = 0x1000 // u8 by number of fcntl's command
const CODES: usize = 0x1100 // u8 by code of a generic event
const ROWS: usize = 0x2000
const COUNTS: usize = 0x4000 // f64 by key
const FAILURES: usize = 0xc000
const STATES: usize = 0x40000
const SLOTS: usize = 0x580000 // u32 by tid

const IDS: u32 = 1024
const MAX_TID: u64 = 1 << 22
const MAX_FD: u64 = 0x7fffffff
const MAX_WAITING: usize = 32
const HEADER_V1: u32 = 22
const UNTOLD: u32 = 0xffffffff
const NO_TIME: u64 = 0xffffffff
/** Later ones are damage, and their distances no signed numbers. */
const LATEST: u64 = 0x7fffffff
/** Keys of generic events. */
const GENERIC_KEY: i32 = 1024

/** Ways of events. */
const ALWAYS: u8 = 1
const BEGINS: u8 = 2
const GENERIC: u8 = 3
const FCNTL_ENTER: u8 = 4
const FCNTL_EXIT: u8 = 5
const CLOSE_ENTER: u8 = 6
const CLOSE_EXIT: u8 = 7
const MAKE_ENTER: u8 = 8
const MAKE_EXIT: u8 = 9

/** Commands of fcntl: passed, as F_SETFD is where its mark is not shown; one that copies is not; all others lock. */
const PASSED: u8 = 0
const SETFD: u8 = 254
const COPIES: u8 = 255

/** State of a task: of the call that it is in, and whether it has a row. */
const STATE: usize = 40
const KEY: usize = 0
const CALL: usize = 4
const LOCK: usize = 8
const FD: usize = 12
const PLACED: usize = 16
const AT: usize = 24
const RECORD: usize = 32

/** Rows that wait. */
const ROW: usize = 64
const LOCKED: u32 = 1
const MADE: u32 = 2
const CLOSED: u32 = 3

/** Two lengths in a row as one number. */
const FD_COMMAND: u32 = 0x1_0008
const CODE_NATIVE: u32 = 0x2_0002

/** Of the event at hand. */
let slot: usize = 0
let state: usize = 0
let tid: u32 = 0
/** Where the lengths of the parameters begin, and the bytes from there on. */
let at: usize = 0
let bytes: u32 = 0
let count: u32 = 0
let now: u64 = 0
let record: f64 = 0

/** The events from `p` on, up to `limit` or one that must be looked at; returns where it stopped. */
export function run(p: usize, limit: usize): usize {
  const type = load<u32>(TYPE)
  const before = <usize>load<u32>(BEFORE)
  const header = load<u32>(HEADER)
  const least = before + header + 4
  let last = load<u64>(LAST)
  let events = load<f64>(EVENTS)
  while (p + least <= limit && load<u32>(p) == type) {
    const length = <usize>load<u32>(p, 4)
    if (length < least || length > limit - p || load<u32>(p + length - 4) != <u32>length) break
    const start = p + before
    const size = load<u32>(start, 16)
    const id = <u32>load<u16>(start, 20)
    if (size < header || <usize>size > length - 4 - before || id >= IDS) break
    let time = load<u64>(start)
    const high = time >> 32
    if (high == 0 || high == NO_TIME) time = last
    else if (time < last || high > LATEST) break
    let key = <i32>id
    const way = load<u8>(WAYS + id)
    // Most are of this kind, and nothing else need be known of them.
    if (way != ALWAYS) {
      now = time
      record = events + 1
      at = start + header
      bytes = size - header
      key = passed(way, id, start, header)
      if (key < 0) break
    }
    const counter = COUNTS + ((<usize>key) << 3)
    store<f64>(counter, load<f64>(counter) + 1)
    events += 1
    last = time
    p += length
  }
  store<u64>(LAST, last)
  store<f64>(EVENTS, events)
  return p
}

/** The key that the event counts for; -1: it needs more than that. */
function passed(way: u8, id: u32, start: usize, header: u32): i32 {
  const task = load<u64>(start, 8)
  if (way == 0 || task >= MAX_TID) return -1
  tid = <u32>task
  slot = load<u32>(SLOTS + ((<usize>tid) << 2))
  state = STATES + slot * STATE
  // v1 does not tell how many parameters there are: their lengths and the event's do.
  count = header == HEADER_V1 ? UNTOLD : load<u32>(start, 22)
  if (way == BEGINS) return load<i32>(state, KEY) < 0 ? id : -1
  if (way == GENERIC) return generic(id)
  if (slot == 0) return -1
  let done = false
  switch (way) {
    case FCNTL_ENTER:
      done = fcntlBegins(id)
      break
    case FCNTL_EXIT:
      done = fcntlEnds(id)
      break
    case CLOSE_ENTER:
      done = has(1) && bytes == 10 && load<u16>(at) == 8 && isFd(load<u64>(at, 2)) && opens(id, load<i32>(at, 2))
      break
    case CLOSE_EXIT:
      done = closeEnds(id)
      break
    case MAKE_ENTER:
      done = count <= bytes >> 1 && opens(id, -1)
      break
    case MAKE_EXIT:
      done = makeEnds(id)
      break
  }
  if (!done) return -1
  store<f64>(USED, load<f64>(USED) + 1)
  return id
}

function has(parameters: u32): bool {
  return count == UNTOLD || count == parameters
}

function isFd(value: u64): bool {
  return value <= MAX_FD
}

/** A call without an event of its own. */
function generic(id: u32): i32 {
  if (bytes != 8 || load<u32>(at) != CODE_NATIVE || !has(2)) return -1
  const code = <u32>load<u16>(at, 4)
  if (code >= IDS || load<u8>(CODES + code) == 0 || (id == 0 && load<i32>(state, KEY) >= 0)) return -1
  return GENERIC_KEY + 2 * code + id
}

function begin(id: u32, call: i32, lock: u8, fd: i32): void {
  store<i32>(state, id, KEY)
  store<i32>(state, call, CALL)
  store<i32>(state, lock, LOCK)
  store<i32>(state, fd, FD)
  store<f64>(state, sinceOrigin(), AT)
  store<f64>(state, record, RECORD)
}

function sinceOrigin(): f64 {
  return <f64>(<i64>(now - load<u64>(ORIGIN)))
}

function end(): void {
  store<i32>(state, -1, KEY)
  store<i32>(state, -1, CALL)
  store<i32>(state, 0, LOCK)
  store<i32>(state, -1, FD)
}

/** A call begins whose row would stand where its enter is, should another row come in between. */
function opens(id: u32, fd: i32): bool {
  if (load<i32>(state, KEY) >= 0 || !isQuiet()) return false
  begin(id, load<u16>(CALLS + (id << 1)), 0, fd)
  store<u32>(OPEN, <u32>slot)
  return true
}

/** No other call is open, and the task has a row. */
function isQuiet(): bool {
  return load<u32>(OPENS) == 0 && load<u32>(OPEN) == 0 && load<i32>(state, PLACED) != 0
}

function fcntlBegins(id: u32): bool {
  if (bytes != 13 || load<u32>(at) != FD_COMMAND || !has(2) || load<i32>(state, KEY) >= 0) return false
  const command = load<u8>(COMMANDS + load<u8>(at, 12))
  if (command == COPIES) return false
  const locks = command != PASSED && command != SETFD
  if (locks && !isFd(load<u64>(at, 4))) return false
  if (locks) begin(id, load<u16>(CALLS + (id << 1)), command, load<i32>(at, 4))
  else begin(id, -1, 0, -1)
  return true
}

function fcntlEnds(id: u32): bool {
  // Since 2023 with descriptor and command, since 2026 with the argument.
  const parameters: u32 = bytes == 10 ? 1 : bytes == 23 ? 3 : bytes == 33 ? 4 : 0
  if (parameters == 0 || !has(parameters) || load<u16>(at) != 8) return false
  if (parameters >= 3 && load<u32>(at, 2) != FD_COMMAND) return false
  if (parameters == 4 && load<u16>(at, 6) != 8) return false
  const values = at + (parameters << 1)
  const paired = load<i32>(state, KEY) == <i32>id - 1
  let lock: u8 = PASSED
  let fd: u64 = 0
  if (paired) {
    if (load<i32>(state, CALL) >= 0) {
      lock = <u8>load<i32>(state, LOCK)
      fd = <u64>(<i64>load<i32>(state, FD))
      if (lock == 0 || !isFd(fd)) return false
    }
  } else if (load<i32>(state, KEY) >= 0 || parameters < 3) return false
  if (parameters >= 3) {
    const command = load<u8>(COMMANDS + load<u8>(values, 16))
    if (command == COPIES || (command == SETFD && parameters == 4)) return false
    const told: u8 = command == SETFD ? PASSED : command
    if (!paired) {
      lock = told
      fd = load<u64>(values, 8)
    } else if (told != lock || (lock != PASSED && fd != load<u64>(values, 8))) return false
  }
  const result = load<i64>(values)
  if (result < 0) {
    const failures = FAILURES + ((<usize>id) << 3)
    store<f64>(failures, load<f64>(failures) + 1)
  } else if (lock != PASSED) {
    if (!isFd(fd) || !isQuiet()) return false
    const argument = parameters == 4 ? <f64>load<i64>(values, 17) : 0
    if (!waits(LOCKED, <u32>fd, id, paired, result, lock, argument)) return false
  }
  if (paired) end()
  return true
}

function closeEnds(id: u32): bool {
  const parameters: u32 = bytes == 10 ? 1 : bytes == 20 ? 2 : 0
  if (parameters == 0 || !has(parameters) || load<u16>(at) != 8) return false
  if (parameters == 2 && load<u16>(at, 2) != 8) return false
  const values = at + (parameters << 1)
  const paired = endsOpen(id)
  if (!paired && parameters == 1) return false
  const fd = paired ? <u64>(<i64>load<i32>(state, FD)) : load<u64>(values, 8)
  if (parameters == 2 && fd != load<u64>(values, 8)) return false
  return isFd(fd) && ended(CLOSED, <u32>fd, id, paired, load<i64>(values))
}

function makeEnds(id: u32): bool {
  if (count == 0 || count > bytes >> 1 || (count << 1) + 8 > bytes || load<u16>(at) != 8) return false
  const result = load<i64>(at + (count << 1))
  return isFd(result) && ended(MADE, <u32>result, id, endsOpen(id), result)
}

function endsOpen(id: u32): bool {
  return load<i32>(state, KEY) == <i32>id - 1 && load<u32>(OPEN) == <u32>slot
}

function ended(kind: u32, fd: u32, id: u32, paired: bool, result: i64): bool {
  if (result < 0 || (!paired && load<i32>(state, KEY) >= 0)) return false
  if (paired) store<u32>(OPEN, 0)
  if (isQuiet() && waits(kind, fd, id, paired, result, 0, 0)) {
    if (paired) end()
    return true
  }
  if (paired) store<u32>(OPEN, <u32>slot)
  return false
}

/** Lets the row of a call wait, or leaves it out; false: not until the others are told. The rules: src/waiting-rows.ts. */
function waits(kind: u32, fd: u32, id: u32, paired: bool, result: i64, flags: u32, flags2: f64): bool {
  const waiting = <usize>load<u32>(WAITING)
  let last: usize = 0
  let closed = false
  for (let k: usize = 0; k < waiting; k++) {
    const row = ROWS + k * ROW
    if (load<u32>(row, 8) != fd) continue
    const other = load<u32>(row)
    const own = load<u32>(row, 4) == tid
    if (other == LOCKED && kind == LOCKED) {
      if (!own) continue
      // Of one descriptor locks do not wait beside anything else.
      last = row
      break
    }
    if (!own || other == LOCKED || kind == LOCKED) return false
    if (other == CLOSED) closed = true
    if (last == 0 || load<f64>(row, 40) > load<f64>(last, 40)) last = row
  }
  if (last != 0 && closed && kind == CLOSED && load<u32>(last) == MADE) {
    store<u32>(WAITING, <u32>(waiting - 1))
    memory.copy(last, ROWS + (waiting - 1) * ROW, ROW)
    return true
  }
  if (last == 0 || kind != LOCKED) {
    if (waiting == MAX_WAITING) return false
    last = ROWS + waiting * ROW
    store<u32>(WAITING, <u32>(waiting + 1))
  }
  const atNs = sinceOrigin()
  store<u32>(last, kind)
  store<u32>(last, tid, 4)
  store<u32>(last, fd, 8)
  store<u32>(last, load<u16>(CALLS + (id << 1)), 12)
  store<u32>(last, flags, 16)
  store<f64>(last, paired ? load<f64>(state, AT) : atNs, 24)
  store<f64>(last, paired ? atNs - load<f64>(state, AT) : NaN, 32)
  store<f64>(last, record, 40)
  store<f64>(last, <f64>result, 48)
  store<f64>(last, flags2, 56)
  return true
}
