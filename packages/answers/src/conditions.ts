/** Conditions under which a script wants rank to fail: `flushes-per-second > 20`. */
import { TraceError } from '@flushtrace/trace'
import type { ConditionResult, RankAnswer } from './rank-schema.ts'

/** What a metric is measured in, and what a number after it may be given in. Without a unit: the first one. */
const UNITS = {
  count: { '': 1, k: 1e3, M: 1e6, G: 1e9 },
  seconds: { s: 1, ms: 1e-3, us: 1e-6, ns: 1e-9, min: 60 },
  bytes: { B: 1, kB: 1e3, MB: 1e6, GB: 1e9, TB: 1e12, KiB: 2 ** 10, MiB: 2 ** 20, GiB: 2 ** 30 },
  share: { '': 1, '%': 0.01 },
} as const satisfies Record<string, Record<string, number>>

/** `blockNs`: what the requests are of, from the first to the last. */
type Answer = Pick<RankAnswer, 'total' | 'spanNs'> & { readonly blockNs: number }

interface Metric {
  readonly unit: keyof typeof UNITS
  /** A rate or share of the whole trace's time: unknown for a part of it. */
  readonly ofSpan?: true
  /** null: the sources do not show it. */
  readonly measure: (answer: Answer) => number | null
}

function perSecond(n: number | null | undefined, spanNs: number): number | null {
  return n === null || n === undefined || spanNs === 0 ? null : n / (spanNs / 1e9)
}

function inSeconds(ns: number | undefined): number | null {
  return ns === undefined ? null : ns / 1e9
}

const METRICS: Readonly<Record<string, Metric>> = {
  flushes: { unit: 'count', measure: ({ total }) => total.flushes.total },
  'flushes-per-second': {
    unit: 'count',
    ofSpan: true,
    measure: ({ total, spanNs }) => perSecond(total.flushes.total, spanNs),
  },
  'failed-flushes': { unit: 'count', measure: ({ total }) => total.failed.total },
  'flush-seconds': { unit: 'seconds', measure: (answer) => flushSeconds(answer) },
  'flush-share': { unit: 'share', ofSpan: true, measure: (answer) => perSecond(flushSeconds(answer), answer.spanNs) },
  'flush-p50': { unit: 'seconds', measure: ({ total }) => inSeconds(total.flushNs?.p50) },
  'flush-p99': { unit: 'seconds', measure: ({ total }) => inSeconds(total.flushNs?.p99) },
  'flush-max': { unit: 'seconds', measure: ({ total }) => inSeconds(total.flushNs?.max) },
  'flushing-processes': { unit: 'count', measure: ({ total }) => total.processes },
  'flushed-files': { unit: 'count', measure: ({ total }) => total.files },
  'write-calls': { unit: 'count', measure: ({ total }) => total.written.calls },
  'written-bytes': { unit: 'bytes', measure: ({ total }) => total.written.bytes },
  'mapped-files': { unit: 'count', measure: ({ total }) => total.mapped.files },
  'block-writes': { unit: 'count', measure: ({ total }) => total.block?.writes ?? null },
  'block-writes-per-second': {
    unit: 'count',
    ofSpan: true,
    measure: ({ total, spanNs, blockNs }) => perSecond(total.block?.writes, Math.max(spanNs, blockNs)),
  },
  'block-bytes': { unit: 'bytes', measure: ({ total }) => total.block?.bytes ?? null },
  'block-flushes': { unit: 'count', measure: ({ total }) => total.block?.flushes ?? null },
}

/** Of no flush it is known even where the trace has no durations. */
function flushSeconds({ total }: Answer): number | null {
  return total.flushes.total === 0 ? 0 : inSeconds(total.flushNs?.total)
}

/** The longer ones first: `>=` is not `>`. */
const OPERATORS: Readonly<Record<string, (a: number, b: number) => boolean>> = {
  '>=': (a, b) => a >= b,
  '<=': (a, b) => a <= b,
  '==': (a, b) => a === b,
  '!=': (a, b) => a !== b,
  '>': (a, b) => a > b,
  '<': (a, b) => a < b,
}

const CONDITION = /^\s*([\w-]+)\s*(>=|<=|==|!=|>|<)\s*(\d+(?:\.\d+)?)\s*([A-Za-z%]*)\s*$/

export interface Condition {
  /** As it was asked for. */
  readonly text: string
  readonly metric: Metric
  readonly holdsFor: (measured: number) => boolean
}

/** Throws TraceError for what is no condition, with the names that there are. */
export function parseCondition(text: string): Condition {
  const match = CONDITION.exec(text)
  if (!match) {
    throw new TraceError('usage', `--fail-if '${text}': give METRIC OP NUMBER, as in 'flushes-per-second > 20'`)
  }
  const [, name, operator, number, unit] = match
  const metric = Object.hasOwn(METRICS, name) ? METRICS[name] : null
  if (!metric) {
    throw new TraceError('usage', `--fail-if: no metric ${name}; there are ${Object.keys(METRICS).join(', ')}`)
  }
  const units: Readonly<Record<string, number>> = UNITS[metric.unit]
  if (unit !== '' && !Object.hasOwn(units, unit)) {
    const known = Object.keys(units).filter((word) => word !== '')
    throw new TraceError('usage', `--fail-if: ${name} is not measured in ${unit}; use ${known.join(', ')}`)
  }
  const bound = Number(number) * (unit === '' ? 1 : units[unit])
  return { text: text.trim(), metric, holdsFor: (measured) => OPERATORS[operator](measured, bound) }
}

/** `whole`: the answer is about the whole trace, not about a part of its time. Throws where a metric is unknown. */
export function measure({ text, metric, holdsFor }: Condition, answer: Answer, whole: boolean): ConditionResult {
  const measured = metric.ofSpan && !whole ? null : metric.measure(answer)
  if (measured === null) {
    const why =
      metric.ofSpan && !whole
        ? 'a rate is known for the whole trace only, without --since and --until'
        : 'the sources do not show it'
    throw new TraceError('condition/unknown', `--fail-if '${text}': cannot be checked: ${why}`)
  }
  return { condition: text, measured, unit: metric.unit, holds: holdsFor(measured) }
}
