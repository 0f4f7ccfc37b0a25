/** A source that can't be used at all. Anything else thrown by these packages is a bug of ours. */
export class TraceError extends Error {
  readonly code: string
  /** The source as the user named it, or null where no one source is to blame. */
  readonly path: string | null
  /** Byte offset in the (decompressed) source, or null. */
  readonly offset: number | null

  constructor(code: string, message: string, place: { path?: string | null; offset?: number | null } = {}) {
    super(message)
    this.name = 'TraceError'
    this.code = code
    this.path = place.path ?? null
    this.offset = place.offset ?? null
  }
}
