import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { CALLS, TAKE_OVER, TASK_ALIAS, TASK_EXIT, TASK_NAME, callIndex } from '../src/calls.ts'
import { FLAG_WORDS, O_DSYNC, O_SYNC } from '../src/flags.ts'

const calls = suite('table of calls')

calls('every name once', () => {
  const names = CALLS.map(({ name }) => name)
  assert.is(new Set(names).size, names.length)
  for (const [index, name] of names.entries()) assert.is(callIndex(name), index)
  assert.is(callIndex('getpid'), -1)
  // What every object inherits is no call.
  for (const name of ['constructor', 'toString', '__proto__', '']) assert.is(callIndex(name), -1)
})

calls('names are as tracers print them', () => {
  for (const { name } of CALLS) assert.match(name, /^\+?[a-z_][a-z0-9_]*$/)
})

/** Where flags stand in strace -e raw=, too. */
const ELSEWHERE = new Set<string>(['extra:cloneFlags', 'extra:rwf'])

calls('every slot names a column or a table that exists', () => {
  const columns = ['-', 'fd', 'fd2', 'path', 'path2', 'addr', 'addr2', 'size', 'size2', 'offset']
  const extras = ['fds', 'message', 'argv', 'iocbs', 'events', 'stat', 'clone', 'cloneFlags', 'rwf', 'how']
  for (const { name, slots } of CALLS) {
    for (const slot of slots) {
      const [column, table] = slot.split(':')
      if (column === 'extra') assert.ok(extras.includes(table), `${name}: ${slot}`)
      else if (column === 'flags' || column === 'flags2') assert.ok(table in FLAG_WORDS, `${name}: ${slot}`)
      else assert.ok(columns.includes(slot), `${name}: ${slot}`)
    }
    const filled = slots.filter((slot) => slot !== '-' && !ELSEWHERE.has(slot)).map((slot) => slot.split(':')[0])
    assert.is(new Set(filled).size, filled.length, `${name} fills a column twice`)
  }
})

calls('what is asked of a role is in its arguments', () => {
  const needs: Partial<Record<string, string[]>> = {
    close: ['fd'],
    dup: ['fd'],
    write: ['fd'],
    msync: ['addr', 'size', 'flags:msync'],
    map: ['addr', 'size', 'fd', 'flags:map', 'flags2:prot', 'offset'],
    unmap: ['addr', 'size'],
    rename: ['path', 'path2'],
    exec: ['path', 'extra:argv'],
  }
  for (const { name, role, slots } of CALLS) {
    for (const slot of needs[role] ?? []) assert.ok((slots as readonly string[]).includes(slot), `${name}: ${slot}`)
  }
})

calls('events that are no calls', () => {
  for (const index of [TASK_ALIAS, TASK_EXIT, TASK_NAME, TAKE_OVER]) assert.match(CALLS[index].name, /^\+/)
})

calls('O_SYNC contains O_DSYNC', () => {
  assert.is(O_SYNC & O_DSYNC, O_DSYNC)
  assert.is(O_DSYNC, 0x1000)
  assert.is(O_SYNC, 0x101000)
})

calls.run()
