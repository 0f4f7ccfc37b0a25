/**
 * Which file had a name at a time within the trace, as far as calls tell: those that name files tell that they still
 * have it, those that move one (rename, link) that it has another.
 */

interface Naming {
  called: string
  readonly first: string
  /** When it was called otherwise than before, at first and last; never: Infinity, -Infinity. */
  movedFromNs: number
  movedToNs: number
}

export class CalledNames {
  /** Path → alternating: when calls met another file under it than before, and its number. */
  readonly #met = new Map<string, number[]>()
  readonly #namings = new Map<number, Naming>()

  meet(file: number, path: string, atNs: number): void {
    const met = this.#met.get(path)
    if (!met) this.#met.set(path, [atNs, file])
    else if (met.at(-1) !== file) met.push(atNs, file)
    const naming = this.#namings.get(file)
    if (!naming) {
      this.#namings.set(file, { called: path, first: path, movedFromNs: Infinity, movedToNs: -Infinity })
    } else if (naming.called !== path) {
      naming.called = path
      naming.movedFromNs = Math.min(naming.movedFromNs, atNs)
      naming.movedToNs = Math.max(naming.movedToNs, atNs)
    }
  }

  /**
   * The file that had the name all of the time; null: none, or nothing tells. `mayBeOlder`: whether the first file that
   * calls met under a name may have been there before.
   */
  during(path: string, fromNs: number, untilNs: number, mayBeOlder: (file: number) => boolean): number | null {
    const met = this.#met.get(path)
    if (!met) return null
    let [file, sinceNs] = [-1, -Infinity]
    for (let k = 0; k < met.length; k += 2) {
      if (met[k] > fromNs && met[k] <= untilNs) return null
      if (met[k] <= fromNs && met[k] >= sinceNs) [sinceNs, file] = [met[k], met[k + 1]]
    }
    const isFirst = file < 0
    if (isFirst) file = met[1]
    const { first, movedFromNs, movedToNs } = this.#namings.get(file)!
    if (isFirst && (first !== path || !mayBeOlder(file))) return null
    return movedToNs > sinceNs && movedFromNs <= untilNs ? null : file
  }
}
