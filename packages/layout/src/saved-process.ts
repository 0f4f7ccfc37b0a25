/** The state of a process at one moment, saved beside a trace: what was open and mapped before it began. */
export interface SavedProcess {
  readonly pid: number
  /** The process that a thread belongs to; the pid itself when nothing told. */
  readonly tgid: number
  readonly comm: string | null
  readonly cmdline: readonly string[] | null
  readonly cwd: string | null
  readonly fds: readonly SavedFd[] | null
  readonly regions: readonly SavedRegion[] | null
  /** The source, or the folder of links, that tells of the descriptors, and of the mappings. */
  readonly fdsIn?: string
  readonly regionsIn?: string
}

export interface SavedFd {
  readonly fd: number
  /** What the link leads to, without the kernel's ` (deleted)`: a path, `socket:[123]`, `anon_inode:[eventpoll]`. */
  readonly target: string
  readonly deleted: boolean
  /** O_ flags; null when they were not saved. */
  readonly flags: number | null
}

/** A shared mapping of a file; private ones are not kept. */
export interface SavedRegion {
  readonly start: number
  readonly end: number
  readonly writable: boolean
  readonly fileOffset: number
  /** `major:minor` in decimal. */
  readonly device: string
  readonly inode: number
  readonly path: string
  readonly deleted: boolean
}
