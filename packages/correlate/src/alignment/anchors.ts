/**
 * What of a source can be found again in another one that saw the same machine, kept while it is read:
 *
 *  - windows: a task's flush calls, from entry to return, or the file system's word of them;
 *  - points: moments of a task that lie inside its flush calls: writes and flushes it queues, and the file system's word
 *    that a flush arrived or is done (ext4_sync_file_enter, …), which exists even when nothing is queued;
 *  - requests: what was queued, the same in every block trace of the device.
 *
 * All are samples: the first ones of each task, up to a number of all. Times are ns since the source's own time 0.
 */
import { ACTION, CALLS, EXIT, INODE_EVENT, OP, type BlockBatch, type CallBatch } from '@flushtrace/trace'

import { steadied } from './drift.ts'

/** Enough to tell one offset from all others, in 10 MB at most. */
const MAX_ANCHORS = 1 << 17
/** One task's share: a loop of flushes must not crowd out the others. */
const MAX_PER_TASK = 1 << 14
/** One request's share: a block written again and again (a journal's head) tells less with each time. */
const MAX_PER_REQUEST = 64

const IS_FLUSH = CALLS.map(({ role, name }) => role === 'flush' || name === 'msync' || name === 'sync_file_range')

/** The flush calls of one task in order of time; they do not overlap. An end that is not told is NaN. */
interface Windows {
  readonly startNs: number[]
  readonly endNs: number[]
}

/** Of a source of system calls. */
export class CallAnchors {
  readonly kind = 'calls'
  readonly windows = new Map<number, Windows>()
  #kept = 0
  /** Tasks whose last window has no end yet: it is no later than the task's next call. */
  readonly #open = new Set<number>()

  /** `tid`: of a file of a -ff set, whose rows name no task. */
  add(batch: CallBatch, tid = 0): void {
    const { length, call, phase } = batch
    for (let i = 0; i < length; i++) {
      if (this.#open.size > 0 && phase[i] !== EXIT) this.#close(batch.tid[i] || tid, batch.atNs[i])
      if (IS_FLUSH[call[i]] && batch.atNs[i] >= 0) this.#flush(batch, i, batch.tid[i] || tid)
    }
  }

  get full(): boolean {
    return this.#kept >= MAX_ANCHORS
  }

  /** Entry and return of each flush: another tracer's stamps of the same call lie around them. */
  points(): Map<number, number[]> {
    return new Map(
      [...this.windows].map(([tid, { startNs, endNs }]) => [
        tid,
        [...startNs, ...endNs].filter((ns) => ns >= 0).sort((a, b) => a - b),
      ]),
    )
  }

  /** What the stamps count: whole seconds with strace -t, else µs or less. */
  get grainNs(): number {
    for (const { startNs } of this.windows.values()) if (startNs.some((ns) => ns % 1e9 !== 0)) return 1e3
    return 1e9
  }

  #flush(batch: CallBatch, i: number, tid: number): void {
    const atNs = batch.atNs[i]
    const endNs = atNs + batch.tookNs[i]
    let windows = this.windows.get(tid)
    if (batch.phase[i] === EXIT) {
      const last = windows ? windows.startNs.length - 1 : -1
      if (!windows || windows.startNs[last] !== atNs || Number.isNaN(endNs)) return
      windows.endNs[last] = endNs
      this.#open.delete(tid)
      return
    }
    if (this.full) return
    if (!windows) this.windows.set(tid, (windows = { startNs: [], endNs: [] }))
    if (windows.startNs.length >= MAX_PER_TASK) return
    this.#kept++
    windows.startNs.push(atNs)
    windows.endNs.push(endNs)
    if (Number.isNaN(endNs)) this.#open.add(tid)
  }

  #close(tid: number, atNs: number): void {
    const windows = this.windows.get(tid)
    if (windows && this.#open.delete(tid)) windows.endNs[windows.endNs.length - 1] = atNs
  }
}

/** Of a block trace, and of the inode events that stand in the same text. */
export class BlockAnchors {
  readonly kind = 'block'
  /** By device, sector, bytes and task: when this was queued. */
  readonly requests = new Map<string, number[]>()
  /** By task: what the file system says of its flushes. An end that no event tells is NaN. */
  readonly windows = new Map<number, Windows>()
  readonly #points = new Map<number, number[]>()
  #keptPoints = 0
  #keptRequests = 0

  add(batch: BlockBatch): void {
    const { length, action, flags, tid, atNs, inodes } = batch
    for (let i = 0; i < length && !this.full; i++) {
      if (action[i] !== ACTION.queue || !(atNs[i] >= 0)) continue
      this.#request(batch, i)
      if (flags[i] & (OP.write | OP.flush)) this.#point(tid[i], atNs[i])
    }
    for (let i = 0; inodes && i < inodes.length; i++) {
      const enters = inodes.kind[i] === INODE_EVENT.syncEnter
      if ((!enters && inodes.kind[i] !== INODE_EVENT.syncExit) || !(inodes.atNs[i] >= 0)) continue
      this.#window(inodes.tid[i], inodes.atNs[i], enters)
      this.#point(inodes.tid[i], inodes.atNs[i])
    }
  }

  get full(): boolean {
    return this.#keptPoints >= MAX_ANCHORS && this.#keptRequests >= MAX_ANCHORS
  }

  /** Puts all times right by the drift of their clock. */
  steady(driftPpm: number): void {
    const windows = [...this.windows.values()].flatMap(({ startNs, endNs }) => [startNs, endNs])
    for (const times of [...this.requests.values(), ...this.#points.values(), ...windows]) {
      for (const [i, ns] of times.entries()) times[i] = steadied(ns, driftPpm)
    }
  }

  points(): Map<number, number[]> {
    return new Map([...this.#points].map(([tid, atNs]) => [tid, [...atNs].sort((a, b) => a - b)]))
  }

  /** Before `#point`, whose bounds hold for it, too. */
  #window(tid: number, atNs: number, enters: boolean): void {
    if (tid <= 0 || this.#keptPoints >= MAX_ANCHORS) return
    const windows = this.windows.get(tid) ?? { startNs: [], endNs: [] }
    const { startNs, endNs } = windows
    if (enters && startNs.length < MAX_PER_TASK) {
      startNs.push(atNs)
      endNs.push(NaN)
      this.windows.set(tid, windows)
    } else if (!enters && Number.isNaN(endNs.at(-1))) endNs[endNs.length - 1] = atNs
  }

  #point(tid: number, atNs: number): void {
    if (tid <= 0 || this.#keptPoints >= MAX_ANCHORS) return
    let points = this.#points.get(tid)
    if (!points) this.#points.set(tid, (points = []))
    if (points.length >= MAX_PER_TASK) return
    this.#keptPoints++
    points.push(atNs)
  }

  #request({ device, sector, bytes, tid, atNs }: BlockBatch, i: number): void {
    if (this.#keptRequests >= MAX_ANCHORS) return
    const key = `${device[i]} ${sector[i]} ${bytes[i]} ${tid[i]}`
    let times = this.requests.get(key)
    if (!times) this.requests.set(key, (times = []))
    if (times.length >= MAX_PER_REQUEST) return
    this.#keptRequests++
    times.push(atNs[i])
  }
}
