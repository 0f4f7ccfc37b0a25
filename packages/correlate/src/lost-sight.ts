/**
 * Calls of a while were not seen: what tasks had open and mapped, and where they were, is not known any more. What they
 * shared they share still.
 */
import { FdTable } from './descriptors.ts'
import { AddressSpace } from './mappings.ts'
import type { Directories } from './processes.ts'
import type { World } from './world.ts'

/** Parts of one recording go on where the part before ended. One that begins this much later is taken for another. */
export const APART_NS = 10e9

export function loseSight({ tasks, files }: World): void {
  const tables = new Map<FdTable, FdTable>()
  const spaces = new Map<AddressSpace, AddressSpace>()
  const places = new Map<Directories, Directories>()
  for (const task of tasks.values()) {
    const { fds, space, directories } = task
    task.fds = tables.get(fds) ?? new FdTable(false)
    task.fds.shared = fds.shared
    task.space = spaces.get(space) ?? new AddressSpace(false)
    task.space.shared = space.shared
    task.directories = places.get(directories) ?? { cwd: files.unknownDirectory(), root: directories.root }
    tables.set(fds, task.fds)
    spaces.set(space, task.space)
    places.set(directories, task.directories)
  }
}
