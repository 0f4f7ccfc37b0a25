/** What each source is, what was read of it and what it cannot show. */
import type { InspectAnswer } from '@flushtrace/answers'
import { CALL_KINDS, commonFolder, gapNotes, note, readingNotes, wrap } from './notes.ts'
import { table } from './table.ts'
import { bytes, capital, count, duration, listed, plural, safe } from './text.ts'

const CALLS_SHOWN = 12
const SKIPPED_SHOWN = 8
const COPY = 'a copy of '
const BLOCK_KINDS: ReadonlySet<string> = new Set(['blktrace', 'blkparse', 'tracefs'])

export function renderInspect(answer: InspectAnswer, width: number): string {
  const read = answer.sources.filter(({ kind }) => kind !== 'unknown')
  const time = answer.spanNs > 0 ? ` over ${duration(answer.spanNs)}` : ''
  const start = answer.startedAt ? `, from ${answer.startedAt}` : ''
  // Block traces alone: who asked for a request is none of the processes that are followed.
  const called = answer.tasks > 0 || answer.sources.some(({ kind }) => CALL_KINDS.has(kind))
  const who = called ? `: ${plural(answer.processes, 'process', 'processes')}, ${plural(answer.tasks, 'task')}` : ''
  const folder = commonFolder(answer.sources.map(({ path }) => path))
  const place = folder === '' ? '' : ` in ${safe(folder)}`
  const headline = `${plural(read.length, 'source')}${place}${time}${start}${who}.`
  const lines = [
    ...wrap(capital(headline), width),
    '',
    ...table(
      [
        { head: 'kind', align: 'left' },
        { head: 'size', align: 'right' },
        { head: 'lines', align: 'right' },
        { head: 'used', align: 'right' },
        { head: 'damaged', align: 'right' },
        { head: 'clock', align: 'left' },
        { head: 'source', align: 'left', flexible: true },
      ],
      read.map((source) => {
        const row = answer.rows.find(({ path }) => path === source.path)
        const how = row ? detailsOf(row) : []
        return {
          cells: [
            source.kind,
            source.bytes === null ? '' : bytes(source.bytes),
            count(source.records),
            count(source.used),
            damagedOf(row),
            row && row.clock !== 'none' ? row.clock : '',
            safe(source.path.slice(folder.length)),
          ],
          below: how,
        }
      }),
      width,
    ),
    '',
    ...stackLines(answer, width),
    ...note('images', imageNotes(answer), width),
    ...note('calls', callNotes(answer), width),
    ...note('actions', actionNotes(answer, folder), width),
    ...note('clocks', clockNotes(answer, folder), width),
    ...note('order', orderNotes(answer), width),
    ...note('lines', lineNotes(answer), width),
    ...note('skipped', skippedNotes(answer), width),
    ...note('unseen', gapNotes(answer), width),
    ...note('notes', readingNotes(answer), width),
    '',
  ]
  return lines.join('\n')
}

type InspectRow = InspectAnswer['rows'][number]

function damagedOf(row: InspectRow | undefined): string {
  const damaged = row?.lines?.damaged ?? row?.facts?.damaged
  return typeof damaged === 'number' ? count(damaged) : ''
}

/** A line per device, those that lie on it below it. */
function stackLines({ stack }: InspectAnswer, width: number): string[] {
  if (stack.length === 0) return []
  const traced = stack.some(({ remaps }) => remaps !== null)
  const rows = stack.map(
    ({ depth, device, name, kind, bytes: size, startBytes, remaps, fs, mountpoints, file, fileOffset }) => {
      const holds = [
        fs ?? '',
        ...mountpoints.map(safe),
        file === null ? '' : `in ${safe(file)}${fileOffset ? ` from byte ${count(fileOffset)}` : ''}`,
      ].filter((text) => text !== '')
      const start = startBytes === null ? (depth > 0 ? '?' : '') : `+${count(startBytes / 512)}`
      const label = `${'  '.repeat(depth)}${safe(name ?? device)}`
      const seen = traced ? [remaps === null ? '' : count(remaps)] : []
      return {
        cells: [label, device, safe(kind ?? ''), size === null ? '' : bytes(size), start, ...seen, holds.join(' ')],
      }
    },
  )
  const columns = [
    { head: 'device', align: 'left' },
    { head: 'number', align: 'left' },
    { head: 'type', align: 'left' },
    { head: 'size', align: 'right' },
    { head: 'sector', align: 'right' },
    ...(traced ? [{ head: 'sent down', align: 'right' } as const] : []),
    { head: 'holds', align: 'left', flexible: true },
  ] as const
  return [...table(columns, rows, width), '']
}

function imageNotes({ images }: InspectAnswer): string[] {
  return images.map(({ source, path, depth, guestBytes, device, mappedBytes, pieceCount }) => {
    const file = path ?? `${depth === 0 ? 'the image' : `backing file ${depth}`} of ${source}`
    const place = device === null ? '' : `, on ${device}`
    const guest = guestBytes === null ? "a guest's disk" : `a guest's disk of ${bytes(guestBytes)}`
    return `${safe(file)}${place}: ${bytes(mappedBytes)} of ${guest}, in ${plural(pieceCount, 'piece')}.`
  })
}

function detailsOf({ kind, options, devices, lost, facts }: InspectRow): string[] {
  if (kind === 'layout') {
    const when = facts?.when
    return [
      `${options.map(safe).join(' ')}${typeof when === 'string' && when !== 'unknown' ? `, ${when} the trace` : ''}`,
    ]
  }
  return [
    ...(options.length > 0 ? [`recorded with ${options.map(safe).join(' ')}`] : []),
    ...(devices.length > 0 ? [`devices ${listed(devices)}`] : []),
    ...(lost ? [`${count(lost)} events lost`] : []),
  ]
}

/** By kind of source: several that saw the same calls are not added up. */
function callNotes({ rows }: InspectAnswer): string[] {
  const byKind = new Map<string, Map<string, number>>()
  for (const { kind, calls } of rows) {
    if (!CALL_KINDS.has(kind)) continue
    const sums = byKind.get(kind) ?? new Map<string, number>()
    byKind.set(kind, sums)
    for (const [call, n] of Object.entries(calls)) sums.set(call, (sums.get(call) ?? 0) + n)
  }
  const agrees = rows.some((row) => row.summaryAgrees === true) ? ' The table of -C counts the same.' : ''
  return [...byKind].map(([kind, sums]) => {
    const label = byKind.size > 1 ? `${kind}: ` : ''
    return `${label}${sumsText(sums)}.${kind === 'strace' ? agrees : ''}`
  })
}

function sumsText(sums: ReadonlyMap<string, number>): string {
  const all = [...sums].sort((a, b) => b[1] - a[1])
  const total = all.reduce((sum, [, n]) => sum + n, 0)
  if (total === 0) return 'none'
  const shown = all.slice(0, CALLS_SHOWN).map(([call, n]) => `${safe(call)} ${count(n)}`)
  const others = all.length > CALLS_SHOWN ? `, ${all.length - CALLS_SHOWN} other kinds` : ''
  return `${count(total)} in all: ${shown.join(', ')}${others}`
}

/** What block traces hold, each for itself: several of one device tell the same requests. */
function actionNotes({ rows }: InspectAnswer, folder: string): string[] {
  return rows
    .filter(({ kind, calls }) => BLOCK_KINDS.has(kind) && Object.keys(calls).length > 0)
    .map(({ path, calls }) => `${safe(path.slice(folder.length))}: ${sumsText(new Map(Object.entries(calls)))}.`)
}

const ALIGNED = {
  wall: 'by its own clock',
  note: 'by the wall-clock note in it',
  given: 'as given with --clock',
  data: 'by what it shares with the others',
} as const

const SAME_CLOCK = 'by its clock, which is that of a block trace (trace_clock)'

/** How sources whose own clock does not place them came to stand on the timeline, or did not. */
function clockNotes({ clocks, rows }: InspectAnswer, folder: string): string[] {
  const onTimeline = ({ aligned, offsetNs }: ClockRow): boolean =>
    aligned === 'wall' || (aligned === 'none' && offsetNs !== null)
  const told = clocks.filter((row) => row.clock !== 'none' && !onTimeline(row))
  return told.map((row) => {
    const apart =
      row.apart && row.apart.offsetNs !== null ? `; beside other block traces ${alignmentOf(row.apart)}` : ''
    const part = row.aligned === 'none' ? coverage(rows, row.source) : ''
    return `${safe(row.source.slice(folder.length))}: ${alignmentOf(row)}${part}${apart}.`
  })
}

type ClockRow = InspectAnswer['clocks'][number]

/** Of a block trace beside calls of a small part of its time: they can't have much in common. */
function coverage(rows: InspectAnswer['rows'], source: string): string {
  const span = rows.find(({ path }) => path === source)?.spanNs ?? 0
  const calls = Math.max(0, ...rows.map(({ kind, spanNs }) => (CALL_KINDS.has(kind) ? (spanNs ?? 0) : 0)))
  return calls > 0 && calls < span / 10 ? `; the calls cover ${duration(calls)} of its ${duration(span)}` : ''
}

function alignmentOf(row: Omit<ClockRow, 'source' | 'clock' | 'apart'>): string {
  const { aligned, offsetNs, matched, residualNs, driftPpm, driftResidualPpm, confidence } = row
  const found = plural(matched ?? 0, 'event')
  if (aligned === 'none' && !matched) return 'not aligned: nothing in common with the others'
  if (aligned === 'none')
    return `not aligned: where it fits the others best, ${matched === 1 ? 'one event agrees' : `${found} agree`}, within ${duration(residualNs ?? 0)}: too little to be sure`
  const drift =
    driftPpm === null ? '' : `, clock ${Math.abs(driftPpm).toFixed(1)} ppm ${driftPpm > 0 ? 'slow' : 'fast'}`
  const outside =
    driftResidualPpm === null ? '' : ` (before and after them ${duration(driftResidualPpm * 1e3)} more each second)`
  const sure =
    aligned === 'data'
      ? ` (${found} in common, within ${duration(residualNs ?? 0)}${outside}${drift}, confidence ${confidence?.toFixed(2)})`
      : ''
  const from = offsetNs ?? 0
  const begins = from < 0 ? `${duration(-from)} before the start` : `at ${duration(from)}`
  const byNotes =
    matched === null ? SAME_CLOCK : `by ${plural(matched, 'clock note')}, within ${duration(residualNs ?? 0)}`
  // A note in the trace itself leaves nothing open.
  const by = aligned === 'note' && residualNs !== null ? byNotes : ALIGNED[aligned]
  return `aligned ${by}, begins ${begins}${sure}`
}

/** What putting events in order takes: a call is told when it returns. */
function orderNotes({ order: { held, events, behindNs, late } }: InspectAnswer): string[] {
  if (events === 0) return []
  const beyond = late === 0 ? '' : `; ${plural(late, 'event')} came later than that`
  return [
    `Some stand up to ${plural(events, 'event')} and ${duration(behindNs)} behind later ones; ${count(held)} are held to put them in order${beyond}.`,
  ]
}

/** How the lines add up: nothing is lost silently. */
function lineNotes({ rows }: InspectAnswer): string[] {
  const sum = { total: 0, used: 0, counted: 0, signals: 0, exits: 0, notes: 0, foreign: 0, damaged: 0 }
  for (const { lines } of rows) {
    if (lines) for (const key of Object.keys(sum) as (keyof typeof sum)[]) sum[key] += lines[key]
  }
  if (sum.total === 0) return []
  const { total, used, counted, signals, exits, notes, foreign, damaged } = sum
  return [
    `${count(total)} = ${count(used)} used + ${count(counted)} counted by name + ${count(signals)} signals + ${count(exits)} exits` +
      ` + ${count(notes)} notes + ${count(foreign)} of something else + ${count(damaged)} damaged.`,
  ]
}

function skippedNotes({ rows }: InspectAnswer): string[] {
  const skipped = rows.filter(({ kind }) => kind === 'unknown')
  if (skipped.length === 0) return []
  const folder = commonFolder(rows.map(({ path }) => path))
  const each = skipped.map(({ path, skipped: what = '' }) => {
    const original = what.startsWith(COPY) ? COPY + what.slice(COPY.length + folder.length) : what
    return `${safe(path.slice(folder.length))} (${safe(original)})`
  })
  return [`${plural(skipped.length, 'file')} not read: ${listed(each, SKIPPED_SHOWN)}.`]
}
