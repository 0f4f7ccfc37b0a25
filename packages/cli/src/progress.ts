/** A bar on stderr for readings that take longer than a moment. */
import type { SingleBar } from 'cli-progress'

/** Shorter readings show nothing: a bar that flashes up says less than none. */
const SILENT_MS = 700
/** What ends a reading: the terminal must be left as it was found. */
export const ENDING_SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

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

  /** Also gives the cursor back that the bar hides. */
  stop(): void {
    this.#bar?.stop()
    for (const signal of ENDING_SIGNALS) process.off(signal, this.#quit)
  }

  /** With the listeners gone the signal ends the process as if there had been none. */
  readonly #quit = (signal: NodeJS.Signals): void => {
    this.stop()
    process.kill(process.pid, signal)
  }

  async #start(total: number): Promise<void> {
    const { default: progress } = await import('cli-progress')
    this.#bar = new progress.SingleBar(
      { format: 'reading {bar} {percentage} %  {eta_formatted} left', clearOnComplete: true, hideCursor: true },
      progress.Presets.shades_classic,
    )
    for (const signal of ENDING_SIGNALS) process.once(signal, this.#quit)
    this.#bar.start(total, 0)
  }
}
