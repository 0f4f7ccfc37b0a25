/**
 * Whose line is it? With -o FILE every line has a pid. On stderr the first process has none until a second one is
 * attached, and brackets go away again when one task is left:
 *
 *     execve("./a", ["./a"], …) = 0                        the root, whose pid is not known yet
 *     strace: Process 27557 attached                       announces 27557
 *     [pid 27557] fsync(3 <unfinished ...>
 *     [pid 27556] wait4(-1, …                              nobody announced 27556: it is the root
 *     [pid 27557] +++ exited with 0 +++
 *     exit_group(0) = ?                                    one task is left: its line
 */
import type { Leader } from './leader.ts'

export class LineTasks {
  /** The task of all lines (a file of a -ff set), or 0. */
  readonly #fixed: number
  readonly #alive = new Set<number>()
  readonly #announced = new Set<number>()
  #root = 0
  #unprefixed = false
  prefixed = false
  /** While the rest of a split line is read: whose line its beginning was. */
  begun: number | null = null

  constructor(fixed: number) {
    this.#fixed = fixed
  }

  /** The id of the line's task; 0 while the root's is unknown. */
  of(leader: Leader): number {
    if (this.#fixed > 0) return this.#fixed
    if (leader.tid === 0) {
      if (this.begun !== null) return this.begun
      // A root that lives on without a prefix is not among the ones that have shown themselves.
      const hidden = this.#unprefixed && this.#root === 0
      this.#unprefixed = true
      if (this.prefixed && !hidden && this.#alive.size === 1) for (const only of this.#alive) this.#root = only
      return this.#root
    }
    this.prefixed = true
    if (leader.hasBrackets || this.#unprefixed) this.#alive.add(leader.tid)
    return leader.tid
  }

  /** All lines so far tell their task by themselves: none of them tells anything of the others. */
  get plain(): boolean {
    return !this.#unprefixed
  }

  /** The root's lines come without a pid so far, and it is not known which one it is. */
  get seeksRoot(): boolean {
    return this.#unprefixed && this.#root === 0 && this.#fixed === 0
  }

  /** Whether `tid` turns out to be the root, whose lines came without a pid so far. To be asked once for each line. */
  reveals(tid: number): boolean {
    if (!this.seeksRoot || tid === 0 || this.#announced.has(tid)) return false
    this.#root = tid
    return true
  }

  /** A fork returned this id, or it is another's than the root's for other reasons. */
  announce(tid: number): void {
    if (this.#root === 0 && this.#fixed === 0) this.#announced.add(tid)
  }

  /** `Process N attached`. With -p the first notice names the process whose lines have no prefix. */
  attached(tid: number): void {
    this.#alive.add(tid)
    if (this.#root === 0 && !this.#unprefixed && !this.prefixed && this.#alive.size === 1) this.#root = tid
    else this.announce(tid)
  }

  ended(tid: number): void {
    this.#alive.delete(tid)
  }
}
