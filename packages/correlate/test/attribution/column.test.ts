import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Column, Names, orderOf } from '../../src/attribution/column.ts'

const columns = suite('columns of logs')

columns('a column grows and keeps what is in it', () => {
  const column = new Column(Int32Array)
  for (let i = 0; i < 5000; i++) column.push(-i)
  assert.is(column.length, 5000)
  assert.is(column.values.length, 5000)
  assert.ok(column.values.every((value, i) => value === -i))
})

columns('rows without a time are left out, equal times keep their order', () => {
  assert.equal([...orderOf(Float64Array.of(1, NaN, 2, 2, 5))], [0, 2, 3, 4])
  assert.equal([...orderOf(Float64Array.of(5, NaN, 2, -Infinity, 2, NaN))], [3, 2, 4, 0])
  assert.equal([...orderOf(Float64Array.of(NaN, NaN))], [])
})

columns('names: one number for a text, null for none', () => {
  const names = new Names()
  assert.equal([names.id('a'), names.id(''), names.id('a'), names.id('__proto__')], [0, 1, 0, 2])
  assert.equal([names.text(0), names.text(1), names.textOrNull(2), names.textOrNull(-1)], ['a', '', '__proto__', null])
})

columns.run()
