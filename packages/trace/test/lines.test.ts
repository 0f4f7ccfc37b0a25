import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Diagnostics } from '../src/diagnostics.ts'
import { readLines } from '../src/lines.ts'
import type { Source } from '../src/source.ts'

const lines = suite('lines')

async function read(bytes: Buffer | string, chunk: number, diagnostics = new Diagnostics()): Promise<string[]> {
  const all = Buffer.from(bytes)
  async function* chunks(): AsyncGenerator<Uint8Array> {
    for (let at = 0; at < all.length; at += chunk) yield all.subarray(at, at + chunk)
  }
  const source: Source = { path: 'memory', bytes: all.length, compression: null, head: all, chunks }
  const out: string[] = []
  for await (const line of readLines(source, diagnostics)) out.push(line)
  return out
}

for (const chunk of [1, 7, 65_536]) {
  lines(`LF and CRLF, in pieces of ${chunk}`, async () => {
    assert.equal(await read('one\ntwo\r\n\nfour\n', chunk), ['one', 'two', '', 'four'])
  })

  lines(`a last line without its end, in pieces of ${chunk}`, async () => {
    assert.equal(await read('one\ntwo', chunk), ['one', 'two'])
  })

  lines(`names that are not UTF-8, in pieces of ${chunk}`, async () => {
    const bytes = Buffer.concat([Buffer.from('/Größe/'), Buffer.from([0xff, 0x0a, 0xc3]), Buffer.from('\n')])
    assert.equal(await read(bytes, chunk), ['/Größe/\udcff', '\udcc3'])
  })

  lines(`a line that is too long is left out, its neighbours are not, in pieces of ${chunk}`, async () => {
    const long = 'x'.repeat(100_000)
    const diagnostics = new Diagnostics()
    assert.equal(await read(`one\n${long}\nthree\n${long}`, chunk, diagnostics), ['one', 'three'])
    const [row, ...others] = diagnostics.rows()
    assert.equal([row.code, row.count, row.first, others], ['source/long-line', 2, { source: 'memory', record: 2 }, []])
  })

  lines(`the longest line that is read, in pieces of ${chunk}`, async () => {
    const diagnostics = new Diagnostics()
    const line = 'x'.repeat(65_536)
    assert.equal(await read(`${line}\n${line}y\n${line}`, chunk, diagnostics), [line, line])
    assert.is(diagnostics.rows()[0].count, 1)
  })
}

lines('nothing', async () => {
  assert.equal(await read('', 7), [])
})

lines('an error of the source reaches the reader', async () => {
  async function* chunks(): AsyncGenerator<Uint8Array> {
    yield Buffer.from('one\n')
    throw new Error('the disk is gone')
  }
  const source: Source = { path: 'memory', bytes: null, compression: null, head: Buffer.alloc(0), chunks }
  try {
    for await (const line of readLines(source, new Diagnostics())) assert.is(line, 'one')
    assert.unreachable()
  } catch (error) {
    assert.match((error as Error).message, 'the disk is gone')
  }
})

lines.run()
