/** Figures over all flushes that were asked for, added up one by one. */
import { Latencies } from '@flushtrace/correlate'
import { durationsOf } from './durations.ts'
import type { Explained, OthersData } from './explain-rows.ts'
import type { ExplainAnswer } from './explain-schema.ts'

/** Rules of evidence that say what could not be known. */
const LIMITS: ReadonlySet<string> = new Set([
  'no-duration',
  'no-block-trace',
  'block-trace-not-aligned',
  'outside-block-trace',
  'device-unknown',
  'every-device',
  'end-not-seen',
])
const PARTS = ['ownDataNs', 'othersDataNs', 'journalNs', 'deviceFlushNs', 'queueNs', 'unseenNs'] as const
/** Of which the mean of a flush is told. */
const NUMBERS = ['dataBytes', 'writes', 'deviceFlushes'] as const
const MAX_OTHERS = 20

interface Others {
  bytes: number
  flushes: number
  /** Those that are in `bytes`. */
  readonly requests: Set<number>
  readonly processes: Map<string, OthersData['processes'][number]>
}

/** What one flush waited for of a file, but for what another one has waited for, too. */
function addOnce(all: Others, found: readonly OthersData[]): void {
  const fresh = found.filter(({ request }) => !all.requests.has(request))
  for (const { request, bytes, processes } of fresh) {
    all.bytes += bytes
    all.requests.add(request)
    for (const one of processes) all.processes.set(`${one.pid} ${one.name}`, one)
  }
}

export class ExplainSummary {
  readonly #parts = { ownDataNs: 0, othersDataNs: 0, journalNs: 0, deviceFlushNs: 0, queueNs: 0, unseenNs: 0 }
  readonly #took = new Latencies()
  readonly #processes = new Set<string>()
  readonly #limits = new Map<string, number>()
  readonly #others = new Map<string | null, Others>()
  readonly #waitedFor = { nothing: 0, others: 0, own: 0, unknown: 0 }
  readonly #sums = { dataBytes: 0, writes: 0, deviceFlushes: 0 }
  #flushes = 0

  add({ row, others }: Explained): void {
    this.#flushes++
    this.#processes.add(`${row.process.pid} ${row.process.name}`)
    this.#waitedFor[row.waitedFor]++
    if (row.tookNs !== null) this.#took.add(row.tookNs)
    for (const part of PARTS) this.#parts[part] += row.parts[part]
    for (const number of NUMBERS) this.#sums[number] += row[number]
    for (const { rule } of row.evidence) if (LIMITS.has(rule)) this.#limits.set(rule, (this.#limits.get(rule) ?? 0) + 1)
    for (const path of new Set(others.map((one) => one.path))) {
      const all = this.#others.get(path) ?? { bytes: 0, flushes: 0, requests: new Set(), processes: new Map() }
      this.#others.set(path, all)
      all.flushes++
      addOnce(
        all,
        others.filter((one) => one.path === path),
      )
    }
  }

  summary(): ExplainAnswer['summary'] {
    const { nothing, others, unknown } = this.#waitedFor
    const known = this.#flushes - unknown
    const mean = (sum: number): number | null => (known === 0 ? null : sum / known)
    return {
      flushes: this.#flushes,
      processes: this.#processes.size,
      timed: this.#took.count,
      tookNs: durationsOf(this.#took),
      parts: { ...this.#parts },
      dataBytes: mean(this.#sums.dataBytes),
      writes: mean(this.#sums.writes),
      deviceFlushes: mean(this.#sums.deviceFlushes),
      empty: nothing,
      rode: others,
      limits: Object.fromEntries(this.#limits),
      others: [...this.#others]
        .map(([path, { bytes, flushes, processes }]) => ({ path, bytes, flushes, processes: [...processes.values()] }))
        .sort((a, b) => b.bytes - a.bytes)
        .slice(0, MAX_OTHERS),
    }
  }
}
