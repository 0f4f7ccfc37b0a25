import * as fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { decodeUtf8, encodeUtf8, latin1 } from '../src/bytes.ts'

const bytes = suite('bytes')

bytes('decodes UTF-8', () => {
  assert.is(decodeUtf8(Buffer.from('plain')), 'plain')
  assert.is(decodeUtf8(Buffer.from('Größe 大小 🐧')), 'Größe 大小 🐧')
  assert.is(decodeUtf8(Buffer.from('..Größe..'), 2, 9), 'Größe')
})

bytes('keeps a byte order mark: it is part of the name', () => {
  assert.is(decodeUtf8(Buffer.from([0xef, 0xbb, 0xbf, 0x61])), '\ufeffa')
})

bytes('bytes that are not UTF-8 become lone surrogates', () => {
  assert.is(decodeUtf8(Buffer.from([0x61, 0x80, 0xff])), 'a\udc80\udcff')
  // A sequence that is cut, one that is too long for its character, a surrogate, and one past U+10FFFF.
  assert.is(decodeUtf8(Buffer.from([0xe2, 0x82])), '\udce2\udc82')
  assert.is(decodeUtf8(Buffer.from([0xc0, 0xaf])), '\udcc0\udcaf')
  assert.is(decodeUtf8(Buffer.from([0xed, 0xa0, 0x80])), '\udced\udca0\udc80')
  assert.is(decodeUtf8(Buffer.from([0xf4, 0x90, 0x80, 0x80])), '\udcf4\udc90\udc80\udc80')
  assert.is(decodeUtf8(Buffer.from([0xf5, 0x61])), '\udcf5a')
})

bytes('what is valid around them stays text', () => {
  assert.is(decodeUtf8(Buffer.concat([Buffer.from('é'), Buffer.from([0xff]), Buffer.from('🐧')])), 'é\udcff🐧')
})

bytes('no two names become one string', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 40 }), (name) => {
      assert.equal(encodeUtf8(decodeUtf8(name)), Buffer.from(name))
    }),
    { numRuns: 2000 },
  )
})

bytes('is JSON-safe', () => {
  const name = decodeUtf8(Buffer.from([0x2f, 0xff]))
  assert.is(JSON.parse(JSON.stringify(name)), name)
})

bytes('latin1 takes a part of a view into a larger buffer', () => {
  const view = new Uint8Array(Buffer.from('..abc..')).subarray(2, 5)
  assert.is(latin1(view, 0, 3), 'abc')
  assert.is(latin1(view, 1, 2), 'b')
})

bytes.run()
