/** What a thread that parses logs and the one that keeps the state tell each other. */
import type { CallBatch, Diagnostic, Extra, FdName } from '@flushtrace/trace'
import type { StraceFacts } from './facts.ts'

/** What is on its way of one log: pieces of so many bytes to the parser, batches back. Both are used in turn. */
export interface Room {
  /** Three at least: one that is parsed, the next, and one that is written to meanwhile. */
  readonly pieces: number
  readonly pieceBytes: number
  readonly batches: number
}
/** For a log that a thread has for itself; where it has others, these need not wait meanwhile. */
export const ALONE: Room = { pieces: 4, pieceBytes: 1 << 20, batches: 8 }
export const AMONG_OTHERS: Room = { pieces: 3, pieceBytes: 1 << 17, batches: 2 }

/** What both can write. */
export interface SharedMemory {
  readonly pieces: readonly Uint8Array[]
  readonly batches: readonly ReturnType<CallBatch['columns']>[]
}

/** To the parser: a log begins; its next piece is there; it was the last one; a batch may be filled again; nobody wants the rest. */
export type Order = { readonly log: number } & (
  | { readonly kind: 'begin'; readonly path: string; readonly tid: number; readonly memory: SharedMemory }
  | { readonly kind: 'piece'; readonly start: number; readonly length: number }
  | { readonly kind: 'end' | 'free' | 'drop' }
)

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

export interface Done extends News {
  readonly kind: 'done'
}

/** From the parser: a piece may be overwritten; rows; the log is at its end. */
export type Report = { readonly kind: 'taken' } | Rows | Done
export type ReportOf = { readonly log: number; readonly report: Report }
