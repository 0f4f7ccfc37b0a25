/** A bar on stderr for readings that take longer than a moment. */
import type { SingleBar } from 'cli-progress'

/** Shorter readings show nothing: a bar that flashes up says less than none. */
const SILENT_MS = 700

export class ProgressBar {
  readonly #startedAt = Date.now()
  #bar: SingleBar | null = null
  #loading = false

  update(done: number, total: number | null): void {
    // A stream has no end to measure against.
    if (total === null || Date.now() - this.#startedAt < SILENT_MS) return
    if (this.#bar) this.#bar.update(Math.min(done, total))
    else if (!this.#loading) {
      this.#loading = true
      void this.#start(total)
    }
  }

  stop(): void {
    this.#bar?.stop()
  }

  async #start(total: number): Promise<void> {
    const { default: progress } = await import('cli-progress')
    this.#bar = new progress.SingleBar(
      { format: 'reading {bar} {percentage} %  {eta_formatted} left', clearOnComplete: true, hideCursor: true },
      progress.Presets.shades_classic,
    )
    this.#bar.start(total, 0)
  }
}
