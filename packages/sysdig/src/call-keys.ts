/**
 * Which call an event counts for, as one number: its event id, and for the generic events, whose first parameter tells
 * the call, 1024 + 2 × sysdig's code, or 3072 + 2 × the kernel's number of those without a code. Exits have odd keys.
 */
import { CALL_CODES, NATIVE_X86_64 } from './call-codes.ts'
import * as C from './columns.ts'
import { PLANS } from './plans.ts'
import { KEYS } from './rows.ts'

const GENERIC = 1024
const NATIVE = 3072
const MAX_CODE = (NATIVE - GENERIC) / 2
const MAX_NATIVE = (KEYS - NATIVE) / 2

const CODE_CALLS: Int16Array = Int16Array.from(CALL_CODES, (name) => callOfName(name))
const NATIVE_CALLS: Int16Array = new Int16Array(MAX_NATIVE).fill(-1)
for (const [number, name] of NATIVE_X86_64) NATIVE_CALLS[number] = callOfName(name)

function callOfName(name: string): number {
  return C.isBare(name) ? C.rowCall(name) : -1
}

/** Of the enter. `native` and `pending` help where there is no code: -1 where they are not known. */
export function genericKey(code: number, native: number, pending: number): number {
  if (code === 0 && NATIVE_X86_64.has(native)) return NATIVE + 2 * native
  if (code === 0 && pending >= NATIVE) return pending
  return GENERIC + 2 * Math.min(code, MAX_CODE - 1)
}

/** Neither a code nor a number told which call it is. */
export function isUnnamed(key: number): boolean {
  return key >> 1 === GENERIC >> 1
}

/** The call behind the key of a generic enter with this code, -1 for one that becomes no row. */
export function genericCall(code: number, key: number): number {
  if (key >= NATIVE) return NATIVE_CALLS[(key - NATIVE) >> 1]
  return code > 0 && code < CODE_CALLS.length ? CODE_CALLS[code] : -1
}

/** The name behind a key. */
export function keyName(key: number): string {
  if (key < GENERIC) return PLANS[key]?.name ?? ''
  if (key >= NATIVE) return NATIVE_X86_64.get((key - NATIVE) >> 1) ?? ''
  const code = (key - GENERIC) >> 1
  return code === 0 ? '<unknown>' : (CALL_CODES[code] ?? `<call ${code}>`)
}
