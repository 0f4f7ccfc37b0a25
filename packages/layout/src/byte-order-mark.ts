/** Editors of Windows begin a text with the byte order mark, in UTF-8 EF BB BF: it is no part of what the tool printed. */
import type { Source } from '@flushtrace/trace'

const MARK = Buffer.from([0xef, 0xbb, 0xbf])

/** The bytes behind the mark; all where there is none. */
export function textOf(bytes: Uint8Array): Uint8Array {
  return MARK.equals(bytes.subarray(0, MARK.length)) ? bytes.subarray(MARK.length) : bytes
}

/** A source that begins behind the mark; itself where there is none. */
export function withoutMark(source: Source): Source {
  const { path, bytes, compression } = source
  const head = textOf(source.head)
  if (head === source.head) return source
  async function* chunks(): AsyncGenerator<Uint8Array> {
    let left = MARK.length
    for await (const chunk of source.chunks()) {
      const skipped = Math.min(left, chunk.length)
      left -= skipped
      if (skipped < chunk.length) yield chunk.subarray(skipped)
    }
  }
  return { path, bytes, compression, head, chunks }
}
