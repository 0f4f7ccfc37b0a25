/** What a source lists of the tasks that are there at one moment: at the beginning of a capture of sysdig. */

export interface TaskList {
  readonly tasks: ReadonlyMap<number, ListedTask>
  /** It names all that there were: what is not in it was gone. */
  readonly whole: boolean
  /** When the machine was started, seconds since 1970; null when that is not told. */
  readonly bootSeconds: number | null
  /** Since the event before, of the same source; NaN: there is none. */
  sinceNs: number
}

/** The shape of a saved /proc/PID. */
export interface ListedTask {
  readonly pid: number
  /** The process that it is a thread of; the same number for a process's first thread. */
  readonly tgid: number
  readonly comm: string | null
  /** The program and its arguments, as the process shows them: it may change them. */
  readonly cmdline: readonly string[] | null
  /** The file that it runs; null where that is not told. */
  readonly exe: string | null
  /** Its session; null where that is not told. */
  readonly sid: number | null
  /** Its number in its own namespace; null where that is not told. */
  readonly vtid: number | null
  readonly cwd: string | null
  fds: ListedFd[] | null
  /** A capture does not list mappings. */
  readonly regions: null
  readonly container: string | null
}

export interface ListedFd {
  readonly fd: number
  readonly target: string
  readonly deleted: boolean
  /** O_ flags as the kernel numbers them; null when the list has none. */
  readonly flags: number | null
  readonly inode: number
  /** `major:minor`; null where the list does not tell. */
  readonly device: string | null
}
