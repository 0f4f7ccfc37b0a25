/** Collects the areas of a map into sorted columns that never overlap. */
import { AREAS, type Area, type AreaColumns } from './layout-map.ts'

export class AreaBuilder {
  readonly #rows: { start: number; end: number; area: number; label: number }[] = []
  readonly #labels = new Map<string, number>()

  get length(): number {
    return this.#rows.length
  }

  get reach(): number {
    return this.#rows.reduce((reach, { end }) => Math.max(reach, end), 0)
  }

  add(start: number, end: number, area: Area, label: string): void {
    if (!(end > start)) return
    let index = this.#labels.get(label)
    if (index === undefined) this.#labels.set(label, (index = this.#labels.size))
    this.#rows.push({ start, end, area: AREAS.indexOf(area), label: index })
  }

  /** The gaps in a range, which must be known to hold nothing else. */
  fill(start: number, end: number, area: Area, label: string): void {
    this.#rows.sort(byStart)
    let at = start
    const gaps: [number, number][] = []
    for (const row of this.#rows) {
      if (row.end <= start) continue
      if (row.start >= end) break
      if (row.start > at) gaps.push([at, row.start])
      at = Math.max(at, row.end)
    }
    if (at < end) gaps.push([at, end])
    for (const [from, to] of gaps) this.add(from, to, area, label)
  }

  /** Of two that overlap the first one added keeps the place. */
  finish(unit: number): AreaColumns {
    const kept: { start: number; end: number; area: number; label: number }[] = []
    for (const row of this.#rows.sort(byStart)) {
      const last = kept.at(-1)
      const start = last && last.end > row.start ? last.end : row.start
      if (start >= row.end) continue
      if (last && last.end === start && last.area === row.area && last.label === row.label) last.end = row.end
      else kept.push({ ...row, start })
    }
    return {
      length: kept.length,
      start: Float64Array.from(kept, ({ start }) => start * unit),
      end: Float64Array.from(kept, ({ end }) => end * unit),
      area: Uint8Array.from(kept, ({ area }) => area),
      label: Int32Array.from(kept, ({ label }) => label),
      labels: [...this.#labels.keys()],
    }
  }
}

function byStart(a: { start: number }, b: { start: number }): number {
  return a.start - b.start
}
