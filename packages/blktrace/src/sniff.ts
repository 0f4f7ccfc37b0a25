/** Binary records (per-CPU files, single streams, dumps), told by their first bytes, never by a name. */
import { magicAt, scanHead } from './head.ts'

/** A binary trace whose beginning is damaged still shows this many records in its head. */
const DAMAGED_RECORDS = 8

/** `head`: the first bytes, unpacked. */
export function sniffBlktrace(head: Uint8Array): 'blktrace' | null {
  if (magicAt(head, 0)) return 'blktrace'
  if (head.length < 1024 || head.indexOf(0) < 0) return null
  const scan = scanHead(head)
  return scan && scan.records >= DAMAGED_RECORDS ? 'blktrace' : null
}
