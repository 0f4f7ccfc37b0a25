/** Lines of side files (maps, lists, tables): small texts, read with split2. Saved traces have their own scanners. */
import { isAscii } from 'node:buffer'
import { Readable } from 'node:stream'
import split2 from 'split2'
import { decodeUtf8 } from './bytes.ts'
import type { DiagnosticKind, Diagnostics } from './diagnostics.ts'
import type { Source } from './source.ts'

/** A side file's line is a path and some numbers; a longer one is no side file. */
const MAX_LINE = 1 << 16
const LF = 0x0a
const LONG_LINE: DiagnosticKind = {
  code: 'source/long-line',
  severity: 'loss',
  message: 'Some lines of tables or maps are longer than 64 KiB (MAX_LINE; first: {}); they are skipped.',
  fix: 'save the output of the command as it is, a line each; the limit is fixed',
}
/** `skipOverflow` (a longer line is dropped, not an error) is missing from the published types. */
const OPTIONS: { maxLength: number; skipOverflow: boolean } = { maxLength: MAX_LINE, skipOverflow: true }

/**
 * Text lines without their end (LF or CRLF). One that is too long is skipped, reported, and told to `onLong`. Bytes that
 * are not UTF-8 become lone surrogates, see bytes.ts.
 */
export async function* readLines(
  source: Source,
  diagnostics: Diagnostics,
  onLong: () => void = () => {},
): AsyncGenerator<string> {
  const splitter = split2(/\n/, OPTIONS)
  // latin1 keeps one char per byte through the splitter, so that names which are not UTF-8 survive.
  const text = Readable.from(asLatin1(countLong(source, diagnostics, onLong)))
  text.on('error', (error) => splitter.destroy(error))
  for await (const line of text.pipe(splitter) as AsyncIterable<string>) {
    // split2 looks only at a line that goes on in the next piece.
    if (line.length > MAX_LINE) continue
    const end = line.endsWith('\r') ? line.length - 1 : line.length
    // A copy: what is kept of a line would keep its whole piece of the file.
    yield decodeUtf8(Buffer.from(line, 'latin1'), 0, end)
  }
}

/** What split2 skips, it does not tell. */
async function* countLong(source: Source, diagnostics: Diagnostics, onLong: () => void): AsyncGenerator<Uint8Array> {
  let record = 1
  let length = 0
  const end = (): void => {
    if (length > MAX_LINE) {
      diagnostics.add(LONG_LINE, { source: source.path, record }, source.path)
      onLong()
    }
    record++
    length = 0
  }
  for await (const chunk of source.chunks()) {
    let at = 0
    for (let to = chunk.indexOf(LF); to >= 0; to = chunk.indexOf(LF, at)) {
      length += to - at
      end()
      at = to + 1
    }
    length += chunk.length - at
    yield chunk
  }
  end()
}

async function* asLatin1(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Buffer> {
  for await (const chunk of chunks) {
    yield isAscii(chunk) ? Buffer.from(chunk) : Buffer.from(Buffer.from(chunk).toString('latin1'), 'utf8')
  }
}
