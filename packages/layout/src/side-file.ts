/** A saved map or table while it is read: its lines add up, and what cannot be read is reported with its place. */
import { decodeUtf8, readLines, type DiagnosticKind, type Diagnostics, type Source } from '@flushtrace/trace'
import { LAYOUT } from './diagnostics.ts'
import type { JSON_SHAPES, JsonOf } from './json-schema.ts'
import type { MapTime } from './layout-map.ts'

/** What a line was: told something, said nothing that is wanted, cannot be what its tool prints. */
export type LineUse = 'used' | 'note' | 'damaged'

const COUNTED_AS = { used: 'used', note: 'notes', damaged: 'damaged' } as const
const MAX_JSON_BYTES = 1 << 26
const SHOWN = 60
/** What stands at the head of a copy from a terminal: prompts with their commands, lines that go on with them, blank ones. */
const PROMPTED = String.raw`(?:\[?[\w.-]+@[\w.-]+[: ][^\n#$]*|[\w.-]+)?[#$](?: [^\n]*)?`
const HEAD_LINE = String.raw`(?:${PROMPTED}|[+>] [^\n]*|\[sudo\] [^\n]*|)`
export const TERMINAL_HEAD = new RegExp(String.raw`^(?:${HEAD_LINE}\r?\n){1,8}`)
/** And what may stand at its end. */
export const TERMINAL_END = new RegExp(String.raw`\n${PROMPTED}\s*$`)
export const ONE_HEAD_LINE = new RegExp(`^${HEAD_LINE}$`)
export const ONE_PROMPT = new RegExp(`^${PROMPTED}$`)

export class SideFile {
  lines = 0
  used = 0
  notes = 0
  damaged = 0
  readonly source: Source
  readonly time: MapTime
  readonly #diagnostics: Diagnostics

  constructor(source: Source, time: MapTime, diagnostics: Diagnostics) {
    this.source = source
    this.time = time
    this.#diagnostics = diagnostics
  }

  get path(): string {
    return this.source.path
  }

  async eachLine(apply: (line: string) => LineUse): Promise<void> {
    const onLong = (): void => {
      this.lines++
      this.damaged++
    }
    let head = true
    for await (const line of readLines(this.source, this.#diagnostics, onLong)) {
      this.lines++
      head &&= ONE_HEAD_LINE.test(line)
      let use = head ? 'note' : apply(line)
      if (use === 'damaged' && ONE_PROMPT.test(line)) use = 'note'
      this[COUNTED_AS[use]]++
      if (use === 'damaged') this.report(LAYOUT.damagedLine, line.slice(0, SHOWN).trim())
    }
  }

  report(kind: DiagnosticKind, detail: string, count = 1): void {
    const place = this.lines > 0 ? { source: this.path, record: this.lines } : { source: this.path }
    this.#diagnostics.add(kind, place, detail, count)
  }

  /** What a tool prints as JSON; null, and said, for anything else. */
  async json<Tool extends keyof typeof JSON_SHAPES>(tool: Tool): Promise<JsonOf<Tool> | null> {
    const pieces: Buffer[] = []
    let bytes = 0
    for await (const chunk of this.source.chunks()) {
      pieces.push(Buffer.from(chunk))
      bytes += chunk.length
      if (bytes > MAX_JSON_BYTES) {
        this.lines = this.damaged = 1
        this.report(LAYOUT.notJson, `${this.path}, more than 64 MiB (MAX_JSON_BYTES, which is fixed)`)
        return null
      }
    }
    const text = decodeUtf8(Buffer.concat(pieces))
    this.lines = text.split('\n').filter((line) => line !== '').length
    const { checked } = await import('./json-schema.ts')
    let reason: string
    try {
      const result = checked(tool, JSON.parse(text.replace(TERMINAL_HEAD, '').replace(TERMINAL_END, '')))
      if ('value' in result) {
        this.used = this.lines
        return result.value
      }
      reason = result.reason
    } catch (error) {
      // Also a RangeError: nested deeper than the stack is.
      reason = (error as Error).message
    }
    this.damaged = this.lines
    this.report(LAYOUT.notJson, `${this.path}, ${reason.slice(0, SHOWN)}`)
    return null
  }
}
