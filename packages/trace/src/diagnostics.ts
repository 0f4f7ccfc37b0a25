/**
 * The diagnostics table: what was damaged, lost or could not be seen. A bad record never throws, it is one more
 * count in a row here. Each package keeps its own list of kinds; the sentence and the fix stand beside the code.
 */
export type Severity = 'info' | 'loss' | 'error'

export interface DiagnosticKind {
  /** `<package>/<what>`, stable: scripts match on it. */
  readonly code: string
  /** info: good to know · loss: the answer misses something · error: a source or a record is damaged. */
  readonly severity: Severity
  /** One sentence; `{}` is replaced by the detail of the first occurrence. */
  readonly message: string
  /** What to do about it, an imperative. */
  readonly fix: string
  /** It tells how the answer was made: nothing is missing because of it. */
  readonly note?: boolean
}

export interface Place {
  readonly source: string
  /** 1-based record number: a line of text, a record of a binary trace. */
  readonly record?: number
  readonly offset?: number
}

/** JSON-safe, as printed in every answer. */
export interface Diagnostic {
  code: string
  severity: Severity
  count: number
  message: string
  fix: string
  note: boolean
  first: Place | null
}

export class Diagnostics {
  readonly #rows = new Map<string, Diagnostic>()

  add(kind: DiagnosticKind, place: Place | null = null, detail = '', count = 1): void {
    const row = this.#rows.get(kind.code)
    if (row) {
      row.count += count
      return
    }
    const message = kind.message.replace('{}', () => detail)
    this.#rows.set(kind.code, {
      code: kind.code,
      severity: kind.severity,
      count,
      message,
      fix: kind.fix,
      note: kind.note ?? false,
      first: place,
    })
  }

  /** Rows of another table, found after all that is in this one. */
  merge(rows: readonly Diagnostic[]): void {
    for (const row of rows) {
      const known = this.#rows.get(row.code)
      if (known) known.count += row.count
      else this.#rows.set(row.code, { ...row })
    }
  }

  /** What was added since the last time, in the order of appearance. */
  drain(): Diagnostic[] {
    const rows = [...this.#rows.values()]
    this.#rows.clear()
    return rows
  }

  count(kind: DiagnosticKind): number {
    return this.#rows.get(kind.code)?.count ?? 0
  }

  /** Errors first, then losses, then info; in each the order of appearance. */
  rows(): Diagnostic[] {
    const order: Record<Severity, number> = { error: 0, loss: 1, info: 2 }
    return [...this.#rows.values()].sort((a, b) => order[a.severity] - order[b.severity])
  }
}
