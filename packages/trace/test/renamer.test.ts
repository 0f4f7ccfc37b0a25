/** What holds among names holds among the new ones. */
import * as fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Renamer, blank, renameEscaped } from '../src/renamer.ts'

const renaming = suite('renamer')
const renamer = new Renamer(Buffer.alloc(32, 1))
const latin1 = fc.string({
  unit: fc.integer({ min: 0, max: 255 }).map((code) => String.fromCharCode(code)),
  maxLength: 40,
})

renaming('other names of the same length, each its own', () => {
  fc.assert(
    fc.property(latin1, latin1, (a, b) => {
      assert.is(renamer.text(a).length, a.length)
      assert.is(renamer.text(a) === renamer.text(b), a === b)
    }),
    { numRuns: 2000, seed: 1 },
  )
})

renaming('a path word by word; endings and relative paths agree', () => {
  const [, folder, name] = /^\/srv\/(\w+)\/(\w+)\.tdb-wal$/.exec(renamer.text('/srv/private/customers.tdb-wal')) ?? []
  assert.is(renamer.text('customers.tdb'), `${name}.tdb`)
  assert.is(renamer.text('../private/x').slice(0, 10), `../${folder}`)
  assert.not.match(`${folder} ${name}`, /private|customers/)
})

renaming('a name that was cut is the beginning of the whole one', () => {
  const whole = renamer.text('xylophone_players')
  // Of one letter it may become a word that stays (`c`, `e`), and walks on.
  for (let length = 2; length < 15; length++) {
    const cut = 'xylophone_players'.slice(0, length)
    assert.is(renamer.text(cut), whole.slice(0, length))
  }
  const id = '3ad7b26ded6d4c0f9a51'
  assert.is(renamer.text(id).slice(0, 12), renamer.text(id.slice(0, 12)))
  assert.match(renamer.text(id), /^[0-9a-f]+$/)
})

renaming('a long word takes no square of its length', () => {
  const before = process.cpuUsage()
  assert.is(renamer.text('x'.repeat(60_000)).length, 60_000)
  assert.ok(process.cpuUsage(before).user < 2e6)
})

renaming('UTF-8 stays UTF-8', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme', maxLength: 20 }), (text) => {
      const renamed = Buffer.from(renamer.text(Buffer.from(text).toString('latin1')), 'latin1')
      new TextDecoder('utf-8', { fatal: true }).decode(renamed)
    }),
    { numRuns: 2000, seed: 1 },
  )
})

renaming('what answers depend on stays', () => {
  const kept = [
    '/proc/7813/fd/10',
    '/proc/self/task/7/fdinfo',
    '/dev/dm-3',
    '/dev/sda1',
    '/dev/loop0p1',
    '/dev/nvme0n1p2',
    '/dev/pts/4',
    '/dev/null',
    '13e0cbf2-90ac-4562-b651-cf9f9bdf9525',
  ]
  for (const name of kept) assert.is(renamer.text(name), name)
  for (const name of ['jbd2/loop0p1-8', 'kworker/u8:1-ev', 'btrfs-transacti']) assert.is(renamer.task(name), name)
  assert.not.match(renamer.text('/proc/7813/root/secret'), /secret/)
  assert.not.match(renamer.text('/dev/secret/lv2'), /secret/)
  assert.match(renamer.text('a (deleted)'), /^. \(deleted\)$/)
})

renaming('another key, other names', () => {
  assert.not.equal(new Renamer().text('customers'), new Renamer().text('customers'))
})

renaming('more words than are kept are renamed as before', () => {
  const small = new Renamer(Buffer.alloc(32, 1), 2)
  for (const word of ['alpha', 'beta', 'gamma', 'alpha', 'beta']) assert.is(small.text(word), renamer.text(word))
})

renaming('escapes stay escapes, of the same length', () => {
  const rename = (text: string): string => renamer.text(text)
  const [raw, hexadecimal] = ['/q', '\\x2f\\x71'].map((text) => renameEscaped(text, rename))
  assert.match(hexadecimal, /^\\x2f\\x[0-9a-f]{2}$/)
  assert.is(String.fromCharCode(Number.parseInt(hexadecimal.slice(6), 16)), raw[1])
  assert.match(renameEscaped('a\\303\\251\\n\\0', rename), /^.\\3[0-3][0-7]\\2[0-7]{2}\\n\\0$/)
  assert.is(renameEscaped('\\u00e9\\u001b', rename), '\\u0078\\u001b')
  assert.is(blank('s3cret: \xc3\xa9 [9]'), 'x0xxxx: xx [0]')
})

renaming.run()
