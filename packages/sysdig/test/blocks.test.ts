import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { BlockReader, blockKind, type BlockHandler } from '../src/blocks.ts'
import { block, generic, machine, section } from './build.ts'

/** What `BlockReader` finds, and where it says that there is damage. */
function found(bytes: Buffer, piece: number, crowdedAfter = Infinity): string[] {
  const said: string[] = []
  let blocks = 0
  const handler: BlockHandler = {
    get crowded() {
      return blocks >= crowdedAfter
    },
    onRun: (_buf, _view, pos) => pos,
    onBlock: (type, _buf, _view, _at, length, offset) => {
      blocks++
      said.push(`${offset} block ${type.toString(16)} ${length}`)
    },
    onDamage: (offset) => said.push(`${offset} damage`),
    onSwapped: (offset) => said.push(`${offset} swapped`),
  }
  const reader = new BlockReader(handler)
  for (let from = 0; from < bytes.length; from += piece) {
    const chunk = bytes.subarray(from, from + piece)
    for (let pos = 0; pos < chunk.length;) {
      pos = reader.consume(chunk, pos)
      blocks = 0
    }
  }
  for (;;) {
    const { done, left, offset } = reader.end()
    blocks = 0
    if (!done) continue
    return left > 0 ? [...said, `${offset} cut ${left}`] : said
  }
}

/** The same, plainly: one byte on after whatever is no block, with all bytes at hand. */
function plainly(bytes: Buffer): string[] {
  const said: string[] = []
  let searching = false
  let cut = -1
  let cutAt = 0
  for (let pos = 0; pos < bytes.length;) {
    const left = bytes.length - pos
    const type = left < 12 ? 0 : bytes.readUInt32LE(pos)
    const length = left < 12 ? 0 : bytes.readUInt32LE(pos + 4)
    const likely = length % 4 === 0 && length >= 16 && length <= 1 << 20 && blockKind(type) !== null
    const possible = left < 12 || (length >= 12 && length <= 1 << 24)
    const whole = left >= 12 && length <= left && bytes.readUInt32LE(pos + Math.max(0, length - 4)) === length
    if (whole && (searching ? likely : possible)) {
      if (cut >= 0) said.splice(cut, 0, `${cutAt} damage`)
      cut = -1
      searching = false
      said.push(`${pos} block ${type.toString(16)} ${length}`)
      pos += length
      continue
    }
    if (!searching && possible && (left < 12 || length > left)) {
      cut = said.length
      cutAt = pos
    } else if (!searching) said.push(`${pos} damage`)
    searching = true
    pos++
  }
  return cut >= 0 ? [...said, `${cutAt} cut ${bytes.length - cutAt}`] : said
}

/** Numbers below `below`, the same each time. */
function random(seed: number): (below: number) => number {
  let state = seed
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return Math.floor((state / 2 ** 32) * below)
  }
}

const BYTES = [0, 0, 0, 0, 0x02, 0x04, 0x0a, 0x0d, 0x16, 0x80, 0xab, 0xcd, 0x30, 0xff]

test('blocks are found again behind damage, as by looking at each byte', () => {
  for (let seed = 1; seed <= 300; seed++) {
    const upTo = random(seed)
    const parts: Buffer[] = [section(), machine()]
    for (let k = 0; k < 12; k++) {
      const junk = Buffer.alloc(upTo(60))
      const kind = upTo(4)
      if (kind > 0)
        for (let at = 0; at < junk.length; at++) junk[at] = kind === 1 ? upTo(256) : BYTES[upTo(BYTES.length)]
      parts.push(generic(72, 74, upTo(2) === 0), ...(upTo(3) === 0 ? [junk] : []))
      // The head of a block that is not there.
      if (upTo(6) === 0) parts.push(block(0x216, Buffer.alloc(100)).subarray(0, 8 + upTo(60)))
      if (upTo(8) === 0) parts.push(block(0x8010abcd, Buffer.alloc(24)))
    }
    const bytes = Buffer.concat(parts)
    const known = plainly(bytes)
    const sorted = (said: string[]): string[] => [...said].sort((a, b) => parseInt(a, 10) - parseInt(b, 10))
    for (const piece of [1, 7, 64, bytes.length]) {
      assert.equal(sorted(found(bytes, piece)), sorted(known), `seed ${seed}, pieces of ${piece}`)
      assert.equal(sorted(found(bytes, piece, 1)), sorted(known), `seed ${seed}, pieces of ${piece}, one by one`)
    }
  }
})

test('megabytes of heads of blocks that are not there are looked at in no more than twice their number', () => {
  const heads = Buffer.alloc(8 << 20)
  for (let at = 0; at < heads.length; at += 8) {
    heads.writeUInt32LE(0x204, at)
    heads.writeUInt32LE(0xffffc, at + 4)
  }
  const bytes = Buffer.concat([section(), heads, machine()])
  const started = process.cpuUsage()
  const said = found(bytes, 1 << 16)
  // By copying what is left for each of them it took half a minute.
  assert.ok(process.cpuUsage(started).user < 5e6)
  assert.equal(said, ['0 block a0d0d0a 28', '28 damage', `${28 + heads.length} block 201 192`])
})

test.run()
