/**
 * `qemu-img map IMAGE` (QEMU): where the bytes of a guest's disk lie in its image file.
 *
 *     Offset          Length          Mapped to       File
 *     0               0x100000        0x50000         disk.qcow2
 *
 * and with `--output=json`, which names no file, but tells the guest's size and what has no place (zeros, compressed):
 *
 *     [{ "start": 0, "length": 1048576, "depth": 0, "present": true, "zero": false, "data": true, "offset": 327680},
 *
 * `depth` counts backing files, the image itself is 0. Source: qemu/qemu qemu-img.c dump_map_entry(). The plain form ends
 * with a word on stderr at the first compressed or encrypted cluster.
 */
import { LAYOUT } from './diagnostics.ts'
import type { Findings, ImageFinding } from './findings.ts'
import type { SideFile } from './side-file.ts'

const HEAD = /^(?:qemu-img: .*\n)?Offset +Length +Mapped to +File$/
const ROW = /^(0|0x[0-9a-f]+) +(0|0x[0-9a-f]+) +(0|0x[0-9a-f]+) +(\S.*)$/s
const JSON_HEAD = /^\s*\[\s*\{\s*"start":\s*\d+,\s*"length":\s*\d+,\s*"depth":/

/** 24 bytes each: a fragmented image of a terabyte has a tenth. */
const MAX_PIECES = 1 << 20

/** Whether it is what `qemu-img map` prints, plain or as JSON. */
export function sniffQemuMap(text: string): boolean {
  return HEAD.test(text.split('\n', text.startsWith('qemu-img: ') ? 2 : 1).join('\n')) || JSON_HEAD.test(text)
}

/** Where the pieces of a guest's disk lie in its image; `most` of them. */
export async function readQemuMap(file: SideFile, findings: Findings, most = MAX_PIECES): Promise<void> {
  const images = new Map<string, ImageFinding>()
  let pieces = 0
  const add = (path: string | null, depth: number | null, start: number, bytes: number, offset: number): void => {
    if (++pieces > most) return
    const key = path ?? `${depth}`
    let image = images.get(key)
    if (!image) images.set(key, (image = { source: file.path, path, depth, guestBytes: null, pieces: [] }))
    image.pieces.push({ guestByte: start, bytes, imageByte: offset })
  }
  if (JSON_HEAD.test(Buffer.from(file.source.head).toString('latin1'))) {
    const rows = await file.json('qemuMap')
    for (const { start, length, depth, offset } of rows ?? []) {
      if (offset !== undefined) add(null, depth, start, length, offset)
    }
    const last = rows?.at(-1)
    if (last) for (const image of images.values()) image.guestBytes = last.start + last.length
  } else {
    await file.eachLine((line) => {
      if (line === '' || HEAD.test(line)) return 'note'
      if (line.startsWith('qemu-img: ')) return (findings.cutImages.add(file.path), 'note')
      const row = ROW.exec(line)
      const numbers = row?.slice(1, 4).map(Number) ?? []
      if (!row || !numbers.every(Number.isSafeInteger)) return 'damaged'
      add(row[4], null, numbers[0], numbers[1], numbers[2])
      return 'used'
    })
  }
  if (pieces > most) file.report(LAYOUT.tooMany, file.path, pieces - most)
  findings.images.push(...images.values())
}
