/**
 * Damage stays where it is: one record changed, however, changes the rows of that record and of the call it is a part
 * of, and makes up no others.
 */
import { readFileSync } from 'node:fs'
import * as fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { rowsOf } from './rows.ts'

const FIXTURES = new URL('../../fixtures/', import.meta.url)
const local = suite('damage stays where it is')

/** A call may stand on two lines, and its task be named by a third row: so many rows change or vanish at most. */
const MOST_CHANGED = 4
/** Its own row, and one of a partner that was not worth a row together with it. */
const MOST_NEW = 2
/** Of strace logs also what was made, marked and closed, which is told or not by the rows around it (strace/src/overtaken.ts). */
const MOST_OVERTAKEN = 4
const RUNS = 40

const TEXTS = [
  'strace/fd-ext4/strace.txt',
  'strace/fd-ext4-noy/strace.txt',
  'strace/unfinished-resumed.txt',
  'blktrace/partition/blkparse-head.txt',
  'blktrace/discard/tracefs.txt',
  'sysdig/attach-samba-epoch.txt',
]

async function rows(bytes: Uint8Array): Promise<string[]> {
  const read = await rowsOf(bytes)
  return read?.rows ?? []
}

/** How many of `a` are not in `b`. */
function missing(a: readonly string[], b: readonly string[]): number {
  const left = new Map<string, number>()
  for (const row of b) left.set(row, (left.get(row) ?? 0) + 1)
  let count = 0
  for (const row of a) {
    const n = left.get(row) ?? 0
    if (n > 0) left.set(row, n - 1)
    else count++
  }
  return count
}

/** A line cut, with bytes changed, or something else altogether. */
const damagedLine = fc.oneof(
  fc.record({ kind: fc.constant('cut' as const), at: fc.double({ min: 0, max: 1, noNaN: true }) }),
  fc.record({
    kind: fc.constant('byte' as const),
    at: fc.double({ min: 0, max: 1, noNaN: true }),
    byte: fc.integer({ min: 0x20, max: 0xff }),
  }),
  fc.record({ kind: fc.constant('other' as const), text: fc.string({ maxLength: 100 }) }),
)
type DamagedLine = typeof damagedLine extends fc.Arbitrary<infer T> ? T : never

function damage(line: Buffer, how: DamagedLine): Buffer {
  switch (how.kind) {
    case 'cut':
      return line.subarray(0, Math.floor(how.at * line.length))
    case 'byte': {
      const changed = Buffer.from(line)
      if (changed.length > 0) changed[Math.min(changed.length - 1, Math.floor(how.at * changed.length))] = how.byte
      return changed
    }
    case 'other':
      return Buffer.from(how.text.replace(/[\r\n]/g, ' '))
  }
}

for (const name of TEXTS) {
  local(`${name}: one line`, async () => {
    const text = readFileSync(new URL(name, FIXTURES)).toString('latin1')
    const lines = text.split('\n')
    const whole = await rows(Buffer.from(text, 'latin1'))
    assert.ok(whole.length > 0)
    const overtaken = name.startsWith('strace/') ? MOST_OVERTAKEN : 0
    // The first lines tell the layout: without the first one a clock begins elsewhere.
    const at = fc.integer({ min: Math.min(2, lines.length - 2), max: lines.length - 2 })
    await fc.assert(
      fc.asyncProperty(at, damagedLine, async (k, how) => {
        const changed = [...lines]
        changed[k] = damage(Buffer.from(lines[k], 'latin1'), how).toString('latin1')
        const found = await rows(Buffer.from(changed.join('\n'), 'latin1'))
        assert.ok(
          missing(whole, found) <= MOST_CHANGED + overtaken,
          `${missing(whole, found)} rows gone, line ${k + 1}: ${changed[k]}`,
        )
        assert.ok(
          missing(found, whole) <= MOST_CHANGED + overtaken,
          `${missing(found, whole)} rows new, line ${k + 1}: ${changed[k]}`,
        )
        assert.ok(found.length <= whole.length + MOST_NEW + overtaken, `${found.length} rows of ${whole.length}`)
      }),
      { numRuns: RUNS, seed: 1 },
    )
  })
}

local.run()
