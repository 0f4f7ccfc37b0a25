/** How lines end, in the words of ../src/shape.ts. */
import { CLOSE, DOT, LANGLE, RANGLE, SPACE, at, eightDigits, isDigit } from './bytes'

const EQUALS: u8 = 0x3d
/** µs: more, as ns, are no whole number any more. */
const LONGEST_TOOK: f64 = 9007199254740

/** Of the last `readTail`: where the result begins (0: nowhere), it when it is a number (else NaN), its duration in ns. */
export let result: usize = 0
export let value: f64 = NaN
export let took: f64 = NaN
/** Of the last `findsKey`. */
export let keyEnd: usize = 0

/** `<unfinished ...>`, `<detached ...>`, `<pid changed to 42 ...>`. */
export function endsInMark(end: usize): bool {
  return at(end - 1) == RANGLE && at(end - 2) == DOT
}

/** Of the arguments, or the rest of them, that begin at `from`. */
export function readTail(from: usize, end: usize): void {
  readResult(endsUnfinished(from, end) ? 0 : lastResult(from, end), end)
}

export function endsUnfinished(from: usize, end: usize): bool {
  const mark = end - 17
  // ` <unfini`, `shed ...`, `>`
  return (
    mark >= from &&
    load<u64>(mark) == 0x696e69666e753c20 &&
    load<u64>(mark, 8) == 0x2e2e2e2064656873 &&
    load<u8>(mark, 16) == RANGLE
  )
}

/** `0 <0.000021>`, or a number alone. `start` 0: there is none. */
function readResult(start: usize, end: usize): void {
  result = start
  value = NaN
  took = NaN
  if (start == 0) return
  let number: f64 = 0
  let p = start
  for (; p < end && isDigit(at(p)); p++) number = number * 10 + <f64>(at(p) - 0x30)
  if (p == start) return
  if (p != end) {
    // ` <0.000021>`
    const dot = end - 8
    if (at(p) != SPACE || at(p + 1) != LANGLE || at(end - 1) != RANGLE || at(dot) != DOT || p + 3 > dot) return
    const micros = eightDigits((load<u64>(end - 9) & ~0xffff) | 0x3030)
    let seconds: f64 = 0
    for (let q = p + 2; q < dot; q++) {
      if (!isDigit(at(q))) return
      seconds = seconds * 10 + <f64>(at(q) - 0x30)
    }
    const all = seconds * 1e6 + <f64>micros
    if (micros < 0 || all > LONGEST_TOOK) return
    took = all * 1000
  }
  value = number
}

/** What of a whole line must be the same to mean the same: up to its result, when that is a number, else to its duration. */
export function findsKey(end: usize): bool {
  keyEnd = result
  if (value == value) return true
  if (at(end - 1) != RANGLE || !isDigit(at(end - 2))) {
    keyEnd = end
    return true
  }
  // ` <0.000021>`
  const seconds = at(end - 9) - 0x30
  const micros = eightDigits((load<u64>(end - 9) & ~0xffff) | 0x3030)
  keyEnd = end - 11
  if (keyEnd <= result || load<u16>(keyEnd) != 0x3c20 || at(end - 8) != DOT || seconds > 9 || micros < 0) return false
  took = (<f64>seconds * 1e6 + <f64>micros) * 1000
  return true
}

/** After the last `) = `; 0 where there is none. */
export function lastResult(from: usize, end: usize): usize {
  const stop = end - from > 512 ? end - 512 : from
  const timed = at(end - 1) == RANGLE && at(end - 10) == LANGLE && at(end - 8) == DOT
  const wanted = i8x16.splat(EQUALS)
  for (let block = (timed ? end - 13 : end - 2) - 15; block + 15 > stop; block -= 16) {
    let found = <u32>i8x16.bitmask(i8x16.eq(v128.load(block), wanted))
    while (found != 0) {
      const bit = 31 - clz(found)
      const p = block + bit
      if (p <= stop) return 0
      if (at(p - 1) == SPACE && at(p + 1) == SPACE) {
        let q = p - 1
        while (q > stop && at(q) == SPACE) q--
        if (at(q) == CLOSE) return p + 2
      }
      found ^= 1 << bit
    }
  }
  return 0
}
