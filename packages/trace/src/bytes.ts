/**
 * Bytes to text and back. Names in Linux are bytes, not characters: what isn't UTF-8 is kept as the lone surrogates
 * U+DC80..U+DCFF (Python's "surrogateescape"), so that two different names never become the same string and JSON
 * carries them unharmed.
 */
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** Bytes [start, end) as text; never throws. */
export function decodeUtf8(bytes: Uint8Array, start = 0, end = bytes.length): string {
  let ascii = true
  for (let i = start; i < end; i++) {
    if (bytes[i] >= 0x80) {
      ascii = false
      break
    }
  }
  if (ascii) return latin1(bytes, start, end)
  try {
    return utf8.decode(bytes.subarray(start, end))
  } catch {
    return decodeDamaged(bytes, start, end)
  }
}

/** The way back: the bytes that `decodeUtf8` made the text from. */
export function encodeUtf8(text: string): Buffer {
  const bytes = Buffer.from(text)
  return bytes.includes(REPLACED) ? Buffer.concat(Array.from(text, encodeCharacter)) : bytes
}

/** What Node puts for a lone surrogate: U+FFFD. */
const REPLACED = Buffer.of(0xef, 0xbf, 0xbd)

function encodeCharacter(character: string): Buffer {
  const code = character.charCodeAt(0)
  return code >= 0xdc80 && code <= 0xdcff && character.length === 1 ? Buffer.of(code - 0xdc00) : Buffer.from(character)
}

/** One char per byte; right for ASCII, and the fast way to a string. */
export function latin1(bytes: Uint8Array, start: number, end: number): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, end).toString('latin1', start, end)
}

/** A buffer of at least `length` bytes that begins with the first `used` ones of `buffer`: itself where it is that large. */
export function withRoom(buffer: Buffer, used: number, length: number): Buffer {
  if (length <= buffer.length) return buffer
  const larger = Buffer.allocUnsafe(Math.max(length, buffer.length * 2))
  larger.set(buffer.subarray(0, used))
  return larger
}

function decodeDamaged(bytes: Uint8Array, start: number, end: number): string {
  let text = ''
  let i = start
  while (i < end) {
    const length = sequenceLength(bytes, i, end)
    if (length === 0) {
      text += String.fromCharCode(0xdc00 + bytes[i])
      i++
    } else {
      text += utf8.decode(bytes.subarray(i, i + length))
      i += length
    }
  }
  return text
}

/** Length of the valid UTF-8 sequence at `i`, 0 where there is none (RFC 3629, table 3-7 of the Unicode standard). */
function sequenceLength(bytes: Uint8Array, i: number, end: number): number {
  const lead = bytes[i]
  if (lead < 0x80) return 1
  const length = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2
  if (lead < 0xc2 || lead > 0xf4 || i + length > end) return 0
  const low = lead === 0xe0 ? 0xa0 : lead === 0xf0 ? 0x90 : 0x80
  const high = lead === 0xed ? 0x9f : lead === 0xf4 ? 0x8f : 0xbf
  if (bytes[i + 1] < low || bytes[i + 1] > high) return 0
  for (let k = 2; k < length; k++) if ((bytes[i + k] & 0xc0) !== 0x80) return 0
  return length
}
