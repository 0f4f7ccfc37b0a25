/** The order of block events: by time; ties by device, then by sequence number, a task's name before its events. */
import { ACTION, type BlockBatch } from '@flushtrace/trace'

/** Whether row `i` of `a` comes before row `k` of `b`. */
export function before(a: BlockBatch, i: number, b: BlockBatch, k: number): boolean {
  if (a.atNs[i] !== b.atNs[k]) return a.atNs[i] < b.atNs[k]
  if ((a.action[i] === ACTION.note) !== (b.action[k] === ACTION.note)) return a.action[i] === ACTION.note
  if (a.device[i] !== b.device[k]) return a.device[i] < b.device[k]
  return a.sequence[i] < b.sequence[k]
}
