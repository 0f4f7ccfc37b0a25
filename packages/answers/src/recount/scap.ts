/**
 * Flushes of a sysdig capture, counted a second time: block by block, nothing but the generic events (0: enter, 1: exit)
 * and their call codes. No code of the reader. Events of blocks that are not whole end the count, as they are rare.
 *
 *     block    type u32 · length u32 · body · length u32
 *     body     cpu u16 · (flags u32) · time u64 · task u64 · length u32 · event u16 · (parameters u32) · lengths · code u16
 *
 * Format: falcosecurity/libs userspace/libscap/scap_savefile.h, driver/ppm_events_public.h.
 */
import type { Source } from '@flushtrace/trace'
import { cellOf, type Cells } from './cells.ts'

const CALLS: Readonly<Record<number, string>> = { 24: 'sync', 72: 'fsync', 86: 'msync', 90: 'fdatasync', 238: 'syncfs' }
/** x86-64's own numbers, for calls that the recording release did not know. */
const NATIVE: Readonly<Record<number, string>> = {
  26: 'msync',
  74: 'fsync',
  75: 'fdatasync',
  162: 'sync',
  306: 'syncfs',
}
/** Type → bytes before the event, whether it tells its number of parameters, bytes of a parameter's length. */
const EVENTS: Readonly<Record<number, readonly [before: number, counted: boolean, wide: number]>> = {
  0x204: [2, false, 2],
  0x208: [6, false, 2],
  0x216: [2, true, 2],
  0x217: [6, true, 2],
  0x221: [2, true, 4],
  0x222: [6, true, 4],
}
const FLAG_STATE_ONLY = 1

/** `whole`: no damage was met. */
export async function recountScap(source: Source): Promise<{ cells: Cells; whole: boolean }> {
  const cells: Cells = new Map()
  const exits = new Map<string, number>()
  const enters = new Map<string, number>()
  let generic = 0
  const onEvent = (type: number, body: Buffer): void => {
    const [before, counted, wide] = EVENTS[type]
    if (before === 6 && (body.readUInt32LE(2) & FLAG_STATE_ONLY) !== 0) return
    const id = body.readUInt16LE(before + 20)
    if (id > 1) return
    const task = String(body.readBigUInt64LE(before + 8))
    const lengths = before + (counted ? 26 : 22)
    const parameters = counted ? body.readUInt32LE(before + 22) : 0
    // v1 does not count them: a generic event is the lengths and the u16 values behind them.
    const first = lengths + wide * (counted ? parameters : (body.readUInt32LE(before + 16) - 22) / 4)
    if (first + 2 > body.length || (counted && parameters < 1)) return
    const code = body.readUInt16LE(first)
    const second = first - lengths >= 2 * wide && first + 4 <= body.length
    const call = code === 0 && second ? NATIVE[body.readUInt16LE(first + 2)] : CALLS[code]
    if (id === 1) generic++
    if (call === undefined || task === '0') return
    const counts = id === 1 ? exits : enters
    const key = `${task} ${call}`
    counts.set(key, (counts.get(key) ?? 0) + 1)
  }
  const whole = await eachBlock(source, (type, body) => {
    if (type in EVENTS) onEvent(type, body)
  })
  for (const key of new Set([...exits.keys(), ...enters.keys()])) {
    const [task, call] = key.split(' ')
    const [begun, ended] = [enters.get(key) ?? 0, exits.get(key) ?? 0]
    const cell = cellOf(cells, task, call)
    // Where exits were lost a call may count by its enter; one that never ended does not.
    cell.least = generic > 0 ? ended : begun
    cell.most = Math.max(begun, ended)
  }
  return { cells, whole }
}

async function eachBlock(source: Source, onBlock: (type: number, body: Buffer) => void): Promise<boolean> {
  let rest = Buffer.alloc(0)
  for await (const chunk of source.chunks()) {
    rest = Buffer.concat([rest, chunk])
    let at = 0
    while (at + 8 <= rest.length) {
      const length = rest.readUInt32LE(at + 4)
      if (length < 12 || length % 4 !== 0) return false
      if (at + length > rest.length) break
      if (rest.readUInt32LE(at + length - 4) !== length) return false
      onBlock(rest.readUInt32LE(at), rest.subarray(at + 8, at + length - 4))
      at += length
    }
    rest = Buffer.from(rest.subarray(at))
  }
  return rest.length === 0
}
