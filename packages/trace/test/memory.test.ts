import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Diagnostics, MemoryWatch, TraceError, openSources, type MemoryUse } from '../src/index.ts'

const MIB = 1 << 20
const memory = suite('memory')

function codeOf(watch: MemoryWatch): { code: string; message: string } | null {
  try {
    watch.look('trace.txt', 5 * MIB)
    return null
  } catch (error) {
    assert.instance(error, TraceError)
    return error as TraceError
  }
}

const use = (residentBytes: number, heapBytes = 1): (() => MemoryUse) => {
  return () => ({ residentBytes, heapBytes, heapLimitBytes: 100 * MIB })
}

memory('below the limit nothing happens', () => {
  assert.is(codeOf(new MemoryWatch(100 * MIB, use(100 * MIB))), null)
  assert.is(codeOf(new MemoryWatch()), null)
  assert.ok(new MemoryWatch().limitBytes > 100 * MIB)
})

memory('beyond it the message names the limit, the place and the way out', () => {
  const failure = codeOf(new MemoryWatch(100 * MIB, use(101 * MIB)))
  assert.is(failure?.code, 'limit/memory')
  assert.match(
    failure?.message ?? '',
    /101 MiB in use after 5 MiB of trace\.txt, the limit is 100 MiB.*--max-memory 202M/,
  )
})

memory('what is worked out after the last byte has no place in a source', () => {
  assert.throws(
    () => new MemoryWatch(MIB, use(2 * MIB)).look('a, b', null),
    /2 MiB in use after all of a, b, the limit/,
  )
})

memory("Node's own limit is another one", () => {
  const failure = codeOf(new MemoryWatch(1000 * MIB, use(200 * MIB, 95 * MIB)))
  assert.is(failure?.code, 'limit/heap')
  assert.match(failure?.message ?? '', /95 MiB of Node's own 100 MiB.*--max-old-space-size=200/)
})

memory('a reading stops at the piece that passes it', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'flushtrace-'))
  try {
    writeFileSync(join(folder, 'big'), Buffer.alloc(4 * MIB))
    let looks = 0
    const watch = new MemoryWatch(100, () => ({
      residentBytes: ++looks > 2 ? 200 : 1,
      heapBytes: 1,
      heapLimitBytes: 100,
    }))
    const { sources } = await openSources([join(folder, 'big')], new Diagnostics(), { memory: watch })
    let bytes = 0
    try {
      for await (const piece of sources[0].chunks()) bytes += piece.length
      assert.unreachable()
    } catch (error) {
      assert.is((error as TraceError).code, 'limit/memory')
    }
    assert.is(bytes, 2 * MIB)
  } finally {
    rmSync(folder, { recursive: true })
  }
})

memory.run()
