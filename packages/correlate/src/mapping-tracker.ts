/** mmap, munmap, mprotect, mremap → AddressSpace. The rules are at the top of mappings.ts. */
import { OK, flags as F } from '@flushtrace/trace'
import { emitMapped } from './activity.ts'
import { describedBy } from './decorations.ts'
import { hasNoFile, type Origin } from './descriptors.ts'
import { CORRELATE } from './diagnostics.ts'
import { pageEnd, type Region } from './mappings.ts'
import { taskLabel } from './processes.ts'
import { report, type Row, type Tracker, type World } from './world.ts'

export class MappingTracker implements Tracker {
  readonly roles = ['map', 'unmap', 'protect', 'remap'] as const
  readonly #world: World

  constructor(world: World) {
    this.#world = world
  }

  enter(row: Row): void {
    const { batch, i, task, inFlight } = row
    if (row.role === 'map') {
      inFlight.description = describedBy(this.#world, row, batch.fd[i], batch.decoration[i])
    } else if (row.role === 'unmap' || (row.role === 'remap' && !stays(row))) {
      inFlight.regions = task.space.unmap(batch.addr[i], pageEnd(batch.addr[i], batch.size[i]))
    }
  }

  exit(row: Row): void {
    const { batch, i, task, inFlight } = row
    const { space } = task
    if (batch.outcome[i] !== OK) {
      // What the entry took away is still there.
      for (const region of inFlight.regions ?? []) space.map(region)
      return
    }
    const start = batch.addr[i]
    switch (row.role) {
      case 'map':
        space.shows = true
        this.#map(row)
        break
      case 'protect': {
        const writable = (batch.flags2[i] & F.PROT_WRITE) !== 0
        for (const region of space.protect(start, pageEnd(start, batch.size[i]), writable)) {
          emitMapped(this.#world, row, region)
        }
        break
      }
      case 'remap': {
        const oldSize = pageEnd(0, batch.size[i])
        const moved = inFlight.regions ?? space.overlapping(start, start + Math.max(oldSize, 1))
        for (const region of space.remap(moved, start, oldSize, batch.result[i], pageEnd(0, batch.size2[i]))) {
          if (region.writable) emitMapped(this.#world, row, region)
        }
        break
      }
      default:
        break
    }
  }

  #map(row: Row): void {
    const { batch, i, task, inFlight } = row
    const start = batch.result[i]
    const end = pageEnd(start, batch.size[i])
    if (!(end > start)) return
    const type = batch.flags[i] & F.MAP_TYPE
    const shared = type === F.MAP_SHARED || type === F.MAP_SHARED_VALIDATE
    const anonymous = (batch.flags[i] & F.MAP_ANONYMOUS) !== 0
    const description = anonymous ? null : inFlight.description
    const file = description?.file
    if (!shared || !file) {
      task.space.unmap(start, end)
      // What is mapped there now is a file that the trace does not show, not memory.
      if (shared && !anonymous && !(description && hasNoFile(description))) task.space.complete = false
      return
    }
    const { rule } = description.origin
    const origin: Origin = {
      rule: rule === 'passed-inferred' || rule === 'raced' ? rule : 'made',
      source: row.source,
      record: batch.record[i],
    }
    const writable = (batch.flags2[i] & F.PROT_WRITE) !== 0
    const fileOffset = Number.isNaN(batch.offset[i]) ? 0 : batch.offset[i]
    const region: Region = { start, end, file, node: description.node, fileOffset, writable, origin }
    if (!task.space.map(region)) report(this.#world, CORRELATE.tooManyRegions, row, taskLabel(task))
    else if (writable) emitMapped(this.#world, row, region)
  }
}

/** Old size 0 makes a second mapping of the same pages, MREMAP_DONTUNMAP leaves the range mapped. */
function stays({ batch, i }: Row): boolean {
  return batch.size[i] === 0 || (batch.flags[i] & F.MREMAP_DONTUNMAP) !== 0
}
