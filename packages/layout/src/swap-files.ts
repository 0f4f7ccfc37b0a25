/**
 * A file that is swapped to is no file's data while it is (the kernel lets nobody write to it: swapon(2), S_SWAPFILE): what
 * maps have of it is swap.
 */
import { AreaBuilder } from './area-builder.ts'
import { ExtentBuilder } from './extent-builder.ts'
import { AREAS, type LayoutMap, type MappedFile } from './layout-map.ts'

/** The map with the extents of such files as areas. */
export function withSwapFiles(map: LayoutMap, isSwap: (file: MappedFile) => boolean): LayoutMap {
  const swapped = new Set(map.files.flatMap((file, k) => (isSwap(file) ? [k] : [])))
  if (swapped.size === 0) return map
  const { extents, files, areas } = map
  const kept = new ExtentBuilder()
  const all = new AreaBuilder()
  for (let k = 0; k < extents.length; k++) {
    const [start, end, file] = [extents.start[k], extents.end[k], extents.file[k]]
    if (swapped.has(file)) all.add(start, end, 'swap', files[file].path ?? 'swap file')
    else kept.add(start, end, extents.fileOffset[k], file, extents.flags[k])
  }
  for (let k = 0; k < areas.length; k++) {
    all.add(areas.start[k], areas.end[k], AREAS[areas.area[k]], areas.labels[areas.label[k]])
  }
  return { ...map, extents: kept.finish(1), areas: all.finish(1) }
}
