/** Lines of a source, one at a time and without colours, a char for each byte; plain and slow, for the second count. */
import type { Source } from '@flushtrace/trace'

// oxlint-disable-next-line no-control-regex -- colours begin with one
const COLOUR = /\u001b\[[\d;]*m/g

/** Nothing but a newline ends a line: names may hold what is a line end elsewhere. */
export async function* plainLines(source: Source): AsyncGenerator<string> {
  let pieces: string[] = []
  for await (const chunk of source.chunks()) {
    const lines = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length).toString('latin1').split('\n')
    for (const line of lines.slice(0, -1)) {
      pieces.push(line)
      yield pieces.join('').replace(COLOUR, '').trimEnd()
      pieces = []
    }
    pieces.push(lines.at(-1) ?? '')
  }
  yield pieces.join('').replace(COLOUR, '').trimEnd()
}
