/** What was written to one sector: the reasoning, write by write. */
import { documentHead } from './document.ts'
import { filterOf } from './filter.ts'
import { locateEvents } from './locate-events.ts'
import type { LocateOptions } from './locate.ts'
import type { LocatedWrite, LocateSectorAnswer } from './locate-schema.ts'

/** Writes shown of one sector: a database writes its first page thousands of times. */
const SHOWN = 10

/** `sector`: see sector-search.ts. Throws TraceError where it is none, or no request is among the sources. */
export async function locateSector(
  paths: readonly string[],
  sector: string,
  options: LocateOptions = {},
): Promise<LocateSectorAnswer> {
  const writes: LocatedWrite[] = []
  let total = 0
  const { analysis } = await locateEvents(paths, { ...options, sector }, (write) => {
    total++
    if (writes.length < SHOWN) writes.push(write)
  })
  return {
    schema: 'flushtrace/locate-sector/1',
    ...documentHead(analysis),
    filter: filterOf(options),
    sector,
    total: { writes: total },
    writes,
  }
}
