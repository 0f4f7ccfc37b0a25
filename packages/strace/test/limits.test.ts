/** Beyond each bound of this reader: docs/limits.md. */
import { TASK_NAME, CallBatch, Diagnostics, Renamer, StringTable, callIndex } from '@flushtrace/trace'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { StraceAnonymizer } from '../src/anonymize.ts'
import { CallCounts } from '../src/call-counts.ts'
import { CallMemo } from '../src/call-memo.ts'
import { readStrace } from '../src/index.ts'
import { interruptedWrite } from '../src/program-output.ts'
import { Scanner } from '../src/scanner.ts'
import { Tail } from '../src/shape.ts'
import { Sieve } from '../src/sieve.ts'

const limits = suite('limits of strace')

async function rowsOf<T>(text: string, pick: (batch: CallBatch, i: number) => T): Promise<T[]> {
  const bytes = Buffer.from(text)
  async function* chunks(): AsyncGenerator<Uint8Array> {
    yield await Promise.resolve(bytes)
  }
  const source = { path: 'x', bytes: bytes.length, compression: null, head: bytes.subarray(0, 1 << 16), chunks }
  const rows: T[] = []
  for await (const batch of readStrace(source, new Diagnostics(), 0).batches) {
    for (let i = 0; i < batch.length; i++) rows.push(pick(batch, i))
  }
  return rows
}

limits('names of more tasks than there can be are told again', async () => {
  const named = (tid: number): string => `${tid}<a> fsync(3) = 0\n`
  const told = async (tasks: number): Promise<number> => {
    const lines = Array.from({ length: tasks }, (_, k) => named(k + 1))
    const calls = await rowsOf(lines.join('') + named(1), (batch, i) => batch.call[i])
    return calls.filter((call) => call === TASK_NAME).length
  }
  const most = 1 << 18
  assert.is(await told(most), most)
  assert.is(await told(most + 2), most + 3)
})

limits('arguments beyond the sixteenth', () => {
  const scanner = new Scanner()
  const text = Buffer.from(`${Array.from({ length: 20 }, (_, k) => k).join(', ')}) = 0`)
  assert.is(scanner.scan(text, 0, text.length), 'complete')
  assert.is(scanner.argCount, 16)
  assert.is(text.toString('latin1', scanner.resultStart), '0')
})

limits('command lines of many arguments, or of long ones, are cut and say so', async () => {
  const argvOf = async (argv: readonly string[]): Promise<{ argv: string[]; cut: boolean }> => {
    const list = argv.map((word) => `"${word}"`).join(', ')
    const extras = await rowsOf(`7 execve("/bin/x", [${list}], 0x7f /* 3 vars */) = 0\n`, (batch, i) => batch.extra[i])
    return extras.find((extra) => extra?.kind === 'argv') as { argv: string[]; cut: boolean }
  }
  const many = await argvOf(Array.from({ length: 40 }, (_, k) => `a${k}`))
  assert.equal([many.argv.length, many.cut], [32, true])
  const long = await argvOf(['x'.repeat(4000), 'y'.repeat(5000), 'z'])
  assert.equal([long.argv.map((word) => word.length), long.cut], [[4000, 4096], true])
  const one = await argvOf(['y'.repeat(4097)])
  assert.equal([one.argv[0].length, one.cut], [4096, true])
  assert.is((await argvOf(['y'.repeat(4096)])).cut, false)
  assert.equal(await argvOf(['a', 'b']), { kind: 'argv', argv: ['a', 'b'], cut: false })
})

limits('calls that are recognised: the last thousand, and not the long ones', () => {
  const memo = new CallMemo()
  const scanner = new Scanner()
  const batch = new CallBatch(new StringTable(), [], 1)
  batch.add(0, callIndex('fsync'), 7, 0, 1)
  const tail = new Tail()
  const find = (bytes: Buffer): number => {
    tail.read(bytes, 0, bytes.length)
    return memo.find(0, callIndex('fsync'), bytes, 0, bytes.length, tail)
  }
  const isKnown = (text: string): boolean => {
    const bytes = Buffer.from(text)
    const known = find(bytes) >= 0
    if (!known) memo.keep(0, bytes, 0, scanner.scan(bytes, 0, bytes.length), scanner, batch, 0)
    return known
  }
  const ofLength = (length: number): string => `${'3</'.padEnd(length - ') = '.length - 1, 'x')}>) = 0`
  assert.equal([isKnown(ofLength(256)), isKnown(ofLength(256))], [false, true])
  assert.equal([isKnown(ofLength(257)), isKnown(ofLength(257))], [false, false])
  const names = Array.from({ length: 8000 }, (_, k) => (Math.imul(k, 0x9e3779b1) >>> 0).toString(16).padStart(8, '0'))
  const calls = names.map((name) => Buffer.from(`3</srv/${name}${name}>) = 0`))
  for (const call of calls) isKnown(call.toString())
  const known = calls.filter((call) => find(call) >= 0).length
  assert.ok(known > 900 && known <= 1024, String(known))
})

limits('whole lines that are recognised: 8,192, of 256 bytes of arguments', () => {
  const counts = new CallCounts()
  const sieve = new Sieve()
  sieve.take(counts)
  sieve.learn(counts.idOf(Buffer.from('close'), 0, 5), Buffer.from('close('), 'row')
  /** Those that were known. */
  const known = (names: readonly string[]): number => {
    const lines = names.map((name) => `42    1795175435.000007 close(3</srv/${name}>) = 0 <0.000021>\n`)
    const text = Buffer.from(lines.join(''))
    let count = 0
    sieve.renew()
    for (let pos = 0; pos < text.length; pos = sieve.lineEnd + 1) {
      sieve.next(text, pos, 'tids', 0, 0, 1000)
      count += sieve.passed
      if (sieve.lineEnd < 0) break
      if (sieve.tail.slot >= 0) sieve.keep()
    }
    return count
  }
  const ofLength = (length: number): string => 'x'.repeat(length - '3</srv/>) = '.length)
  assert.equal([known([ofLength(256)]), known([ofLength(256)])], [0, 1])
  assert.equal([known([ofLength(257)]), known([ofLength(257)])], [0, 0])
  const names = Array.from({ length: 40_000 }, (_, k) => (Math.imul(k, 0x9e3779b1) >>> 0).toString(16).padStart(8, '0'))
  known(names)
  // Not again those that it passes over, which it would keep in the place of others.
  const again = names.reverse().filter((name) => known([name]) > 0).length
  assert.ok(again > 4000 && again <= 8192, String(again))
})

limits('descriptors, control blocks and completions of one call beyond 65,536', async () => {
  const list = (item: (k: number) => string): string => Array.from({ length: 70_000 }, (_, k) => item(k)).join(', ')
  const iocb = (k: number): string => `{aio_data=${k}, aio_lio_opcode=IOCB_CMD_FSYNC, aio_fildes=3}`
  const text =
    `7 io_submit(0x7f, 70000, [${list(iocb)}]) = 70000\n` +
    `7 io_getevents(0x7f, 1, 70000, [${list((k) => `{data=${k}, obj=0, res=1, res2=0}`)}], NULL) = 70000\n` +
    `7 sendmsg(5, {msg_control=[{cmsg_len=9, cmsg_level=SOL_SOCKET, cmsg_type=SCM_RIGHTS, cmsg_data=[${list(String)}]}]}, 0) = 1\n`
  const extras = await rowsOf(text, (batch, i) => batch.extra[i])
  const lengths = extras.map((extra) =>
    extra?.kind === 'iocbs'
      ? extra.iocbs.length
      : extra?.kind === 'events'
        ? extra.events.length
        : extra?.kind === 'fds'
          ? extra.fds.length
          : 0,
  )
  assert.equal(lengths, [65_536, 65_536, 65_536])
})

// Were the rest of the line gone over from each of these, it would take hours.
limits('lines of any length are gone over a bounded number of times', () => {
  assert.is(interruptedWrite('write(1</a, '.repeat(1_000_000)), null)
  const name = '/a'.repeat(1_000_000)
  const line = `read(3, "${name}", 8) = 8`
  assert.is(new StraceAnonymizer(new Renamer()).line(line).length, line.length)
})

limits.run()
