/**
 * Pattern: many small synchronous writes (O_SYNC, O_DSYNC, RWF_SYNC, RWF_DSYNC) of one process to one file, in a row.
 * Each waits for the device; where none of them needs to be durable before the last, plain writes and one flush would do.
 *
 * 1. A run ends with another flush of the file, a synchronous write to it by another process, or a large one.
 * 2. Only runs of RUN or more count.
 * 3. Those of io_submit are left out: several are under way at once, so they do not wait for each other.
 */
import { Latencies, type Activity, type FileName, type TracedFile, type TracedProcess } from '@flushtrace/correlate'
import { Occurrences } from './occurrences.ts'

const RUN = 8
/** Up to here a flush takes a disk longer than the data: 64 KiB are about 0.5 ms at 150 MB/s, half a turn at 7200 rpm is 4 ms. */
const SMALL = 1 << 16

interface Run {
  readonly process: TracedProcess
  length: number
  /** Of a run too short yet to be counted. */
  readonly sizes: number[]
  tookNs: number
}

export class SmallSyncWrites {
  readonly seen = new Occurrences()
  runs = 0
  bytes = 0
  /** Of bytes: the same sketch serves. */
  readonly #sizes = new Latencies()
  /** Ends with the file. */
  readonly #runs = new WeakMap<TracedFile, Run>()
  /** The write that a `syncWrite` comes with stands right before it. */
  #lastBytes = 0

  /** 0 where none was seen. */
  get medianBytes(): number {
    return this.#sizes.spread()?.p50 ?? 0
  }

  add({ kind, call, via, targets, bytes, tookNs, task }: Activity): void {
    if (kind === 'write') this.#lastBytes = bytes
    if (kind !== 'flush') return
    const sure = targets.length === 1 && targets[0].confidence !== 'ambiguous'
    if (sure && call === 'syncWrite' && via !== 'io_submit' && this.#lastBytes <= SMALL) {
      this.#step(targets[0].name, task.process, tookNs)
    } else for (const { name } of targets) this.#runs.delete(name.file)
  }

  #step(name: FileName, process: TracedProcess, tookNs: number): void {
    let run = this.#runs.get(name.file)
    if (run?.process !== process) this.#runs.set(name.file, (run = { process, length: 0, sizes: [], tookNs: 0 }))
    run.length++
    run.tookNs += tookNs
    run.sizes.push(this.#lastBytes)
    if (run.length < RUN) return
    // The one that makes it a run brings the ones before it along.
    if (run.length === RUN) this.runs++
    this.seen.add(name, process, run.tookNs, run.sizes.length)
    for (const bytes of run.sizes) {
      this.bytes += bytes
      this.#sizes.add(bytes)
    }
    run.sizes.length = run.tookNs = 0
  }
}
