/** What stands behind the header of an event. */
import { ACTION, NO_DEVICE, type BlockBatch } from '@flushtrace/trace'
import { be32, be64 } from './header.ts'

/** Bytes [start, end) into row `n`; false when there are fewer than its action has. */
export function readPayload(batch: BlockBatch, n: number, bytes: Uint8Array, start: number, end: number): boolean {
  const room = end - start
  switch (batch.action[n]) {
    case ACTION.remap: {
      const whole = room >= 16
      const to = whole ? be32(bytes, start + 4) : 0
      batch.fromDevice[n] = whole ? be32(bytes, start) : NO_DEVICE
      batch.fromSector[n] = whole ? be64(bytes, start + 8) : -1
      if (to !== 0) batch.device[n] = to
      return whole
    }
    case ACTION.split:
      batch.splitSector[n] = room >= 8 ? be64(bytes, start) : -1
      return room >= 8
    case ACTION.unplug:
    case ACTION.unplugTimer:
      batch.depth[n] = room >= 8 ? be64(bytes, start) : 0
      return true
    default:
      return true
  }
}
