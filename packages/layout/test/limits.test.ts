/** Beyond each bound of maps and device tables: docs/limits.md. */
import { Diagnostics, type Source } from '@flushtrace/trace'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { ChunkMap } from '../src/btrfs-facts.ts'
import { DeviceGraph } from '../src/device-graph.ts'
import { ExtentBuilder } from '../src/extent-builder.ts'
import { Findings } from '../src/findings.ts'
import { readInodes } from '../src/inode-list.ts'
import { readLayout, sniffLayout, stackOf } from '../src/index.ts'
import { piecesAbove } from '../src/layer.ts'
import { readQemuMap } from '../src/qemu-img.ts'
import { SideFile } from '../src/side-file.ts'
import { readFiles } from './capture.ts'

const limits = suite('limits of maps')
const UNTIMED = { when: 'unknown', wall: null, monotonic: null, until: null } as const

function inPieces(head: string, pieces: readonly string[]): Source {
  async function* chunks(): AsyncGenerator<Uint8Array> {
    yield await Promise.resolve(Buffer.from(head))
    for (const piece of pieces) yield Buffer.from(piece)
  }
  return { path: 'x', bytes: null, compression: null, head: Buffer.from(head), chunks }
}

limits('further extents of a map are dropped and counted', () => {
  const extents = new ExtentBuilder(3)
  for (let k = 0; k < 5; k++) extents.add(k, k + 1, 0, 0, 0)
  assert.equal([extents.length, extents.dropped, extents.finish(1).length], [3, 2, 3])
})

limits('a JSON table of more than 64 MiB is not used, and that is said', async () => {
  const diagnostics = new Diagnostics()
  const source = inPieces('{"blockdevices": [{"name": "', Array<string>(65).fill('x'.repeat(1 << 20)))
  const kind = sniffLayout(source.head)
  assert.is(kind, 'lsblk')
  const { devices, sources } = await readLayout([{ source, kind: 'lsblk' }], [], diagnostics)
  assert.equal([devices.length, sources[0].damaged], [0, 1])
  assert.match(diagnostics.rows()[0].message, /x, more than 64 MiB/)
})

limits('a name of filefrag that goes on over more lines than any is damage', async () => {
  const lines = (count: number): string =>
    `Filesystem type is: ef53\nFile size of /a${'\nb'.repeat(count)} is 4096 (1 block of 4096 bytes)\n`
  const damaged = async (count: number): Promise<number> =>
    (await readFiles({ 'filefrag.txt': lines(count) })).layout.sources[0].damaged
  assert.is(await damaged(60), 0)
  assert.ok((await damaged(80)) > 0)
})

limits('a name of ncheck, the same', async () => {
  const { diagnostics } = await readFiles({ 'ncheck.txt': `Inode\tPathname\n12\t//a\n${'more\n'.repeat(64)}` })
  assert.equal([diagnostics[0].code, diagnostics[0].count], ['layout/damaged-line', 1])
})

limits('the rest of a name of more than 64 KiB is left out, in whatever pieces it comes', async () => {
  const record = `2 4096 /${'n'.repeat(200_000)}\0`
  for (const piece of [1 << 20, 50_000, 997]) {
    const pieces = record.match(new RegExp(`[^]{1,${piece}}`, 'g')) ?? []
    const file = new SideFile(inPieces('1 4096 /a\0', pieces), UNTIMED, new Diagnostics())
    const findings = new Findings()
    await readInodes(file, findings)
    assert.equal([file.lines, file.used], [2, 2])
    assert.equal(
      findings.listings[0].inodes.map(({ path }) => path.length),
      [2, (1 << 16) - '2 4096 '.length],
    )
  }
})

limits('a request over more of a btrfs device than a chunk can be is not placed', () => {
  const chunk = {
    logical: 0,
    bytes: 2 ** 33,
    holds: 'data',
    profile: 'copies',
    stripeBytes: 65536,
    subStripes: 1,
    stripes: [{ devid: 1, offset: 0 }],
  } as const
  const map = new ChunkMap([chunk])
  assert.equal(
    map.addressesOf(1, 0, 2 ** 32).map(({ address }) => address),
    [0],
  )
  assert.equal(
    map.addressesOf(1, 0, 2 ** 32 + 1).map(({ address, bytes }) => [address, bytes]),
    [[null, 2 ** 32 + 1]],
  )
})

limits('a request over more stripes than are followed up', () => {
  const layer = {
    kind: 'striped',
    what: 'array',
    upper: 1,
    upperAt: 0,
    bytes: 2 ** 40,
    lowers: [{ device: 2, at: 0 }],
    chunk: 4096,
    copies: 1,
  } as unknown as Parameters<typeof piecesAbove>[0]
  assert.is(piecesAbove(layer, 2, 0, 65_536 * 4096).length, 65_536)
  assert.is(piecesAbove(layer, 2, 0, 65_537 * 4096).length, 0)
})

limits('layers beyond sixteen are not looked at', () => {
  const layers = Array.from({ length: 20 }, (_, k) => ({
    kind: 'linear' as const,
    what: 'linear',
    upper: k + 2,
    upperAt: 0,
    bytes: 2 ** 30,
    lower: k + 1,
    lowerAt: 0,
  }))
  const reached = (count: number): number => new DeviceGraph(layers.slice(0, count), []).resolve(1, 0, 4096)[0].device
  assert.equal([reached(15), reached(16), reached(20)], [16, 17, 17])
})

limits('devices beyond 1,024 are not in the figure', async () => {
  const rows = Array.from(
    { length: 1100 },
    (_, k) => `{"name": "sd${k}", "kname": "sd${k}", "maj:min": "8:${k}", "type": "disk", "size": 4096}`,
  )
  const { layout } = await readFiles({ 'lsblk.json': `{"blockdevices": [${rows.join(',')}]}` })
  assert.is(layout.devices.length, 1100)
  const diagnostics = new Diagnostics()
  assert.is(stackOf(layout, [], diagnostics).length, 1024)
  assert.is(diagnostics.rows()[0].code, 'layout/too-many-rows')
  assert.ok(diagnostics.rows()[0].count > 0)
})

limits('further pieces of an image are dropped, and that is said', async () => {
  const diagnostics = new Diagnostics()
  const rows = Array.from({ length: 5 }, (_, k) => `0x${k}0000 0x10000 0x${k}0000 /srv/a.qcow2\n`)
  const source = inPieces(`Offset          Length          Mapped to       File\n${rows.join('')}`, [])
  const findings = new Findings()
  await readQemuMap(new SideFile(source, UNTIMED, diagnostics), findings, 3)
  assert.is(findings.images[0].pieces.length, 3)
  assert.equal(
    diagnostics.rows().map(({ code, count }) => [code, count]),
    [['layout/too-many-extents', 2]],
  )
})

limits('one sector on more devices than any stack has: the first of them', () => {
  const layers = Array.from({ length: 2000 }, (_, k) => {
    return { kind: 'linear', what: 'x', upper: 1, upperAt: 0, bytes: 512, lower: 2 + k, lowerAt: 0 } as const
  })
  const all = new DeviceGraph(layers, []).sameSector(1, 0, () => true)
  assert.is(all.length, 1 + 1023)
})

limits.run()
