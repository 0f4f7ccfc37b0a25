/** Who made what dirty: by pages, as events tell, and by files, as calls do. */
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { DirtyFiles } from '../../src/attribution/dirty-files.ts'
import { DirtyPages } from '../../src/attribution/dirty-pages.ts'
import { FileBook } from '../../src/attribution/file-book.ts'
import { TracedFile } from '../../src/files.ts'

const PAGE = 4096
const [WRITER, OTHER] = [1, 2]

const pages = suite('dirty pages')

pages('a write carries what its pages were made dirty with, once', () => {
  const dirty = new DirtyPages()
  dirty.dirty(0, 12, 4, WRITER)
  dirty.dirty(0, 12, 5, WRITER)
  dirty.dirty(0, 12, 5, OTHER)
  dirty.dirty(0, 13, 4, OTHER)
  dirty.dirty(1, 12, 4, OTHER)
  assert.equal(dirty.written(0, 12, 4 * PAGE, PAGE), [WRITER])
  assert.equal(dirty.written(0, 12, 4 * PAGE, 2 * PAGE), [WRITER, OTHER])
  assert.equal(dirty.written(0, 12, 4 * PAGE, 2 * PAGE), [])
  assert.equal(dirty.written(0, 13, 4 * PAGE, PAGE), [OTHER])
})

pages('a folio is named by its first page, which may be before the range', () => {
  const dirty = new DirtyPages()
  dirty.dirty(0, 12, 64, WRITER)
  assert.equal(dirty.written(0, 12, 70 * PAGE, PAGE), [WRITER])
  assert.equal(dirty.written(0, 12, 71 * PAGE, PAGE), [WRITER], 'the rest of the folio is still dirty')
  assert.equal(dirty.written(0, 12, (64 + 512) * PAGE, PAGE), [], 'no folio is that long')
  assert.equal(dirty.written(0, 12, 63 * PAGE, PAGE), [])
})

pages('an offset that is not known: all of the file, none is clean', () => {
  const dirty = new DirtyPages()
  dirty.dirty(0, 12, 0, WRITER)
  dirty.dirty(0, 12, 900, OTHER)
  assert.equal(dirty.written(0, 12, NaN, PAGE), [WRITER, OTHER])
  assert.equal(dirty.written(0, 12, NaN, PAGE), [WRITER, OTHER])
})

pages('the only run of that many bytes', () => {
  const dirty = new DirtyPages()
  for (const page of [9, 3, 2, 20, 21]) dirty.dirty(0, 12, page, WRITER)
  assert.is(dirty.runOf(0, 12, PAGE), 9 * PAGE)
  assert.ok(Number.isNaN(dirty.runOf(0, 12, 2 * PAGE)), 'two of them')
  assert.ok(Number.isNaN(dirty.runOf(0, 12, 3 * PAGE)))
  assert.ok(Number.isNaN(dirty.runOf(0, 99, PAGE)))
})

pages.run()

const files = suite('dirty files')

function begun(): { dirty: DirtyFiles; file: number; traced: TracedFile } {
  const book = new FileBook()
  const traced = new TracedFile('/a')
  return { dirty: new DirtyFiles(book), file: book.traced(traced, '/a'), traced }
}

files('who wrote most comes first', () => {
  const { dirty, file } = begun()
  dirty.write(file, OTHER, 1, 100)
  dirty.write(file, WRITER, 2, 80)
  assert.equal(dirty.writersOf(file), { wrote: [OTHER, WRITER], mapped: [] })
  dirty.write(file, WRITER, 3, 80)
  assert.equal(dirty.writersOf(file), { wrote: [WRITER, OTHER], mapped: [] })
  assert.equal([...dirty.all()], [file])
})

files('a flush leaves what was written after it was entered', () => {
  const { dirty, file } = begun()
  dirty.write(file, WRITER, 10, 1)
  dirty.write(file, OTHER, 20, 1)
  dirty.flushed(file, 15)
  assert.equal(dirty.writersOf(file).wrote, [OTHER])
  dirty.flushed(file, 30)
  assert.equal([dirty.writersOf(file).wrote, ...dirty.all()], [[]])
})

files('a mapping stays: its pages may be made dirty at any time', () => {
  const { dirty, file } = begun()
  dirty.map(file, OTHER)
  dirty.write(file, WRITER, 10, 1)
  dirty.flushedAll(20)
  assert.equal(dirty.writersOf(file), { wrote: [], mapped: [OTHER] })
  dirty.write(file, OTHER, 30, 1)
  assert.equal(dirty.writersOf(file), { wrote: [OTHER], mapped: [] }, 'named once')
})

files('what no disk holds is dirty for nobody', () => {
  const { dirty, file, traced } = begun()
  dirty.write(file, WRITER, 10, 1)
  traced.kind = 'memory'
  assert.equal([...dirty.all()], [])
})

files.run()
