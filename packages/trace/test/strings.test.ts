import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { latin1 } from '../src/bytes.ts'
import { StringTable } from '../src/strings.ts'

const strings = suite('string table')

function intern(table: StringTable, text: string): number {
  const bytes = Buffer.from(`<${text}>`, 'latin1')
  return table.intern(bytes, 1, bytes.length - 1, latin1)
}

strings('the same bytes give the same id, other bytes another', () => {
  const table = new StringTable()
  assert.is(intern(table, 'fsync'), 0)
  assert.is(intern(table, 'fdatasync'), 1)
  assert.is(intern(table, 'fsync'), 0)
  assert.is(intern(table, ''), 2)
  assert.is(intern(table, ''), 2)
  assert.is(table.text(1), 'fdatasync')
  assert.is(table.size, 3)
})

strings('does not decode what it knows', () => {
  const table = new StringTable()
  let decoded = 0
  const bytes = Buffer.from('abc')
  const decode = (): string => String(++decoded)
  table.intern(bytes, 0, 3, decode)
  table.intern(bytes, 0, 3, decode)
  assert.is(decoded, 1)
})

strings('two spellings of one text are one string', () => {
  const table = new StringTable()
  const upper = (bytes: Uint8Array, start: number, end: number): string => latin1(bytes, start, end).toUpperCase()
  const a = table.intern(Buffer.from('x'), 0, 1, upper)
  assert.is(table.intern(Buffer.from('X'), 0, 1, upper), a)
  assert.is(table.add('X'), a)
  assert.is(table.size, 1)
})

strings('keeps its bytes when the caller overwrites them', () => {
  const table = new StringTable()
  const bytes = Buffer.from('path')
  const id = table.intern(bytes, 0, 4, latin1)
  bytes.write('else')
  assert.is(table.text(id), 'path')
  assert.is(intern(table, 'path'), id)
})

strings('grows past its first slots and bytes', () => {
  const table = new StringTable()
  const long = 'x'.repeat(200)
  const ids = Array.from({ length: 20_000 }, (_, k) => intern(table, `${long}${k}`))
  assert.is(new Set(ids).size, 20_000)
  assert.is(intern(table, `${long}12345`), ids[12_345])
  assert.is(table.text(ids[19_999]), `${long}19999`)
})

strings('says when it is full, by number and by bytes', () => {
  const many = new StringTable()
  for (let k = 1; k < 1 << 15; k++) intern(many, String(k))
  assert.not(many.full)
  intern(many, '0')
  assert.ok(many.full)
  const large = new StringTable()
  for (let k = 0; k < 3; k++) intern(large, String(k).padStart(1 << 20, 'x'))
  assert.not(large.full)
  intern(large, '3'.padStart(1 << 20, 'x'))
  assert.ok(large.full)
})

strings('a missing string is null', () => {
  const table = new StringTable()
  assert.is(table.textOrNull(-1), null)
  assert.is(table.textOrNull(table.add('a')), 'a')
})

strings.run()
