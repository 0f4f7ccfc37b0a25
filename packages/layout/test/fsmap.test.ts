import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { AREAS, EXTENT, type FileSystem, type LayoutMap } from '../src/index.ts'
import { filesOf, readFiles } from './capture.ts'

const fsmap = suite('fsmap')
const XFS = filesOf('fixtures/layout/rmap-xfs')
const EXT4 = filesOf('fixtures/layout/plain-ext4')

function mapOf(fs: FileSystem, source: string): LayoutMap {
  return fs.maps.find((map) => map.source === source) as LayoutMap
}

function extentsOf({ extents }: LayoutMap): string[] {
  return Array.from({ length: extents.length }, (_, k) => {
    return `${extents.start[k]}-${extents.end[k]} ${extents.fileOffset[k]} ${extents.flags[k]}`
  })
}

function areasOf({ areas }: LayoutMap): string[] {
  return Array.from({ length: areas.length }, (_, k) => {
    return `${areas.start[k]}-${areas.end[k]} ${AREAS[areas.area[k]]} ${areas.labels[areas.label[k]]}`
  })
}

fsmap('all three forms tell the same, and xfs_bmap of the files, too', async () => {
  const { layout, diagnostics } = await readFiles(XFS)
  assert.equal(diagnostics, [])
  const [fs] = layout.fileSystems
  const [verbose, machine, plain] = ['verbose', 'machine', 'plain'].map((form) => mapOf(fs, `fsmap-${form}.txt`))
  // Only -v tells what is unwritten.
  const rows = extentsOf(verbose)
  const written = rows.map((row) => row.replace(new RegExp(`${EXTENT.unwritten}$`), '0'))
  assert.equal(rows.filter((row, k) => row !== written[k]).length, 17)
  for (const map of [machine, plain]) assert.equal(extentsOf(map), written)
  for (const map of [machine, plain]) assert.equal(areasOf(map), areasOf(verbose))
  assert.equal(extentsOf(machine), extentsOf(mapOf(fs, 'bmap.txt')))
})

fsmap(
  'what is no file’s data: extent maps, attributes, directories, and each head of a group but its superblock',
  async () => {
    const { layout } = await readFiles(XFS)
    const areas = areasOf(mapOf(layout.fileSystems[0], 'fsmap-verbose.txt'))
    const sector = 512
    for (const row of [
      `${200 * sector}-${208 * sector} metadata extent map, inode 131`,
      `${216 * sector}-${224 * sector} metadata attributes, inode 133`,
      `${232 * sector}-${240 * sector} metadata directory, inode 136`,
      `0-${sector} superblock superblock`,
      `${sector}-${8 * sector} metadata heads of the allocation group`,
      `${179_200 * sector}-${179_201 * sector} superblock superblock`,
    ]) {
      assert.ok(areas.includes(row), row)
    }
  },
)

fsmap('an inode number that was a directory’s and then a file’s is not taken for one', async () => {
  const later = '136 5 /srv/lab/x/file\0'
  const { layout } = await readFiles({ ...XFS, 'later.txt': later })
  const { files } = mapOf(layout.fileSystems[0], 'fsmap-verbose.txt')
  assert.ok(files.some(({ inode }) => inode === 136))
  const areas = areasOf(mapOf(layout.fileSystems[0], 'fsmap-verbose.txt'))
  assert.not.ok(areas.some((row) => row.endsWith('directory, inode 136')))
})

fsmap('xfs with sectors of 4096 bytes; more rows than fit into the usual columns', async () => {
  // mkfs.xfs -s size=4096
  const { layout } = await readFiles({
    'fsmap.txt':
      '  EXT: DEV BLOCK-RANGE       OWNER              FILE-OFFSET      AG AG-OFFSET         TOTAL\n' +
      '    0: 7:1 [0..31]:          static fs metadata                  0  (0..31)              32\n' +
      '    1: 7:1 [32..47]:         per-AG metadata                     0  (32..47)             16\n' +
      '10000: 7:1 [2097152..4194303]: 67               0..2097151       0  (2097152..4194303) 2097152\n',
  })
  const [map] = layout.fileSystems[0].maps
  assert.equal(areasOf(map).slice(0, 2), [
    '0-4096 superblock superblock',
    '4096-16384 metadata heads of the allocation group',
  ])
  // A total of seven digits is none of the flags.
  assert.equal(extentsOf(map), ['1073741824-2147483648 0 0'])
})

fsmap('ext4: what dumpe2fs says', async () => {
  const { layout } = await readFiles(EXT4)
  const [fs] = layout.fileSystems
  const map = mapOf(fs, 'fsmap-machine.txt')
  const told = (row: string): boolean => !/ (?:free|used) /.test(row)
  assert.equal(
    areasOf(map)
      .filter(told)
      .map((row) => row.replace('metadata inodes', 'metadata inode table')),
    areasOf(mapOf(fs, 'dumpe2fs.txt')).filter(told),
  )
})

fsmap.run()
