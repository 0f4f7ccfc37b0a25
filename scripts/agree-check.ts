/**
 * Counts the flushes of every capture twice (rank --check).
 *
 *     node --conditions=dev --import tsx scripts/agree-check.ts FOLDER
 *
 * FOLDER holds one folder a capture. Prints equal / all counts of each; exits 1 when any differ.
 */
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { check } from '@flushtrace/answers'

const root = process.argv[2]
if (!root || !existsSync(root)) {
  console.error('agree-check: name the folder that holds the captures')
  process.exit(2)
}
let wrong = 0
for (const entry of readdirSync(root, { withFileTypes: true }).filter((each) => each.isDirectory())) {
  const { cells, differences } = await check([join(root, entry.name)])
  wrong += differences.length
  console.log(`${entry.name.padEnd(24)} ${cells - differences.length} / ${cells} counts`)
  for (const each of differences.slice(0, 12)) console.log(`    ${JSON.stringify(each)}`)
}
process.exit(wrong > 0 ? 1 : 0)
