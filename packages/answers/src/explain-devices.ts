/**
 * On which devices the files of flushes lie.
 *
 * 1. A file lies where its data went, and where its own flushes queued requests; so on all devices of that file system, that
 *    of its log among them.
 * 2. Of a file without either, a file beside it tells.
 */
import type { Attributed } from './attribute.ts'
import type { Flush } from './flush-list.ts'

/** How the device of a flush's file is known. */
export type DeviceRule = 'device-by-data' | 'device-by-directory' | 'every-device' | 'device-unknown'

export class FileDevices {
  readonly #attributed: Attributed
  /** By number of the FileBook. */
  readonly #byFile = new Map<number, Set<number>>()
  readonly #byFolder = new Map<string, Set<number>>()

  /** `callOf`: by request, the flush of its own thread that it was queued in. */
  constructor(attributed: Attributed, callOf: ReadonlyMap<number, Flush>) {
    this.#attributed = attributed
    const { pieces } = attributed.attribution
    const { device } = attributed.blocks
    const noted = new Set<string>()
    const once = (file: number, at: number): void => {
      const key = `${file} ${at}`
      if (file < 0 || noted.has(key)) return
      noted.add(key)
      this.#note(file, at)
    }
    for (let k = 0; k < pieces.length; k++) {
      if (pieces.bytes.data[k] > 0) once(pieces.file.data[k], device.data[pieces.request.data[k]])
    }
    for (const [request, { files, guessed }] of callOf) {
      if (guessed) continue
      for (const { file, path } of files) once(attributed.book.traced(file, path), device.data[request])
    }
  }

  /** `files`: those of the flush, by their numbers. null: every device. */
  of(flush: Flush, files: ReadonlySet<number>): { devices: Set<number> | null; rule: DeviceRule } {
    if (flush.everything && flush.files.length === 0) return { devices: null, rule: 'every-device' }
    const known = new Set<number>()
    for (const file of files) for (const device of this.#byFile.get(file) ?? []) known.add(device)
    if (known.size > 0) return { devices: known, rule: 'device-by-data' }
    for (const { path } of flush.files) {
      const folders = [this.#byFolder.get(path), this.#byFolder.get(folderOf(path))]
      const [devices] = folders.filter((found) => found !== undefined)
      if (devices) return { devices, rule: 'device-by-directory' }
    }
    return { devices: known, rule: 'device-unknown' }
  }

  #note(file: number, at: number): void {
    const { attribution, book } = this.#attributed
    const { devices, fs } = attribution.views.ofDevice(at)
    const { path } = book.at(file)
    const folder = path === null ? null : folderOf(path)
    const log = fs?.log ?? null
    for (const one of [at, ...devices, ...(log === null ? [] : [log])]) {
      addTo(this.#byFile, file, one)
      if (folder !== null) addTo(this.#byFolder, folder, one)
    }
  }
}

function addTo<K>(map: Map<K, Set<number>>, key: K, value: number): void {
  const known = map.get(key)
  if (known) known.add(value)
  else map.set(key, new Set([value]))
}

function folderOf(path: string): string {
  return path.slice(0, path.lastIndexOf('/'))
}
