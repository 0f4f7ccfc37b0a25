/** What each task does, as far as it was passed: ../src/sieve-tasks.ts reads it. */

/** 1,024 slots: tid, state (int32), its line, seconds (float64), µs (int32). */
const TASKS: usize = 0x12000
const TASK: usize = 32
/** The slots in use, uint16, and their number. */
const MET: usize = 0x1a000
const MET_COUNT: usize = 0x1a800

/** States: the call that was passed has ended; JavaScript knows. From ROW on: in a call of that text (memo.ts); else of that name. */
export const NOTHING = -1
export const TOLD = -2
export const ROW = 0x10000

/** Tasks that are at work together mostly have numbers that are close together. */
function slotOf(tid: i32): usize {
  return TASKS + (<usize>tid & 0x3ff) * TASK
}

export function stateOf(tid: i32): i32 {
  const slot = slotOf(tid)
  return load<i32>(slot) == tid ? load<i32>(slot, 4) : TOLD
}

/** Whether what the task does can be noted. */
export function isFree(tid: i32): bool {
  const other = load<i32>(slotOf(tid))
  return tid != 0 && (other == 0 || other == tid)
}

export function setState(tid: i32, state: i32, line: f64, seconds: f64, micros: i32): void {
  const slot = slotOf(tid)
  if (load<i32>(slot) == 0) {
    const met = load<i32>(MET_COUNT)
    store<u16>(MET + ((<usize>met) << 1), <u16>(tid & 0x3ff))
    store<i32>(MET_COUNT, met + 1)
    store<i32>(slot, tid)
  }
  store<i32>(slot, state, 4)
  store<f64>(slot, line, 8)
  store<f64>(slot, seconds, 16)
  store<i32>(slot, micros, 24)
}

/** When its call began. */
export function secondsOf(tid: i32): f64 {
  return load<f64>(slotOf(tid), 16)
}

export function microsOf(tid: i32): i32 {
  return load<i32>(slotOf(tid), 24)
}
