import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { nearest } from '../src/nearest.ts'

const COMMANDS = ['inspect', 'rank', 'locate', 'explain', 'events']

test('finds the word with a slip of the finger', () => {
  assert.is(nearest('rnk', COMMANDS), 'rank')
  assert.is(nearest('inspcet', COMMANDS), 'inspect')
  assert.is(nearest('event', COMMANDS), 'events')
})

test('does not guess when nothing is close', () => {
  assert.is(nearest('strace.txt', COMMANDS), null)
  assert.is(nearest('x', COMMANDS), null)
  assert.is(nearest('', []), null)
})

test.run()
