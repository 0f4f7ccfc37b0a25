import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Diagnostics, CALLS, type Source } from '@flushtrace/trace'
import { readStrace } from '../src/index.ts'
import { LineCarry } from '../src/lines.ts'
import { counts, read, show } from './source.ts'

const lines = suite('long lines')

const MB = 1 << 20

/** `before`, `pieces` times `piece`, `after`: as a file would give them, nothing of it held. */
function longSource(before: string, piece: Buffer, pieces: number, after: string): Source {
  async function* chunks(): AsyncGenerator<Uint8Array> {
    yield Buffer.from(before)
    for (let k = 0; k < pieces; k++) yield piece
    yield Buffer.from(after)
  }
  return { path: 'memory', bytes: null, compression: null, head: Buffer.from(before), chunks }
}

lines('a line of a gigabyte is read, and not kept', async () => {
  const source = longSource(
    '42 1795175435.438954 fsync(3) = 0\n42 1795175436.438954 write(3</srv/x>, "',
    Buffer.alloc(MB, 'abcdefg\\n'),
    1024,
    '", 1073741824) = 1073741824 <0.5>\n42 1795175437.438954 fsync(3) = 0\n',
  )
  const diagnostics = new Diagnostics()
  const before = process.memoryUsage()
  let peak = 0
  const { batches, facts } = readStrace(source, diagnostics)
  const seen: string[] = []
  for await (const batch of batches) {
    for (let i = 0; i < batch.length; i++) seen.push(`${CALLS[batch.call[i]].name} ${batch.result[i]} ${batch.size[i]}`)
    peak = Math.max(peak, process.memoryUsage().arrayBuffers)
  }
  assert.equal(seen, ['fsync 0 NaN', 'write 1073741824 1073741824', 'fsync 0 NaN'])
  assert.is(facts.damaged, 0)
  assert.equal(diagnostics.rows(), [])
  const grown = (peak - before.arrayBuffers) / MB
  assert.ok(grown < 64, `${grown} MB`)
})

lines('a line of half a gigabyte without an end is one damaged line', async () => {
  const source = longSource('42 write(3, ', Buffer.alloc(MB, 'x, '), 512, '\n42 fsync(3) = 0\n')
  const diagnostics = new Diagnostics()
  const { batches, facts } = readStrace(source, diagnostics)
  let rows = 0
  for await (const batch of batches) rows += batch.length
  assert.is(rows, 1)
  assert.equal(counts(facts), { used: 1, damaged: 1 })
  assert.equal(
    diagnostics.rows().map(({ code }) => code),
    ['strace/long-line'],
  )
})

lines('what is not in strings survives: the second of two large strings, and what follows', async () => {
  const large = 'x'.repeat(3 * MB)
  const text = `42 pwritev2(3</srv/x>, [{iov_base="${large}", iov_len=3145728}, {iov_base="${large}", iov_len=3145728}], 2, 8192, RWF_DSYNC) = 6291456 <0.5>\n`
  const expected = '42 pwritev2 fd=3<path:"/srv/x"> offset=8192 flags=0x2 = 6291456 500000000ns'
  for (const chunk of [4097, 65_536, MB]) assert.equal((await read(text, chunk)).rows.map(show), [expected])
})

lines('a name with a quote does not turn strings inside out', async () => {
  const large = 'x, '.repeat(4 * MB)
  const text = String.raw`42 write(3</srv/\"a>, "` + large + String.raw`", 12582912) = 12582912` + '\n'
  const { rows, facts } = await read(text, 65_536)
  assert.equal(rows.map(show), [String.raw`42 write fd=3<path:"/srv/\"a"> size=12582912 = 12582912`])
  assert.is(facts.damaged, 0)
})

lines('escaped quotes on the borders of pieces', () => {
  const quoted = String.raw`\"\\\\\"`
  const text = `f("${quoted.repeat(400_000)}", "${'y'.repeat(100_000)}", 3) = 0`
  const bytes = Buffer.from(text)
  const kept = (piece: number): string => {
    const carry = new LineCarry()
    for (let at = 0; at < bytes.length; at += piece) carry.append(bytes, at, Math.min(bytes.length, at + piece))
    assert.not(carry.overflow)
    return carry.buffer.toString('latin1', 0, carry.length)
  }
  const whole = kept(bytes.length)
  assert.ok(whole.length < 200_000)
  assert.match(whole, /^f\("/)
  assert.ok(whole.endsWith('y", 3) = 0'))
  for (const piece of [1, 2, 3, 5, 7, 4096, 65_537]) assert.ok(kept(piece) === whole, String(piece))
})

lines('short lines are kept as they are', () => {
  const carry = new LineCarry()
  carry.append(Buffer.from('..abc..'), 2, 4)
  carry.append(Buffer.from('def'), 0, 3)
  assert.is(carry.buffer.toString('latin1', 0, carry.length), 'abdef')
  carry.reset()
  assert.is(carry.length, 0)
})

lines('bytes of an older, longer line do not reach into a shorter one', async () => {
  // The two halves are put together in one buffer, where `= 0` must not become `= 0x…`.
  const text = [
    '42 msync(0x7f1000, 4096, MS_SYNC <unfinished ...>',
    '42 <... msync resumed>) = 0xffffffffffffffff',
    '42 msync(0x7f1000, 4096, MS_SYNC <unfinished ...>',
    '42 <... msync resumed>) = 0',
    '',
  ].join('\n')
  const { rows } = await read(text)
  assert.is(rows[3].result, 0)
})

lines.run()
