/** The same recording given twice: a path named twice, a hard link, a file beside its compressed copy. It counts once. */
import { tidOfName } from '@flushtrace/strace'
import type { DiagnosticKind, Diagnostics, Source } from '@flushtrace/trace'

interface Sniffed {
  readonly source: Source
  readonly kind: string
}

const COPY: DiagnosticKind = {
  code: 'source/copy',
  severity: 'info',
  note: true,
  message: 'Some sources are copies of others (first: {}): each is read once.',
  fix: 'name one of them',
}
/** Bytes of the head that sources are grouped by; the rest is compared. */
const KEY_BYTES = 128

/** Those of `traces` that repeat the recording of one before them, and which that is. */
export function copiesAmong(traces: readonly Sniffed[], diagnostics: Diagnostics): ReadonlyMap<Source, Source> {
  const known = new Map<string, Source[]>()
  const copies = new Map<Source, Source>()
  for (const { source, kind } of traces) {
    const key = keyOf(source, kind)
    const alike = known.get(key)
    const same = alike?.find((other) => isCopy(source, other))
    if (same) {
      copies.set(source, same)
      diagnostics.add(COPY, { source: source.path }, `${source.path} of ${same.path}`)
    } else if (alike) alike.push(source)
    else known.set(key, [source])
  }
  return copies
}

/** Files of a -ff set may hold the same few lines; they are of different tasks. */
function keyOf({ head, path }: Source, kind: string): string {
  const start = Buffer.from(head.buffer, head.byteOffset, Math.min(head.length, KEY_BYTES)).toString('latin1')
  return `${kind} ${kind === 'strace' ? tidOfName(path) : 0} ${head.length} ${start}`
}

/** By size and beginning; by the beginning alone where one is compressed or a stream. */
function isCopy(a: Source, b: Source): boolean {
  const comparable = a.compression === b.compression && a.bytes !== null && b.bytes !== null
  return (!comparable || a.bytes === b.bytes) && Buffer.compare(a.head, b.head) === 0
}
