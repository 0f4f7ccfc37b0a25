/**
 * What locate costs beyond reading: a million block writes against a million extents. The map is filefrag's, of files of
 * 1,000 extents each, scattered; the writes go to random blocks of it, as btrace prints them. Reading alone is `analyze`
 * over the same sources; both in turn, medians of three.
 */
import { mkdtempSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { median } from 'd3-array'
import { analyze } from '../src/analyze.ts'
import { locate } from '../src/locate.ts'

const EXTENTS = 1_000_000
const PER_FILE = 1000
const WRITES = 1_000_000
const RUNS = 3

const folder = mkdtempSync(join(tmpdir(), 'flushtrace-bench-'))
try {
  mkdirSync(join(folder, 'maps', 'after'), { recursive: true })
  writeFileSync(join(folder, 'maps', 'after', 'filefrag.txt'), filefrag())
  writeFileSync(join(folder, 'maps', 'after', 'lsblk.json'), lsblk())
  writeFileSync(join(folder, 'blkparse.txt'), blkparse())
  const reading: number[] = []
  const all: number[] = []
  let named = 0
  for (let run = 0; run < RUNS; run++) {
    reading.push(await timed(() => analyze([folder], {}, () => {})))
    all.push(
      await timed(async () => {
        const { located } = await locate([folder], { top: 1 })
        named = located.fraction ?? 0
      }),
    )
  }
  const beyond = all.map((seconds, run) => seconds - reading[run])
  console.log(`reading alone       ${median(reading)?.toFixed(2)} s (${WRITES} writes, ${EXTENTS} extents)`)
  console.log(`locate              ${median(all)?.toFixed(2)} s, ${(100 * named).toFixed(1)} % named`)
  console.log(
    `beyond reading      ${median(beyond)?.toFixed(2)} s, ${(Math.max(...all) / Math.min(...reading)).toFixed(2)} × at most`,
  )
  console.log(`peak memory         ${Math.round(process.resourceUsage().maxRSS / 1024)} MB`)
} finally {
  rmSync(folder, { recursive: true, force: true })
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const start = performance.now()
  await work()
  return (performance.now() - start) / 1000
}

/** Block of the k-th extent: scattered without a repeat (the step shares no factor with the count). */
function blockOf(k: number): number {
  return 1_000_000 + ((k * 7_654_321) % EXTENTS) * 2
}

function filefrag(): string {
  const lines: string[] = []
  for (let k = 0; k < EXTENTS; k++) {
    const n = k % PER_FILE
    if (n === 0) {
      lines.push('Filesystem type is: ef53')
      lines.push(`File size of /srv/data/file-${k / PER_FILE} is ${PER_FILE * 4096} (${PER_FILE} blocks of 4096 bytes)`)
      lines.push(' ext:     logical_offset:        physical_offset: length:   expected: flags:')
    }
    const at = String(blockOf(k)).padStart(11)
    const last = n === PER_FILE - 1 ? 'last,eof' : ''
    lines.push(
      `${String(n).padStart(4)}: ${String(n).padStart(8)}..${String(n).padStart(8)}: ${at}..${at}:      1:             ${last}`,
    )
    if (last !== '') lines.push(`/srv/data/file-${(k - n) / PER_FILE}: ${PER_FILE} extents found`)
  }
  return `${lines.join('\n')}\n`
}

function lsblk(): string {
  const device = { name: 'sdb', kname: 'sdb', 'maj:min': '8:16', type: 'disk', size: 2 ** 43, start: null }
  return JSON.stringify(
    { blockdevices: [{ ...device, fstype: 'ext4', mountpoints: ['/srv/data'], pkname: null }] },
    null,
    3,
  )
}

function blkparse(): string {
  const lines: string[] = []
  let seed = 1
  for (let k = 0; k < WRITES; k++) {
    seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0
    const time = (k / 1e5).toFixed(9).padStart(14)
    lines.push(
      `  8,16   0 ${String(k + 1).padStart(8)} ${time}   700  Q   W ${blockOf(Math.floor((seed / 2 ** 32) * EXTENTS)) * 8} + 8 [kworker/u8:1]`,
    )
  }
  return `${lines.join('\n')}\n`
}
