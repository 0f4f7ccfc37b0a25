import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { AFTER_TRACE, BEFORE_TRACE } from '../../src/attribution/moment.ts'
import { FileBook } from '../../src/attribution/file-book.ts'
import { TracedFile } from '../../src/files.ts'

const book = suite('file book')

/** Renamed and made anew: `old` was `/a` at first, `young` is at the end. */
function twoOfOneName(): { files: FileBook; old: number; young: number } {
  const files = new FileBook()
  const [first, second] = [new TracedFile('/a'), new TracedFile('/a')]
  const old = files.traced(first, '/a')
  const young = files.traced(second, '/a')
  first.called('/b', false)
  return { files, old, young }
}

book('a path of a map from before is the file that calls first met there, of one from after the one at the end', () => {
  const { files, old, young } = twoOfOneName()
  assert.is(files.mapped(0, '/a', null, null, BEFORE_TRACE), old)
  assert.is(files.mapped(0, '/a', null, null, AFTER_TRACE), young)
  assert.is(files.mapped(0, '/b', null, null, AFTER_TRACE), old)
  assert.equal([files.at(old).path, files.at(old).names], ['/b', ['/a']])
})

book('a name that its file lost is no file’s at the end', () => {
  const files = new FileBook()
  const gone = new TracedFile('/a')
  const id = files.traced(gone, '/a')
  gone.called('/a', true)
  const mapped = files.mapped(0, '/a', 12, null, AFTER_TRACE)
  assert.is.not(mapped, id)
  assert.equal(files.at(mapped), { path: '/a', deleted: false, inode: 12, root: null, traced: null, names: [] })
  assert.is(files.at(id).deleted, true)
})

book('every name that calls used is kept once', () => {
  const files = new FileBook()
  const file = new TracedFile('/a')
  for (const path of ['/a', '/b', '/a', '/b', '/c']) files.traced(file, path)
  assert.equal(files.at(0).names, ['/a', '/b', '/c'])
  for (let k = 0; k < 100; k++) files.traced(file, `/${k}`)
  assert.is(files.at(0).names.length, 16)
})

book('what happened at a time that nothing tells may have been at any time', () => {
  const files = new FileBook()
  const id = files.traced(new TracedFile('/a'), '/a')
  files.free(id, 100, 8192)
  assert.equal([files.freedFrom(id, 0, 50), files.freedFrom(id, 0, 100)], [Infinity, 8192])
  files.free(id, NaN, 4096)
  assert.equal([files.freedFrom(id, 0, 50), files.freedFrom(id, 0, 100)], [4096, 4096])
  const inode = files.inode(0, null, 12)
  files.join(inode, -Infinity, id)
  assert.equal([files.isGone(id, 0), files.whose(inode, 0).file], [false, id])
  files.remove(id, NaN)
  assert.equal([files.isGone(id, 0), files.whose(inode, 0).file === id], [true, false])
})

book('a list from before tells nothing once a place in the file got another block, and no call says why', () => {
  const files = new FileBook()
  const id = files.mapped(0, '/a', 12, null, BEFORE_TRACE)
  const inode = files.inode(0, null, 12)
  files.renew(inode, 10, 50)
  assert.equal(files.whose(inode, 20), { file: id, known: 'listed' })
  assert.is.not(files.fileOf(inode, 60), id)
  assert.equal(files.whose(inode, 60, 'agree'), { file: id, known: 'doubtful' })
  files.free(id, 30, 0)
  assert.equal(files.whose(inode, 60), { file: id, known: 'listed' })
  // Another name afterwards: the file may have been gone at once.
  assert.equal(files.whose(inode, 20, 'differ'), { file: files.unnamed(inode), known: 'unknown' })
  files.join(inode, 40, files.traced(new TracedFile('/b'), '/b'))
  assert.is(files.whose(inode, 45, 'differ').known, 'called')
})

book('before the first call, a file that calls found there may have been there', () => {
  const files = new FileBook()
  const [found, made] = ['/found', '/made'].map((path) => {
    const file = new TracedFile(path)
    file.begun = path === '/made'
    return files.traced(file, path, 100)
  })
  files.callsFromNs = 90
  for (const [number, file] of [
    [12, found],
    [13, made],
  ])
    files.join(files.inode(0, null, number), Infinity, file)
  const at = (number: number, atNs: number): number => files.fileOf(files.inode(0, null, number), atNs)
  assert.equal([at(12, 50), at(12, 95) === found, at(13, 50) === made], [found, false, false])
})

book('an inode is one file after another', () => {
  const files = new FileBook()
  const [a, b] = ['/a', '/b'].map((path) => files.traced(new TracedFile(path), path))
  const inode = files.inode(0, null, 12)
  files.join(inode, 100, a)
  files.join(inode, 150, a)
  files.join(inode, 200, b)
  // Before the first one nothing else is known.
  assert.equal(
    [0, 100, 199, 200, 1e9].map((atNs) => files.fileOf(inode, atNs)),
    [a, a, a, b, b],
  )
  assert.equal(
    [0, 100].map((atNs) => files.whose(inode, atNs).known),
    ['listed', 'called'],
  )
  assert.equal([files.at(a).inode, files.at(b).inode], [12, 12])
})

book('an inode that no call named is a file of its own, on its file system and subvolume', () => {
  const files = new FileBook()
  const ids = [
    files.inode(0, null, 12),
    files.inode(1, null, 12),
    files.inode(0, 256, 12),
    files.inode(0, null, 13),
    files.inode(0, null, 12),
  ]
  assert.is(new Set(ids).size, 4)
  assert.is(files.fileOf(ids[0], 0), files.fileOf(ids[4], 1e9))
  assert.is(new Set(ids.map((id) => files.fileOf(id, 0))).size, 4)
  assert.equal([files.at(files.fileOf(ids[2], 0)).inode, files.at(files.fileOf(ids[2], 0)).root], [12, 256])
  assert.is(files.whose(ids[0], 1e9).known, 'listed')
})

book('an inode is no more the file that lost its last name, nor one whose place got another block by no call', () => {
  const files = new FileBook()
  const [gone, kept] = ['/gone', '/kept'].map((path) => files.traced(new TracedFile(path), path))
  const [a, b] = [files.inode(0, null, 12), files.inode(0, null, 13)]
  files.join(a, 100, gone)
  files.remove(gone, 200)
  files.close(gone, 260)
  assert.equal(
    [200, 201].map((atNs) => files.whose(a, atNs).known),
    ['called', 'listed'],
  )
  // Still open: until it is closed.
  files.join(a, 250, gone)
  assert.equal(
    [255, 261].map((atNs) => files.whose(a, atNs).known),
    ['called', 'listed'],
  )
  files.join(b, 100, kept)
  files.free(kept, 120, 0)
  files.renew(b, 110, 130)
  assert.is(files.whose(b, 140).known, 'called')
  files.renew(b, 150, 170)
  assert.equal(
    [160, 170].map((atNs) => files.whose(b, atNs).known),
    ['called', 'doubtful'],
  )
  // Before a call told: the same file only where nothing was placed anew meanwhile.
  const c = files.inode(0, null, 14)
  files.renew(c, 10, 50)
  files.join(c, 100, kept)
  assert.equal(
    [40, 60].map((atNs) => files.whose(c, atNs)),
    [
      { file: files.unnamed(c), known: 'unknown' },
      { file: kept, known: 'listed' },
    ],
  )
})

book('what lists say holds before and after what calls said', () => {
  const files = new FileBook()
  const traced = files.traced(new TracedFile('/a'), '/a')
  const inode = files.inode(0, null, 12)
  files.join(inode, 100, traced)
  const [before, after] = [BEFORE_TRACE, AFTER_TRACE].map((when) => files.mapped(0, '/old', 12, null, when))
  assert.equal([files.fileOf(inode, 50), files.fileOf(inode, 150)], [before, traced])
  assert.is(files.at(after).path, '/old')
})

book('blocks are freed from an offset on, at a time', () => {
  const files = new FileBook()
  const id = files.traced(new TracedFile('/a'), '/a')
  assert.is(files.freedBetween(id, -Infinity, Infinity, Infinity), false)
  files.free(id, 100, 8192)
  files.free(id, 200, NaN)
  const lost = (from: number, to: number, offset: number): boolean => files.freedBetween(id, from, to, offset)
  assert.equal([lost(0, 150, 4096), lost(0, 150, 8192), lost(0, 150, Infinity)], [false, true, true])
  assert.equal([lost(0, 99, 8192), lost(101, 199, 8192), lost(101, 200, 0)], [false, false, true])
  assert.is(lost(0, 150, NaN), true, 'of a block whose offset is not known, it may be')
  assert.equal(
    [files.freedFrom(id, 0, 150), files.freedFrom(id, 0, 200), files.freedFrom(id, 201, 300)],
    [8192, 0, Infinity],
  )
})

book.run()
