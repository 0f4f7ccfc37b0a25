/**
 * Requests that are copies of one write (copies.ts) count once, on the array: it is told by remap events, or by tables where
 * there are none.
 */
import type { DiskLayout } from '@flushtrace/layout'
import { Copies } from '../copies.ts'
import type { BlockLog } from './block-log.ts'

/** Volumes that send a block to one device now, and to another one later. */
const MOVES = /^(?:cache|writecache|era|clone|snapshot|thin|multipath|mpath)/

/** `ns`: the time of each row on one clock. */
export function leaveOutCopies(blocks: BlockLog, layout: DiskLayout | null, ns: Float64Array): void {
  const forks = forksOf(blocks)
  for (const { upper, what } of layout?.layers ?? []) if (MOVES.test(what)) forks.delete(upper)
  if (forks.size === 0 && !layout?.hasCopies) return
  const copies = new Copies()
  for (const row of blocks.inOrder(ns)) {
    const device = blocks.device.data[row]
    const sector = blocks.sector.data[row]
    const bytes = blocks.bytes.data[row]
    if (bytes === 0 || sector < 0) continue
    const array = forks.has(device) ? { device, sector } : layout?.arrayPlaceOf(device, sector, bytes)
    if (!array) continue
    const member = blocks.rowDevice.data[row]
    const [flags, tid] = [blocks.flags.data[row], blocks.tid.data[row]]
    const first = copies.firstOf({ array, member, bytes, flags, tid, atNs: ns[row], row })
    if (first < 0) continue
    blocks.leaveOut(row, array.device)
    blocks.lift(first, array)
  }
}

/** Devices whose requests were seen to go on to several. */
function forksOf({ device, rowDevice, length }: BlockLog): Set<number> {
  const below = new Map<number, number>()
  const forks = new Set<number>()
  for (let row = 0; row < length; row++) {
    const on = device.data[row]
    const member = rowDevice.data[row]
    if (on === member) continue
    const known = below.get(on)
    if (known === undefined) below.set(on, member)
    else if (known !== member) forks.add(on)
  }
  return forks
}
