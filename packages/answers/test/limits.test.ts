/** docs/limits.md holds every bound of the code with its number; and what happens beyond some of them. */
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { inspect } from '../src/inspect.ts'
import { rank } from '../src/rank.ts'
import { Ranges } from '../src/ranges.ts'

const folder = mkdtempSync(join(tmpdir(), 'flushtrace-test-'))
const limits = suite('limits')
limits.after(() => rmSync(folder, { recursive: true }))

const CONSTANT = /^ *(?:export )?(?:static readonly|const) (MAX_[A-Z_]+) = ([\d_]+(?: << \d+)?|0x[\da-f]+)$/gm

limits('docs/limits.md names every bound with its number, and no other', () => {
  const found: string[] = []
  for (const name of readdirSync('packages', { recursive: true, encoding: 'utf8' })) {
    if (!/^\w+\/src\/.*\.ts$/.test(name)) continue
    for (const [, constant, value] of readFileSync(join('packages', name), 'utf8').matchAll(CONSTANT)) {
      const [base, shift] = value.split(' << ')
      found.push(`${name} ${constant} ${Number(base.replaceAll('_', '')) * 2 ** Number(shift ?? 0)}`)
    }
  }
  const rows = readFileSync('docs/limits.md', 'utf8').matchAll(/^\| (\S+\.ts) +\| `(MAX_\w+)` +\| (\d+) +\|/gm)
  const told = [...rows].map(([, file, constant, number]) => `${file} ${constant} ${number}`)
  assert.ok(found.length > 40)
  assert.equal(told.sort(), found.sort())
})

limits('every bound has a test that goes beyond it', () => {
  const rows = readFileSync('docs/limits.md', 'utf8').match(/^\| \S+\.ts +\|.*$/gm) ?? []
  const untested = rows.filter((row) => !/\| `[\w/-]+\.test\.ts` \|$/.test(row))
  assert.ok(rows.length > 70)
  assert.equal(untested, [])
})

limits('tests and diagnostics that docs/limits.md names are there', () => {
  const named = readFileSync('docs/limits.md', 'utf8').matchAll(/`([\w/-]+\.test\.ts)`/g)
  for (const [, path] of named) readFileSync(join('packages', path))
  const source = readdirSync('packages', { recursive: true, encoding: 'utf8' })
    .filter((name) => /^\w+\/src\/.*\.ts$/.test(name))
    .map((name) => readFileSync(join('packages', name), 'utf8'))
    .join('')
  for (const [, code] of readFileSync('docs/limits.md', 'utf8').matchAll(/`(\w+\/[a-z-]+)`/g)) {
    assert.ok(source.includes(`'${code}'`), code)
  }
})

limits('a message about a bound names it, its number, and how to raise it or that this cannot be', () => {
  const kinds = readdirSync('packages', { recursive: true, encoding: 'utf8' })
    .filter((name) => /^\w+\/src\/.*\.ts$/.test(name))
    .flatMap((name) => readFileSync(join('packages', name), 'utf8').match(/code: '[^']+'[^]*?fix:[^]*?\n *\}/g) ?? [])
    .filter((kind) => /^code: '(?:\w+\/(?:too-many|long)-[a-z]+|events\/late)'/.test(kind))
  assert.ok(kinds.length >= 18, String(kinds.length))
  for (const kind of kinds) {
    assert.match(kind, /message:[^]*\bMAX_[A-Z]+/)
    assert.match(kind, /message:[^]*(?:\d|\{\w*\})/)
    assert.match(kind, /fix:[^]*the limit is fixed/)
  }
})

function capture(name: string, text: string): string {
  const path = join(folder, name)
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, text)
  return path
}

limits('processes of more programs than are told apart count in the totals', async () => {
  const lines = Array.from({ length: 4098 }, (_, k) =>
    [`execve("/bin/p${k}", ["p${k}"], 0x7ffe /* 9 vars */) = 0`, 'fsync(9) = 0', '+++ exited with 0 +++']
      .map((call) => `${k + 10} ${call}\n`)
      .join(''),
  )
  const { programCount, programs, total } = await rank([capture('programs/strace.txt', lines.join(''))])
  assert.is(programCount, 4096)
  assert.is(programs?.length, 5)
  assert.is(total.processes, 4098)
})

async function codes(path: string): Promise<{ codes: string[]; lines: unknown }> {
  const { diagnostics, rows } = await inspect([path])
  return { codes: diagnostics.map(({ code }) => code), lines: rows[0].lines }
}

limits('ranges that touch become one', () => {
  const ranges = new Ranges()
  for (const [start, end] of [
    [10, 20],
    [40, 50],
    [20, 25],
    [5, 10],
    [44, 46],
    [60, 60],
  ])
    ranges.add(start, end)
  assert.is(ranges.bytes, 30)
  ranges.add(0, 45)
  assert.is(ranges.bytes, 50)
})

limits('ranges of one file: beyond them the whole span, which is no less', () => {
  const ranges = new Ranges()
  for (let k = 0; k < 4096; k++) ranges.add(k * 10, k * 10 + 1)
  assert.is(ranges.bytes, 4096)
  ranges.add(100_000, 100_001)
  assert.is(ranges.bytes, 100_001)
})

limits('a line of strace that is longer than a call can be', async () => {
  const good = '7 1795173545.5 fsync(3</srv/x>) = 0\n'
  const path = capture('long.txt', `${good}7 1795173545.6 fsync(3</${'x'.repeat(9 << 20)}>) = 0\n${good}`)
  const told = await codes(path)
  assert.ok(told.codes.includes('strace/long-line'))
  assert.equal(told.lines, { total: 3, used: 2, counted: 0, signals: 0, exits: 0, notes: 0, foreign: 0, damaged: 1 })
})

limits('more unfinished calls than there can be tasks', async () => {
  const lines = Array.from({ length: (1 << 18) + 5 }, (_, k) => `${1 + k} fsync(3 <unfinished ...>\n`)
  const told = await codes(capture('pending.txt', lines.join('')))
  assert.ok(told.codes.includes('strace/too-many-tasks'))
  assert.ok(told.codes.includes('correlate/too-many-tasks'))
})

limits('a line of block trace text that is longer than an event', async () => {
  const event = '  7,0    0        1     0.000000000   519  Q  WS 0 + 8 [dd]\n'
  const told = await codes(capture('blkparse.txt', `${event.repeat(9)}${'x'.repeat(70_000)}\n${event}`))
  assert.equal(told.lines, { total: 11, used: 10, counted: 0, signals: 0, exits: 0, notes: 0, foreign: 0, damaged: 1 })
})

limits('more kinds of other events than are listed', async () => {
  const line = (event: string): string => `              dd-519     [000] .....     1.000001: ${event}: x=1\n`
  const queue = line('block_bio_queue').replace('x=1', '7,0 WS 0 + 8 [dd]').repeat(9)
  const path = capture('tracefs.txt', queue + Array.from({ length: 300 }, (_, k) => line(`kind_${k}`)).join(''))
  const { rows } = await inspect([path])
  assert.is(rows[0].lines?.foreign, 300)
  assert.is(Object.keys(rows[0].facts?.otherEvents as object).length, 256)
})

limits('a path that is deeper than any, and a command line that is longer than shown', async () => {
  const deep = `/srv${'/d'.repeat(3000)}/end`
  capture('capture/proc/7/cmdline', `prog\0${'x'.repeat(100_000)}\0`)
  capture('capture/proc/7/maps', '7f5c6a200000-7f5c6a210000 rw-s 00000000 00:27 279     /srv/x\n')
  capture('capture/strace.txt', `7 1795173545.5 fsync(3<${deep}>) = 0\n7 1795173545.6 getpid() = 7\n`)
  const { rows } = await rank([join(folder, 'capture')])
  assert.is(rows[0].flushes.total, 1)
  assert.is(rows[0].process?.command?.length, 1 << 16)
  const path = (await rank([join(folder, 'capture')], { by: 'file' })).rows[0].file?.path ?? ''
  assert.ok(path.length < deep.length && path.startsWith('/srv/d/d'), String(path.length))
})

limits('pieces of a disk image beyond a thousand are counted, and not listed', async () => {
  const rows = Array.from(
    { length: 1100 },
    (_, k) => `0x${(k * 2 + 1).toString(16)}0000 0x10000 0x${k.toString(16)}0000 /srv/a.qcow2\n`,
  )
  capture('image/map.txt', `Offset          Length          Mapped to       File\n${rows.join('')}`)
  capture('image/blkparse.txt', '  7,0    0        1     0.000000000   519  Q  WS 0 + 8 [dd]\n'.repeat(9))
  const { images } = await inspect([join(folder, 'image')])
  assert.equal([images[0].pieceCount, images[0].pieces.length], [1100, 1024])
})

limits.run()
