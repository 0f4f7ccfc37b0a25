/**
 * Explains every flush of every recording in a folder and checks that the parts of each add up to its time.
 *
 *     node --conditions=dev --import tsx scripts/agree-explain.ts FOLDER [--only NAME]
 *
 * FOLDER holds one folder a recording. Prints flushes, how many have a time, how many of these add up, and by time the
 * share of each part; ends with 1 where one does not add up. A folder without recordings is no error.
 */
import { existsSync, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { explain, type ExplainAnswer } from '@flushtrace/answers'

const PARTS = ['ownDataNs', 'othersDataNs', 'journalNs', 'deviceFlushNs', 'queueNs', 'unseenNs'] as const

/** strace, the binary block trace, tracefs and saved state: scap and blkparse text repeat what these tell. */
function sourcesOf(folder: string): string[] {
  const wanted = (name: string): boolean => /^(?:strace\.|.*blktrace\.\d|tracefs|proc$|maps$|inodes\.txt)/.test(name)
  return readdirSync(folder)
    .filter(wanted)
    .sort()
    .map((name) => join(folder, name))
}

function addsUp({ tookNs, parts }: ExplainAnswer['rows'][number]): boolean {
  const sum = PARTS.reduce((total, part) => total + parts[part], 0)
  return sum === (tookNs ?? 0) && PARTS.every((part) => Number.isInteger(parts[part]) && parts[part] >= 0)
}

const [root, flag, only] = process.argv.slice(2)
console.log(
  'capture'.padEnd(22),
  ['flushes', 'timed', 'add up', 'empty', 'rode', ...PARTS.map((part) => part.replace(/(Data)?Ns$/, ' %'))]
    .map((head) => head.padStart(13))
    .join(''),
)
for (const name of existsSync(root) ? readdirSync(root).sort() : []) {
  const folder = join(root, name)
  if (!statSync(folder).isDirectory() || (flag === '--only' && !name.includes(only))) continue
  const sources = sourcesOf(folder)
  if (sources.length === 0) continue
  const { rows, summary } = await explain(sources, { process: '*', top: 0 })
  const wrong = rows.filter((row) => !addsUp(row))
  if (wrong.length > 0) process.exitCode = 1
  const total = summary.tookNs?.total ?? 0
  const shares = PARTS.map((part) => (total === 0 ? '-' : ((100 * summary.parts[part]) / total).toFixed(1)))
  const cells = [summary.flushes, summary.timed, rows.length - wrong.length, summary.empty, summary.rode, ...shares]
  console.log(name.padEnd(22), cells.map((cell) => String(cell).padStart(13)).join(''))
}
