/**
 * Compares what flushtrace finds in strace logs with what is known of them.
 *
 *     node --conditions=dev --import tsx scripts/agree-strace.ts FOLDER
 *
 * FOLDER holds one folder a capture: the strace log (strace.txt, strace.PID, and proc/ where it attached), and truth.json
 * (see truth-cells.ts). Prints right / total cells; exits 1 when a difference has no explanation. A folder without
 * captures is no error.
 */
import { existsSync, readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { compareWithTruth, type Truth } from './truth-cells.ts'

/** Differences shown of one capture. */
const SHOWN = 12

const root = process.argv[2]
if (!root || !existsSync(root)) {
  console.error('agree-strace: name the folder that holds the captures')
  process.exit(2)
}
let wrong = 0
for (const name of readdirSync(root).sort()) {
  const folder = join(root, name)
  const truth = readTruth(folder)
  if (!truth?.syscalls && !truth?.expected) continue
  const sources = readdirSync(folder)
    .filter((file) => /^strace\.|^proc$/.test(file))
    .sort()
    .map((file) => join(folder, file))
  const comparison = await compareWithTruth(sources, truth)
  wrong += comparison.wrong.length
  const what = truth.syscalls ? 'cells' : 'stated flushes'
  console.log(`${name.padEnd(24)} ${String(comparison.right).padStart(4)} / ${comparison.total} ${what}`)
  for (const why of comparison.explained) console.log(`    explained: ${why}`)
  for (const difference of comparison.wrong.slice(0, SHOWN)) console.log(`    ${difference}`)
}
process.exit(wrong > 0 ? 1 : 0)

function readTruth(folder: string): Truth | null {
  const plain = join(folder, 'truth.json')
  if (existsSync(plain)) return JSON.parse(readFileSync(plain, 'utf8')) as Truth
  if (existsSync(`${plain}.gz`)) return JSON.parse(gunzipSync(readFileSync(`${plain}.gz`)).toString()) as Truth
  return null
}
