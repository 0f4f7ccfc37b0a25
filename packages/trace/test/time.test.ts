import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { earlier, formatInstant, nsBetween, parseInstant, plusNs } from '../src/time.ts'

const time = suite('time')
const AT = { seconds: 1_795_173_544, nanos: 123_456_789 }

time('formats as RFC 3339 with nanoseconds', () => {
  assert.is(formatInstant(AT), '2026-11-20T11:19:04.123456789Z')
  assert.is(formatInstant({ seconds: 0, nanos: 5 }), '1970-01-01T00:00:00.000000005Z')
  assert.is(formatInstant({ seconds: 1e15, nanos: 0 }), 'invalid')
})

time('reads what it writes', () => {
  assert.equal(parseInstant(formatInstant(AT)), AT)
})

time('reads zones, blanks and seconds since 1970', () => {
  assert.equal(parseInstant('2026-11-20 11:19:04'), { seconds: AT.seconds, nanos: 0 })
  assert.equal(parseInstant('2026-11-20T12:19:04.5+01:00'), { seconds: AT.seconds, nanos: 500_000_000 })
  assert.equal(parseInstant('2026-11-20T12:19:04+0100'), { seconds: AT.seconds, nanos: 0 })
  assert.equal(parseInstant('@1795173544.123456789'), AT)
  assert.equal(parseInstant('@1795173544'), { seconds: AT.seconds, nanos: 0 })
})

time('refuses everything else', () => {
  for (const text of [
    '',
    'yesterday',
    '11:19:04',
    '1795173544',
    '@',
    '2026-11-20',
    '2026-13-01T00:00:00Z',
    '@1.0123456789',
  ]) {
    assert.is(parseInstant(text), null, text)
  }
})

time('adds and subtracts across seconds', () => {
  assert.is(nsBetween(AT, plusNs(AT, 900_000_000)), 900_000_000)
  assert.equal(plusNs(AT, 900_000_000), { seconds: AT.seconds + 1, nanos: 23_456_789 })
  assert.equal(plusNs(AT, -200_000_000), { seconds: AT.seconds - 1, nanos: 923_456_789 })
  assert.is(nsBetween(AT, { seconds: AT.seconds - 1, nanos: AT.nanos }), -1e9)
})

time('the earlier of two', () => {
  const later = plusNs(AT, 1)
  assert.is(earlier(AT, later), AT)
  assert.is(earlier(later, AT), AT)
})

time.run()
