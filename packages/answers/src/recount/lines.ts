/** Lines of a source, one at a time and without colours; plain and slow, for the second count. */
import { createInterface } from 'node:readline'
import { Readable } from 'node:stream'
import type { Source } from '@flushtrace/trace'

// oxlint-disable-next-line no-control-regex -- colours begin with one
const COLOUR = /\u001b\[[\d;]*m/g

export async function* plainLines(source: Source): AsyncGenerator<string> {
  const input = Readable.from(source.chunks(), { objectMode: false })
  for await (const raw of createInterface({ input, crlfDelay: Infinity })) yield raw.replace(COLOUR, '').trimEnd()
}
