/**
 * A write to a file that holds a guest's disk (a qcow2 image), as the guest sees it: which bytes of its disk. Told by
 * `qemu-img map` of the image, given with its whole path; what is compressed or in a backing file has no place there.
 */
import type { DiskImage, ImagePiece } from '@flushtrace/layout'
import { firstAbove } from '@flushtrace/trace'

/** A range of a guest's disk, bytes. */
export interface GuestRange {
  readonly offset: number
  readonly bytes: number
}

interface Sorted {
  readonly pieces: readonly ImagePiece[]
  readonly starts: Float64Array
}

export class GuestDisks {
  readonly #images = new Map<string, Sorted>()

  /** Of two maps of one image the later one in the list counts. */
  constructor(images: readonly DiskImage[]) {
    for (const { path, pieces } of images) {
      if (path === null) continue
      const sorted = pieces.toSorted((a, b) => a.imageByte - b.imageByte)
      this.#images.set(path, { pieces: sorted, starts: Float64Array.from(sorted, ({ imageByte }) => imageByte) })
    }
  }

  /**
   * Where the guest has a range of the file, in the order of the file; empty for the image's own tables. null: no map tells
   * of this file.
   */
  rangesOf(path: string, fileOffset: number, bytes: number): GuestRange[] | null {
    const image = this.#images.get(path)
    if (!image) return null
    const ranges: GuestRange[] = []
    const end = fileOffset + bytes
    for (let k = Math.max(0, firstAbove(image.starts, fileOffset) - 1); k < image.pieces.length; k++) {
      const { imageByte, guestByte, bytes: length } = image.pieces[k]
      if (imageByte >= end) break
      const from = Math.max(fileOffset, imageByte)
      const to = Math.min(end, imageByte + length)
      if (from < to) ranges.push({ offset: guestByte + from - imageByte, bytes: to - from })
    }
    return ranges
  }
}
