/** Which sources another thread reads, and which thread. */
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Threads } from '../src/index.ts'

const MIB = 1 << 20

const threads = suite('threads')
let before: string | undefined

threads.before(() => {
  before = process.env.FLUSHTRACE_THREADS
  delete process.env.FLUSHTRACE_THREADS
})
threads.after(() => {
  if (before !== undefined) process.env.FLUSHTRACE_THREADS = before
})

function file(bytes: number | null, compression: 'gzip' | null = null) {
  return { bytes, compression }
}

threads('one thread reads all by itself', () => {
  assert.is(new Threads(1).take(file(1 << 30)), -1)
})

threads('a small source is not worth a thread, a pipe has no size, packed text is larger than it looks', () => {
  const two = new Threads(2)
  assert.is(two.take(file(15 * MIB)), -1)
  assert.is(two.take(file(null)), -1)
  assert.is(two.take(file(3 * MIB, 'gzip')), 0)
  assert.is(two.take(file(16 * MIB)), 0)
})

threads('of a large set all but the smallest are', () => {
  const set = Array.from({ length: 8 }, () => file(2 * MIB))
  const two = new Threads(2, set)
  assert.is(two.take(set[0]), 0)
  assert.is(two.take(file(MIB - 1)), -1)
})

threads('the thread that has least to read gets the next source', () => {
  const three = new Threads(3)
  const [large, small, middle] = [file(40 * MIB), file(16 * MIB), file(20 * MIB)]
  assert.equal(
    [large, small, middle, middle].map((source) => three.take(source)),
    [0, 1, 1, 1],
  )
  three.giveBack(0, large)
  assert.is(three.take(small), 0)
})

threads('more sources than have room beside are read by the one', () => {
  const two = new Threads(2)
  const source = file(16 * MIB)
  for (let k = 0; k < 64; k++) assert.is(two.take(source), 0)
  assert.is(two.take(source), -1)
  two.giveBack(0, source)
  assert.is(two.take(source), 0)
})

threads.run()
