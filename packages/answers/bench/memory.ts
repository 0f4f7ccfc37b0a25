/**
 * What detail costs in memory: the peak of each command over half a million and over two million rows, and the
 * difference for a million. Rows are system calls (a write and an fsync in turn), or block requests.
 *
 *     npm run bench -- answers/bench/memory
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { writeFlushes, writeMap, writeWriteback } from '../../../scripts/make-capture.ts'
import {
  benchOptions,
  circumstances,
  flushtrace,
  inTurn,
  memory,
  middle,
  table,
} from '../../../scripts/measure-command.ts'

const { size, rounds } = benchOptions(3)
const FEW = 500_000 * size
const MANY = 2_000_000 * size
const EXTENTS = 10_000

const folder = mkdtempSync(join(tmpdir(), 'flushtrace-bench-'))
try {
  const kinds = {
    'system calls': (to: string, rows: number): void => writeFlushes(to, rows / 2),
    'block requests': (to: string, rows: number): void => {
      writeMap(to, EXTENTS)
      writeWriteback(to, rows, EXTENTS)
    },
  }
  const rows: string[][] = []
  for (const [kind, write] of Object.entries(kinds)) {
    const few = join(folder, kind, 'few')
    const many = join(folder, kind, 'many')
    write(few, FEW)
    write(many, MANY)
    for (const command of ['inspect', 'rank', 'events', 'locate', 'explain']) {
      // Whose a block is, is asked of block traces only.
      if (command === 'locate' && kind === 'system calls') continue
      const args = command === 'explain' ? ['--process', '700'] : []
      const runs = inTurn(
        [few, many].map((path) => flushtrace([command, path, '--json', ...args], `${command}, ${kind}`)),
        rounds,
      )
      const perMillion = ((middle(runs[1], 'peakMb') - middle(runs[0], 'peakMb')) * 1e6) / (MANY - FEW)
      rows.push([`\`${command}\``, kind, memory(runs[0]), memory(runs[1]), `${perMillion.toFixed(0)} MB`])
    }
  }
  const millions = (n: number): string => `${n / 1e6} million`
  console.log(circumstances(rounds))
  console.log(table(['', 'rows', millions(FEW), millions(MANY), 'a million more'], rows))
} finally {
  rmSync(folder, { recursive: true })
}
