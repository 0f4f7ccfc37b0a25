/**
 * Runs of usual events of several per-CPU files, in the order of time, into the columns of a batch: what
 * src/event-runs.ts does for one file and src/heads.ts for all of them, in a third of the time. AssemblyScript, which
 * `npm run wasm` compiles to WebAssembly (src/runs-code.ts); src/merged-runs.ts is its other side.
 *
 * An event is taken where it is the usual one behind the one before: of the same device and CPU, with the next number, not
 * earlier, and with the payload that its action has. Everything else is left to event-runs.ts and cursor.ts, so that only
 * they count what is lost, report what is damaged, and know names. The tests hold one against the other.
 *
 * The record: src/wire.ts.
 */

/** Where things are: what is told to and by the other side, */
const STATUS: usize = 0
const EVENT_HIGH: usize = 8
const EVENT_LOW: usize = 16
const FIRST_NS: usize = 24
const LATEST_NS: usize = 32
/** events by action (uint32), and whether they become rows (uint8), */
const ACTIONS: usize = 64
const WANTED: usize = 192
/** the columns of BlockBatch in its order, */
const ROWS: i32 = 4096
const AT_NS: usize = 256
const SECTOR: usize = AT_NS + 8 * ROWS
const BYTES: usize = SECTOR + 8 * ROWS
const RECORD: usize = BYTES + 8 * ROWS
const FROM_SECTOR: usize = RECORD + 8 * ROWS
const SPLIT_SECTOR: usize = FROM_SECTOR + 8 * ROWS
const TOOK_NS: usize = SPLIT_SECTOR + 8 * ROWS
const FLAGS: usize = TOOK_NS + 8 * ROWS
const DEVICES: usize = FLAGS + 4 * ROWS
const TID: usize = DEVICES + 4 * ROWS
const COMM: usize = TID + 4 * ROWS
const ERROR: usize = COMM + 4 * ROWS
const CPUS: usize = ERROR + 4 * ROWS
const SEQUENCE: usize = CPUS + 4 * ROWS
const FROM_DEVICE: usize = SEQUENCE + 4 * ROWS
const DEPTH: usize = FROM_DEVICE + 4 * ROWS
const SOURCE: usize = DEPTH + 4 * ROWS
const ACTION: usize = SOURCE + 2 * ROWS
/** and of each source: where its window is, how far it is read, what the last event was, and the next record. */
const SOURCES: usize = 0x80000
const SOURCE_BYTES: usize = 64
const BASE: usize = 0
const POS: usize = 4
const END: usize = 8
const DEVICE: usize = 12
const CPU: usize = 16
/** Address of the last number of that CPU. */
const COUNTER: usize = 20
const LAST_NS: usize = 24
const RECORDS: usize = 32
const NEXT_NS: usize = 40
const NEXT_DEVICE: usize = 48
const NEXT_SEQUENCE: usize = 52
const TIMED: usize = 56
const TIES: usize = 60

/** STATUS: why `run` has stopped at the record of the first source: it is left to the other side, */
const FRESH: i32 = 0
/** or it may be (it is not usual, not whole, or there is no room), but its time was not compared. */
const UNDER_WAY: i32 = 1

const MAGIC_V1: u32 = 0x65617407
const HEADER: i32 = 48
const NOTIFY: u32 = 1024 << 16
const CGROUP_BIT: u32 = 0x100
const CGROUP_BYTES: i32 = 8
const LAST_ACTION: u32 = 19
const UNPLUG: u32 = 10
const UNPLUG_TIMER: u32 = 11
const SPLIT: u32 = 13
const REMAP: u32 = 15
const NO_SECTOR: u64 = 1 << 53
const TWO_32: f64 = 4294967296
const YEAR_NS: f64 = 366 * 86400e9
/** Of `flagsOf` in wire.ts, as far as version 1 has them. */
const KEPT: u32 = 0x1 | 0x2 | 0x4 | 0x8 | 0x100 | 0x200 | 0x800 | 0x1000 | 0x2000 | 0x8000
const DATALESS: u32 = 0x2000
const READ: u32 = 1
const WRITE: u32 = 2

/**
 * Appends events behind `rows` rows, always of the source whose next record is the earliest, up to the time of the next one's.
 * `heap`: address of the sources, as a heap by their next records but for the first one. The rows there are then.
 */
export function run(heap: usize, heads: i32, rows: i32): i32 {
  const eventHigh = load<f64>(EVENT_HIGH)
  const eventLow = load<f64>(EVENT_LOW)
  let firstNs: f64 = Infinity
  let latestNs: f64 = -Infinity
  let n = rows
  for (;;) {
    sink(heap, heads)
    const source = at(heap, 0)
    const state = stateOf(source)
    let limitNs: f64 = Infinity
    if (heads > 1) limitNs = load<f64>(stateOf(at(heap, 1)), NEXT_NS)
    if (heads > 2) limitNs = min(limitNs, load<f64>(stateOf(at(heap, 2)), NEXT_NS))
    const base = <usize>load<u32>(state, BASE)
    const end = load<i32>(state, END)
    const device = load<u32>(state, DEVICE)
    const cpu = load<u32>(state, CPU)
    const counter = <usize>load<u32>(state, COUNTER)
    const records = load<f64>(state, RECORDS)
    let sequence = load<u32>(counter)
    let lastNs = load<f64>(state, LAST_NS)
    let pos = load<i32>(state, POS)
    let ties = 0
    let taken = 0
    let atLimit = false
    while (pos <= end - HEADER && n < ROWS) {
      const p = base + <usize>pos
      const code = load<u32>(p, 28)
      const action = code & 0xffff & ~CGROUP_BIT
      if (load<u32>(p) != MAGIC_V1 || (code & NOTIFY) != 0 || action - 1 >= LAST_ACTION) break
      const payload = <i32>load<u16>(p, 46)
      const next = pos + HEADER + payload
      if (payload > 0 && (next + 4 > end || load<u32>(base + <usize>next) != MAGIC_V1)) break
      const atNs = (<f64>load<u32>(p, 12) - eventHigh) * TWO_32 + (<f64>load<u32>(p, 8) - eventLow)
      if (atNs >= limitNs && taken > 0) {
        store<f64>(state, atNs, NEXT_NS)
        store<u32>(state, load<u32>(p, 36), NEXT_DEVICE)
        store<u32>(state, load<u32>(p, 4), NEXT_SEQUENCE)
        atLimit = true
        break
      }
      // Neither is true where the time of the last one is NaN.
      if (!(atNs >= lastNs && atNs - lastNs <= YEAR_NS)) break
      if (load<u32>(p, 36) != device || load<u32>(p, 40) != cpu || load<u32>(p, 4) != sequence + 1) break
      if (load<u8>(WANTED + <usize>action) != 0) {
        const row = <usize>n
        const size = load<u32>(p, 24)
        let data = p + HEADER
        let room = payload
        if ((code & CGROUP_BIT) != 0) {
          data += CGROUP_BYTES
          room -= CGROUP_BYTES
        }
        let to = device
        if (action == REMAP) {
          if (room < 16) break
          const mapped = bswap(load<u32>(data, 4))
          if (mapped != 0) to = mapped
          store<u32>(FROM_DEVICE + 4 * row, bswap(load<u32>(data)))
          store<f64>(FROM_SECTOR + 8 * row, sectorOf(bswap(load<u64>(data, 8))))
        } else if (action == SPLIT) {
          if (room < 8) break
          store<f64>(SPLIT_SECTOR + 8 * row, sectorOf(bswap(load<u64>(data))))
        } else if (action == UNPLUG || action == UNPLUG_TIMER) {
          store<u32>(DEPTH + 4 * row, room < 8 ? 0 : depthOf(bswap(load<u64>(data))))
        }
        let flags = (code >> 16) & KEPT
        if (size == 0) flags &= ~READ
        if (flags & DATALESS) flags &= ~(READ | WRITE)
        store<u8>(ACTION + row, <u8>action)
        store<u32>(FLAGS + 4 * row, flags)
        store<u32>(DEVICES + 4 * row, to)
        store<f64>(SECTOR + 8 * row, sectorOf(load<u64>(p, 16)))
        store<f64>(BYTES + 8 * row, <f64>size)
        store<i32>(TID + 4 * row, load<i32>(p, 32))
        store<f64>(AT_NS + 8 * row, atNs)
        store<i32>(ERROR + 4 * row, <i32>load<i16>(p, 44))
        store<u32>(CPUS + 4 * row, cpu)
        store<u32>(SEQUENCE + 4 * row, sequence + 1)
        store<f64>(RECORD + 8 * row, records + <f64>(taken + 1))
        store<u16>(SOURCE + 2 * row, <u16>source)
        n++
      }
      const counted = ACTIONS + 4 * <usize>action
      store<u32>(counted, load<u32>(counted) + 1)
      if (atNs == lastNs) ties++
      firstNs = min(firstNs, atNs)
      lastNs = atNs
      sequence++
      taken++
      pos = next
    }
    if (taken > 0) {
      latestNs = max(latestNs, lastNs)
      store<u32>(counter, sequence)
      store<i32>(state, pos, POS)
      store<f64>(state, lastNs, LAST_NS)
      store<f64>(state, records + <f64>taken, RECORDS)
      store<i32>(state, load<i32>(state, TIMED) + taken, TIMED)
      store<i32>(state, load<i32>(state, TIES) + ties, TIES)
    }
    if (!atLimit) {
      store<i32>(STATUS, taken > 0 ? UNDER_WAY : FRESH)
      break
    }
  }
  store<f64>(FIRST_NS, firstNs)
  store<f64>(LATEST_NS, latestNs)
  return n
}

function sectorOf(sector: u64): f64 {
  return sector < NO_SECTOR ? <f64>(<i64>sector) : -1
}

function depthOf(depth: u64): u32 {
  return depth < NO_SECTOR ? <u32>depth : 0xffffffff
}

/** Puts `source` into a heap of `heads`. */
export function add(heap: usize, heads: i32, source: u32): void {
  let child = heads
  put(heap, child, source)
  while (child > 0) {
    const parent = (child - 1) >> 1
    if (!earlier(heap, child, parent)) return
    swap(heap, child, parent)
    child = parent
  }
}

/** The first one stands before another record: down to its place. */
function sink(heap: usize, heads: i32): void {
  let parent = 0
  for (;;) {
    let child = 2 * parent + 1
    if (child >= heads) return
    if (child + 1 < heads && earlier(heap, child + 1, child)) child++
    if (!earlier(heap, child, parent)) return
    swap(heap, child, parent)
    parent = child
  }
}

function earlier(heap: usize, i: i32, k: i32): bool {
  const a = stateOf(at(heap, i))
  const b = stateOf(at(heap, k))
  const aNs = load<f64>(a, NEXT_NS)
  const bNs = load<f64>(b, NEXT_NS)
  if (aNs != bNs) return aNs < bNs
  const aDevice = load<u32>(a, NEXT_DEVICE)
  const bDevice = load<u32>(b, NEXT_DEVICE)
  if (aDevice != bDevice) return aDevice < bDevice
  return load<u32>(a, NEXT_SEQUENCE) < load<u32>(b, NEXT_SEQUENCE)
}

function swap(heap: usize, i: i32, k: i32): void {
  const source = at(heap, i)
  put(heap, i, at(heap, k))
  put(heap, k, source)
}

function at(heap: usize, place: i32): u32 {
  return load<u32>(heap + 4 * <usize>place)
}

function put(heap: usize, place: i32, source: u32): void {
  store<u32>(heap + 4 * <usize>place, source)
}

function stateOf(source: u32): usize {
  return SOURCES + SOURCE_BYTES * <usize>source
}
