/**
 * Writes and flush requests of a binary block trace, counted a second time: record by record, what was queued for each
 * device. No code of the reader. Version 1 in either byte order; a record that does not begin with the magic number ends
 * the count.
 *
 *     magic u32 · sequence u32 · time u64 · sector u64 · bytes u32 · action u32 · pid u32 · device u32 · cpu u32 ·
 *     error u16 · length of what follows u16
 *
 * Format: torvalds/linux include/uapi/linux/blktrace_api.h.
 */
import type { Source } from '@flushtrace/trace'
import { cellOf, type Cells } from './cells.ts'

const MAGIC = 0x65617407
const HEADER = 48
const QUEUE = 1
const CATEGORY = { write: 1 << 17, flush: 1 << 18, passthrough: 1 << 25, notify: 1 << 26, discard: 1 << 29 }
/** A record that belongs to a cgroup has 8 bytes more, and this bit in its action. */
const CGROUP = 1 << 15

/** `whole`: every byte belonged to a record. */
export async function recountBlktrace(sources: readonly Source[]): Promise<{ cells: Cells; whole: boolean }> {
  const cells: Cells = new Map()
  let whole = true
  for (const source of sources) whole = (await recountFile(source, cells)) && whole
  for (const cell of cells.values()) cell.most = cell.least
  return { cells, whole }
}

async function recountFile(source: Source, cells: Cells): Promise<boolean> {
  let rest = Buffer.alloc(0)
  for await (const chunk of source.chunks()) {
    rest = Buffer.concat([rest, chunk])
    let at = 0
    for (; at + HEADER <= rest.length;) {
      const little = rest.readUInt32LE(at) === MAGIC
      if (!little && rest.readUInt32BE(at) !== MAGIC) return false
      const u32 = (offset: number): number => (little ? rest.readUInt32LE(at + offset) : rest.readUInt32BE(at + offset))
      const more = little ? rest.readUInt16LE(at + 46) : rest.readUInt16BE(at + 46)
      if (at + HEADER + more > rest.length) break
      count(cells, u32(28), u32(36), u32(24))
      at += HEADER + more
    }
    rest = Buffer.from(rest.subarray(at))
  }
  return rest.length === 0
}

function count(cells: Cells, action: number, device: number, bytes: number): void {
  const { write, flush, passthrough, notify, discard } = CATEGORY
  if ((action & 0xffff & ~CGROUP) !== QUEUE || (action & (notify | passthrough | discard)) !== 0) return
  const name = `${device >>> 20}:${device & 0xfffff}`
  if ((action & flush) !== 0) cellOf(cells, name, 'flush requests').least++
  if ((action & write) === 0 || bytes === 0) return
  cellOf(cells, name, 'writes').least++
  cellOf(cells, name, 'bytes written').least += bytes
}
