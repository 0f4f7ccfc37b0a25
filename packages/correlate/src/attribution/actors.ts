/** Whoever may have made a page dirty or queued a write: a traced process, or only a task that a block trace names. */
import { KERNEL_THREAD, LONE_THREAD } from '@flushtrace/trace'
import type { Task, TracedProcess } from '../processes.ts'
import type { BlockLog } from './block-log.ts'

export interface Actor {
  /** null: no trace tells. */
  readonly pid: number | null
  readonly name: string | null
  /** Known from system calls; null: known from block or inode events alone. */
  readonly process: TracedProcess | null
  /** Acts for others: what it writes, somebody else made dirty. */
  readonly kernel: boolean
  /** A thread of the kernel that writes for nobody. */
  readonly lone: boolean
}

export class Actors {
  readonly #list: Actor[] = []
  readonly #ofProcess = new Map<TracedProcess, number>()
  readonly #ofTid = new Map<number, number>()
  readonly #unknown = new Map<number, Map<string | null, number>>()
  /** Who was asked for last, and nearly always is next, too. */
  #last: { tid: number; comm: string | null; id: number } = { tid: NaN, comm: null, id: -1 }

  /** Number of the process; `tid` leads to it from now on. */
  ofTask({ tid, process }: Task): number {
    let id = this.#ofProcess.get(process)
    if (id === undefined) {
      id =
        this.#list.push({
          get pid() {
            return process.pid
          },
          get name() {
            return process.name
          },
          process,
          kernel: false,
          lone: false,
        }) - 1
      this.#ofProcess.set(process, id)
    }
    if (tid > 0) this.#ofTid.set(tid, id)
    this.#last.tid = NaN
    return id
  }

  /** Who a thread id of a block or inode event is; its process where system calls showed it. */
  ofTid(tid: number, comm: string | null): number {
    const last = this.#last
    if (last.tid !== tid || last.comm !== comm) this.#last = { tid, comm, id: this.#find(tid, comm) }
    return this.#last.id
  }

  /** Who queued a request. */
  ofRequest({ tid, comm, names }: BlockLog, request: number): number {
    return this.ofTid(tid.data[request], names.textOrNull(comm.data[request]))
  }

  #find(tid: number, comm: string | null): number {
    const traced = this.#ofTid.get(tid)
    if (traced !== undefined) return traced
    let named = this.#unknown.get(tid)
    if (!named) this.#unknown.set(tid, (named = new Map()))
    let id = named.get(comm)
    if (id === undefined) {
      const kernel = comm !== null && KERNEL_THREAD.test(comm)
      id =
        this.#list.push({
          pid: tid > 0 ? tid : null,
          name: comm,
          process: null,
          kernel,
          lone: kernel && LONE_THREAD.test(comm),
        }) - 1
      named.set(comm, id)
    }
    return id
  }

  at(id: number): Actor {
    return this.#list[id]
  }
}
