import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { filesOf, readFiles } from './capture.ts'

const images = suite('disk images')

function codes({ diagnostics }: { diagnostics: readonly { code: string }[] }): string[] {
  return diagnostics.map(({ code }) => code)
}

images('a map of an image is what qemu-img prints, or nothing', async () => {
  const { 'map.json': json, 'map.txt': text } = filesOf('fixtures/layout/images')
  const negative = json.toString().replace('"offset": 327680', '"offset": -327680')
  const read = await readFiles({ 'map.json': negative })
  assert.equal([codes(read), read.layout.images], [['layout/damaged-json'], []])
  const bad = await readFiles({ 'map.txt': text.toString().replace('0x150000 ', '0xfffffffffffff0 ') })
  assert.equal(codes(bad), ['layout/damaged-line', 'layout/unmapped-image'])
  assert.is(bad.layout.images[0].pieces.length, 2)
})

images('the JSON map of an image is named by the plain one beside it, as far as that goes', async () => {
  const { 'map.json': json, 'map.txt': text } = filesOf('fixtures/layout/cut-image')
  const path = '/srv/guests/disk.qcow2'
  const told = async (files: Record<string, string | Buffer>): Promise<unknown> => {
    const read = await readFiles(files)
    return [read.layout.images.map((image) => [image.path, image.pieces.length]), codes(read)]
  }
  assert.equal(await told({ 'map.json': json, 'map.txt': text }), [[[path, 2]], []])
  assert.equal(await told({ 'map.json': json }), [[[null, 2]], ['layout/unnamed-image']])
  assert.equal(await told({ 'map.txt': text }), [[[path, 1]], ['layout/unmapped-image']])
  const unsaid = text.toString().replace(/^qemu-img.*\n/, '')
  const others = {
    'another folder': { 'a/map.json': json, 'b/map.txt': text },
    'another place': { 'map.json': json, 'map.txt': text.toString().replace('0x50000 ', '0x60000 ') },
    'two images': { 'map.json': json, 'map.txt': text, 'other.txt': text.toString().replace('disk', 'copy') },
    'a whole map that tells less': { 'map.json': json, 'map.txt': unsaid },
  }
  for (const [what, files] of Object.entries(others)) {
    const { layout } = await readFiles(files)
    assert.ok(
      layout.images.some((image) => image.path === null),
      what,
    )
  }
})

images.run()
