/** Every folder of fixtures/layout against its golden file. UPDATE=1 rewrites them: review the diff. */
import { existsSync, readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { deviceText } from '@flushtrace/trace'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { AREAS, sniffLayout, stackOf, type LayoutMap } from '../src/index.ts'
import { KINDS, type LayoutKind } from '../src/kinds.ts'
import { filesOf, readFiles, type Read } from './capture.ts'

const FOLDER = 'fixtures/layout'
const MOST_ROWS = 40

const golden = suite('layout fixtures')

for (const name of readdirSync(FOLDER).filter((entry) => statSync(join(FOLDER, entry)).isDirectory())) {
  golden(name, async () => {
    const files = filesOf(join(FOLDER, name))
    const read = await readFiles(files)
    for (const { path, lines, used, notes, damaged } of read.layout.sources) {
      assert.is(used + notes + damaged, lines, path)
    }
    const text = `${JSON.stringify(readable(read), null, 1)}\n`
    const path = join(FOLDER, `${name}.golden`)
    if (process.env.UPDATE === '1') writeFileSync(path, text)
    assert.ok(existsSync(path), `${path} is missing: run with UPDATE=1`)
    assert.fixture(text, readFileSync(path, 'utf8'))
    for (const piece of [1, 7]) {
      assert.equal(readable(await readFiles(files, piece)), JSON.parse(text), `in pieces of ${piece}`)
    }
    // As an editor may have saved them.
    const marked = Object.entries(files).map(([file, bytes]) => [file, Buffer.concat([Buffer.from('\ufeff'), bytes])])
    const remarked = await readFiles(Object.fromEntries(marked) as Record<string, Buffer>, 2)
    assert.equal(readable(remarked), JSON.parse(text), 'behind a byte order mark')
  })
}

golden('there is one of every kind', () => {
  const files = readdirSync(FOLDER, { recursive: true, encoding: 'utf8' }).map((name) => join(FOLDER, name))
  const kinds = files.filter((path) => statSync(path).isFile()).map((path) => sniffLayout(readFileSync(path)))
  assert.equal(
    Object.keys(KINDS).filter((kind) => !kinds.includes(kind as LayoutKind)),
    [],
  )
})

function readable({ layout, diagnostics, unread }: Read): unknown {
  return JSON.parse(
    JSON.stringify({
      sources: layout.sources,
      unread,
      stack: stackOf(layout),
      images: layout.images.length > 0 ? layout.images : undefined,
      fileSystems: layout.fileSystems.map(({ devices, maps, ...fs }) => ({
        ...fs,
        devices: devices.map(deviceText),
        maps: maps.map(readableMap),
      })),
      diagnostics,
    }),
  )
}

function readableMap({ files, extents, areas, ...map }: LayoutMap): unknown {
  return {
    ...map,
    extents: Array.from({ length: Math.min(extents.length, MOST_ROWS) }, (_, k) => {
      const { path, inode, root } = files[extents.file[k]]
      const file = path ?? `inode ${inode}${root === null ? '' : ` of ${root}`}`
      return `${extents.start[k]}..${extents.end[k]} ${file} @${extents.fileOffset[k]} ${extents.flags[k]}`
    }),
    areas: Array.from({ length: Math.min(areas.length, MOST_ROWS) }, (_, k) => {
      return `${areas.start[k]}..${areas.end[k]} ${AREAS[areas.area[k]]}: ${areas.labels[areas.label[k]]}`
    }),
  }
}

golden.run()
