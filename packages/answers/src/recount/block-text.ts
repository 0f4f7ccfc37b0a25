/**
 * Writes and flush requests of a block trace in text, counted a second time: every line that says Q, by one regular
 * expression a tool. No code of the readers.
 *
 *       7,0    0        1     0.000000000   519  Q  WS 0 + 8 [dd]                      blkparse
 *     dd-519   [000] .....  1.000001: block_bio_queue: 7,0 WS 0 + 8 [dd]               ftrace, perf
 */
import type { Source } from '@flushtrace/trace'
import { cellOf, type Cells } from './cells.ts'
import { plainLines } from './lines.ts'

const SECTOR = 512
const QUEUED = {
  // Remarks of blkparse 1.3 -t may stand first.
  blkparse:
    /^(?:\(\d+,\d+\) request \d+ \+ \d+: )* *(\d+,\d+) +\d+ +\d+ +\d+\.\d+ +\d+ +Q +([A-Z]+) (?:(\d+) \+ (\d+) )?\[/,
  tracefs: /^[^]*?\d: +(?:\d+ +)?(?:block:)?block_bio_queue: (\d+,\d+) ([A-Z]+) (?:(\d+) \+ (\d+) )?\[/,
}

/** Queued writes and flush requests by device. */
export async function recountBlockText(source: Source, kind: keyof typeof QUEUED): Promise<Cells> {
  const cells: Cells = new Map()
  for await (const line of plainLines(source)) {
    const [, device, rwbs, , sectors = '0'] = QUEUED[kind].exec(line) ?? []
    if (device === undefined) continue
    const name = device.replace(',', ':')
    if (rwbs.startsWith('F')) cellOf(cells, name, 'flush requests').least++
    if (!/^F?W(?!Z)/.test(rwbs) || Number(sectors) === 0) continue
    cellOf(cells, name, 'writes').least++
    cellOf(cells, name, 'bytes written').least += Number(sectors) * SECTOR
  }
  for (const cell of cells.values()) cell.most = cell.least
  return cells
}
