/** What the thread that parses a log and the one that keeps the state tell each other. */
import type { CallBatch, Diagnostic, Extra, FdName } from '@flushtrace/trace'
import type { StraceFacts } from './facts.ts'

/** Bytes of the log on their way to the parser: so many pieces, of so many bytes. */
export const PIECES = 4
export const PIECE_BYTES = 1 << 20
/** Batches on their way back. */
export const BATCHES = 8

/** What both can write, given to a thread once. */
export interface SharedMemory {
  readonly pieces: readonly Uint8Array[]
  readonly batches: readonly ReturnType<CallBatch['columns']>[]
  /** One number: how many of the batches may be filled. Both use them in turn, and so the pieces. */
  readonly free: Int32Array
}

/** To the parser: a log begins; the next piece is there; it was the last one. */
export type Order =
  | { readonly kind: 'log'; readonly path: string; readonly tid: number }
  | { readonly kind: 'piece'; readonly length: number }
  | { readonly kind: 'end' }

/** What has become known since the last batch. */
export interface News {
  readonly facts: StraceFacts
  readonly diagnostics: Diagnostic[]
}

/** Rows of the next batch, and what they need that is not in its columns. */
export interface Rows extends News, Pick<CallBatch, 'length' | 'clock' | 'origin'> {
  readonly kind: 'rows'
  /** A new table of strings, and one of names: what was in the old ones is not meant any more. */
  readonly renewed: boolean
  readonly strings: readonly string[]
  readonly names: readonly FdName[]
  readonly extra: readonly (readonly [row: number, extra: Extra])[]
}

/** From the parser: a piece may be overwritten; rows; the log is at its end. */
export type Report = { readonly kind: 'taken' } | Rows | (News & { readonly kind: 'done' })
