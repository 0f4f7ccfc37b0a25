/** The waits of block requests against btt's, where it is installed (Debian: blktrace). Here, because it takes two packages. */
import { spawnSync } from 'node:child_process'
import { copyFileSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { readBlktrace } from '@flushtrace/blktrace'
import { RequestTracker } from '@flushtrace/correlate'
import { Diagnostics, openSources } from '@flushtrace/trace'

const btt = suite('btt')
const found = spawnSync('blkparse', ['-V']).status === 0 && spawnSync('btt', ['-V']).error === undefined
if (!found) process.stdout.write('  skipped: btt is not installed (apt-get install blktrace)\n')

const folder = fileURLToPath(new URL('../fixtures/blktrace/partition/', import.meta.url))
const files = ['loop0.blktrace.0', 'loop0.blktrace.1']

/** `D2C  0.000010866   0.000047601   0.000669935   855` → count, mean, max in ns. */
function row(text: string, name: string): { count: number; meanNs: number; maxNs: number } {
  const match = new RegExp(`^${name} +([\\d.]+) +([\\d.]+) +([\\d.]+) +(\\d+)`, 'm').exec(text)
  assert.ok(match, `${name} in btt's output`)
  return {
    count: Number(match?.[4]),
    meanNs: Math.round(Number(match?.[2]) * 1e9),
    maxNs: Math.round(Number(match?.[3]) * 1e9),
  }
}

if (!found) btt.skip('btt is not installed', () => {})
else
  btt('Q2C is the same; D2C is one for each request, btt has one for each queued range', async () => {
    const copy = mkdtempSync(join(tmpdir(), 'flushtrace-btt-'))
    try {
      for (const file of files) copyFileSync(join(folder, file), join(copy, file))
      spawnSync('blkparse', ['-q', '-O', '-i', 'loop0', '-d', 'dump'], { cwd: copy })
      const text = spawnSync('btt', ['-i', 'dump'], { cwd: copy, encoding: 'utf8' }).stdout
      const diagnostics = new Diagnostics()
      const { sources } = await openSources(
        files.map((file) => join(folder, file)),
        diagnostics,
      )
      const tracker = new RequestTracker(diagnostics)
      for await (const batch of readBlktrace(sources, diagnostics).batches) tracker.apply(batch)
      const [device] = tracker.summaries()
      const q2c = row(text, 'Q2C')
      assert.equal([device.q2c?.count, device.q2c?.mean, device.q2c?.max], [q2c.count, q2c.meanNs, q2c.maxNs])
      assert.is(device.d2c?.max, row(text, 'D2C').maxNs)
      assert.match(text, new RegExp(`\\| +${device.writes} +${device.d2c?.count} +`)) // #Q and #D
    } finally {
      rmSync(copy, { recursive: true })
    }
  })

btt.run()
