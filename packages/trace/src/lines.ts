/** Lines of side files (maps, lists, tables): small texts, read with split2. Saved traces have their own scanners. */
import { Readable } from 'node:stream'
import split2 from 'split2'
import { decodeUtf8 } from './bytes.ts'
import type { Source } from './source.ts'

/** A side file's line is a path and some numbers; a longer one is no side file. */
const MAX_LINE = 1 << 16
/** `skipOverflow` (a longer line is dropped, not an error) is missing from the published types. */
const OPTIONS: { maxLength: number; skipOverflow: boolean } = { maxLength: MAX_LINE, skipOverflow: true }

/** Text lines without their end (LF or CRLF). Bytes that are not UTF-8 become lone surrogates, see bytes.ts. */
export async function* readLines(source: Source): AsyncGenerator<string> {
  const splitter = split2(/\n/, OPTIONS)
  // latin1 keeps one char per byte through the splitter, so that names which are not UTF-8 survive.
  const text = Readable.from(asLatin1(source.chunks()))
  text.on('error', (error) => splitter.destroy(error))
  for await (const line of text.pipe(splitter) as AsyncIterable<string>) {
    // split2 looks only at a line that goes on in the next piece.
    if (line.length > MAX_LINE) continue
    const bytes = Buffer.from(line, 'latin1')
    yield decodeUtf8(bytes, 0, line.endsWith('\r') ? bytes.length - 1 : bytes.length)
  }
}

async function* asLatin1(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Buffer> {
  for await (const chunk of chunks) yield Buffer.from(Buffer.from(chunk).toString('latin1'), 'utf8')
}
