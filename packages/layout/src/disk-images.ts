/**
 * Files that hold guests' disks. The JSON form of `qemu-img map` names no file; the plain one does, and ends at the first
 * compressed cluster. Saved beside each other they make one: the plain form names the other, where both tell the same.
 */
import { dirname } from 'node:path'
import type { Diagnostics } from '@flushtrace/trace'
import { LAYOUT } from './diagnostics.ts'
import type { Findings, ImageFinding } from './findings.ts'

/** A JSON form that is named takes the place of the plain one, which tells the same, or less. */
export function nameImages({ images, cutImages }: Findings, diagnostics: Diagnostics): ImageFinding[] {
  const plain = images.filter(({ path }) => path !== null)
  const places = new Map<ImageFinding, ImageFinding | null>(plain.map((image) => [image, image]))
  const nameless: ImageFinding[] = []
  const completed = new Set<string>()
  for (const image of images) {
    if (image.path !== null) continue
    const same = plain.filter((other) => tellsOf(other, image, cutImages.has(other.source)))
    const [path, ...others] = new Set(same.map((other) => other.path))
    if (path === undefined || others.length > 0) {
      nameless.push(image)
      // Backing files are only read.
      if (image.depth === 0) diagnostics.add(LAYOUT.unnamed, { source: image.source }, image.source)
      continue
    }
    for (const [k, other] of same.entries()) {
      places.set(other, k === same.length - 1 ? { ...image, path } : null)
      completed.add(other.source)
    }
  }
  for (const source of cutImages) if (!completed.has(source)) diagnostics.add(LAYOUT.unmapped, { source }, source)
  return [...[...places.values()].filter((image) => image !== null), ...nameless]
}

/** Whether a plain form is of the same image. One that ends early has the same pieces as far as it goes. */
function tellsOf(plain: ImageFinding, json: ImageFinding, cut: boolean): boolean {
  return (
    dirname(plain.source) === dirname(json.source) &&
    (cut ? plain.pieces.length <= json.pieces.length : plain.pieces.length === json.pieces.length) &&
    plain.pieces.every(({ guestByte, bytes, imageByte }, k) => {
      const other = json.pieces[k]
      return other.guestByte === guestByte && other.bytes === bytes && other.imageByte === imageByte
    })
  )
}
