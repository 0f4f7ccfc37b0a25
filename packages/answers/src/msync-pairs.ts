/** Pairs of msync and fdatasync (or fsync) of one file, back to back in one task: what tdb and ldb do to be safe. */
import type { Activity, FileName, Task } from '@flushtrace/correlate'

export class MsyncPairs {
  count = 0
  msyncFirst = 0
  msyncNs = 0
  syncNs = 0
  readonly files = new Map<FileName, number>()
  /** The task's last flush, while it has no partner. */
  readonly #single = new WeakMap<Task, { name: FileName; msync: boolean; tookNs: number }>()

  add(activity: Activity): void {
    if (activity.kind !== 'flush' || activity.targets.length !== 1) return
    const { task, call, tookNs } = activity
    const { name } = activity.targets[0]
    const msync = call === 'msync'
    const single = this.#single.get(task)
    if (!msync && call !== 'fdatasync' && call !== 'fsync') {
      this.#single.delete(task)
    } else if (single && single.name === name && single.msync !== msync) {
      this.#single.delete(task)
      this.count++
      if (single.msync) this.msyncFirst++
      this.msyncNs += msync ? tookNs : single.tookNs
      this.syncNs += msync ? single.tookNs : tookNs
      this.files.set(name, (this.files.get(name) ?? 0) + 1)
    } else {
      this.#single.set(task, { name, msync, tookNs })
    }
  }
}
