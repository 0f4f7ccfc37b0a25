/** Loop devices: a write counts once where device and disk are traced, and is named inside where the disk alone is. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { locate, locateEvents, locateSchema, type LocatedWrite } from '../src/index.ts'

const test = suite('loop devices')

function filefrag(path: string, blocks: number, at: number): string {
  return `File size of ${path} is ${blocks * 4096} (${blocks} blocks of 4096 bytes)
 ext:     logical_offset:        physical_offset: length:   expected: flags:
   0:        0..   ${blocks - 1}:     ${at}..  ${at + blocks - 1}:  ${blocks}:             last,eof
${path}: 1 extent found
`
}

const DEVICE = { type: 'disk', size: 10_737_418_240, fstype: 'ext4' }
/** loop3 begins at 1 MiB of /srv/img, which begins at block 100,000 (sector 800,000) of sda. */
const TABLES = {
  'lsblk.json': JSON.stringify({
    blockdevices: [
      { name: 'sda', kname: 'sda', 'maj:min': '8:0', ...DEVICE, uuid: 'a', mountpoints: ['/srv'] },
      { name: 'loop3', kname: 'loop3', 'maj:min': '7:3', ...DEVICE, type: 'loop', uuid: 'b', mountpoints: ['/mnt'] },
    ],
  }),
  'mountinfo.txt': '30 25 8:0 / /srv rw - ext4 /dev/sda rw\n31 25 7:3 / /mnt rw - ext4 /dev/loop3 rw\n',
  'losetup.json': '{"loopdevices": [{"name": "/dev/loop3", "offset": 1048576, "back-file": "/srv/img"}]}\n',
  'maps-after.txt': `Filesystem type is: ef53\n${filefrag('/srv/img', 25_600, 100_000)}${filefrag('/mnt/inner', 2, 5000)}`,
}
/** On the disk, of a sector of loop3. */
const below = (sector: number): number => 800_000 + 2048 + sector

async function ask<T>(lines: readonly string[], question: (folder: string) => Promise<T>, tables = {}): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), 'flushtrace-test-'))
  try {
    const trace = lines.map((line, k) => `${line.replace(/^(\S+) /, `$1 0 ${k + 1} 0.00000${k}000 100 `)}\n`).join('')
    const files = { ...TABLES, ...tables, 'trace.txt': trace }
    for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text)
    return await question(folder)
  } finally {
    rmSync(folder, { recursive: true })
  }
}

/** `device path+offset bytes confidence image`. */
function writes(lines: readonly string[], options: Parameters<typeof locateEvents>[1] = {}): Promise<string[]> {
  return ask(lines, async (folder) => {
    const found: LocatedWrite[] = []
    await locateEvents([folder], options, (write) => found.push(write))
    return found.map(({ device, path, fileOffset, bytes, confidence, image }) =>
      [device, `${path}+${fileOffset}`, bytes, confidence, ...(image ? [image.path, image.fileOffset] : [])].join(' '),
    )
  })
}

test('the device and its disk are traced: counted once, on top', async () => {
  const lines = ['7,3 Q W 40000 + 16 [db]', `8,0 Q W ${below(40_000)} + 16 [kworker/u8:1]`]
  assert.equal(await writes(lines), ['7:3 /mnt/inner+0 8192 snapshot'])
  const { total } = await ask(lines, (folder) => locate([folder]))
  assert.equal([total.writes, total.bytes], [1, 8192])
})

test('on the disk it is shown to those who ask for the disk', async () => {
  const lines = ['7,3 Q W 40000 + 16 [db]', `8,0 Q W ${below(40_000)} + 16 [kworker/u8:1]`]
  const image = '8:0 /srv/img+21528576 8192 snapshot'
  assert.equal(await writes(lines, { device: 'sda' }), [image])
  assert.equal(await writes(lines, { sector: `8:0:${below(40_000)}` }), [image])
  assert.equal(await writes(lines, { device: 'loop3' }), ['7:3 /mnt/inner+0 8192 snapshot'])
})

test('what was not written to the device before counts for itself; pages are written whole', async () => {
  const sectors = (from: number): string[] => ['7,3 Q W 40000 + 2 [db]', `8,0 Q W ${from} + 8 [cp]`]
  assert.is((await writes(sectors(below(40_000)))).length, 1)
  assert.is((await writes(sectors(below(40_008)))).length, 2)
  assert.is((await writes(sectors(below(40_000)).toReversed())).length, 2)
})

test('what the thread of the device queues is the device’s, whatever was seen of it', async () => {
  const queuedBy = (comm: string): string[] => ['7,3 Q W 80 + 8 [db]', `8,0 Q W ${below(40_008)} + 8 [${comm}]`]
  assert.is((await writes(queuedBy('loop3'))).length, 1)
  assert.is((await writes(queuedBy('loop4'))).length, 2)
})

test('the disk alone is traced: the file inside, of what was written last', async () => {
  const whole = `8,0 Q W ${below(39_992)} + 24 [kworker/u8:1]`
  const image = 'snapshot /srv/img'
  const INSIDE = ['8:0 /srv/img+21524480 4096 snapshot', `8:0 /mnt/inner+0 8192 ${image} 21528576`]
  assert.equal(await writes([whole]), INSIDE)
  const again = await writes([whole, `8,0 Q W ${below(40_008)} + 8 [kworker/u8:1]`])
  assert.equal(
    again.filter((text) => text.includes('/mnt/inner')),
    // Whose block of the disk the second one is, is told by the first: no surer than that.
    [`8:0 /mnt/inner+0 4096 ${image} 21528576`, '8:0 /mnt/inner+4096 4096 inferred /srv/img 21532672'],
  )
  assert.equal(await writes([whole], { file: '/mnt/inner' }), [INSIDE[1]])
  const answer = await ask([whole], (folder) => locate([folder]))
  assert.ok(locateSchema.parse(answer))
  assert.equal(
    answer.rows.map(({ file, image: inside, bytes, writes: n }) => [file?.path, inside, bytes, n]),
    [
      ['/mnt/inner', '/srv/img', 8192, 0],
      ['/srv/img', undefined, 4096, 1],
    ],
  )
})

test('without a table of loop devices each file is what it is', async () => {
  const lines = ['7,3 Q W 40000 + 16 [db]', `8,0 Q W ${below(40_000)} + 16 [kworker/u8:1]`]
  const none = { 'losetup.json': '{"loopdevices": []}\n' }
  const { rows } = await ask(lines, (folder) => locate([folder]), none)
  assert.equal(
    rows.map(({ file, image }) => [file?.path, image]),
    [
      ['/mnt/inner', undefined],
      ['/srv/img', undefined],
    ],
  )
})

test.run()
