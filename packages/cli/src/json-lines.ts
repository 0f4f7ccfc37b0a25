/** JSON lines on stdout, written in blocks: one write a line would take most of the time. */
import { once } from 'node:events'
import { json } from './render/json.ts'

const BLOCK = 1 << 16

export class JsonLines {
  #block = ''

  add(value: unknown): void {
    this.#block += `${json(value)}\n`
    if (this.#block.length >= BLOCK) this.end()
  }

  /** When the reader has taken what was written, where it lags behind. */
  readonly pace = (): Promise<unknown> | undefined =>
    process.stdout.writableNeedDrain ? once(process.stdout, 'drain') : undefined

  /** Writes what is left. */
  end(): void {
    process.stdout.write(this.#block)
    this.#block = ''
  }
}
