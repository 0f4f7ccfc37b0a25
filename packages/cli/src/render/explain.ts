/** Where the time of flushes went: a sentence, the shares, the slowest ones in a table, and one of them step by step. */
import { lastPart, titleOf, type ExplainAnswer, type ExplainRow } from '@flushtrace/answers'
import { filterWords, gapNotes, note, readingNotes, sourceNotes, sourceWords, wrap } from './notes.ts'
import { fixedWidth, table } from './table.ts'
import { bytes, capital, count, duration, plural, safe, shorten } from './text.ts'

type PartKey = keyof ExplainRow['parts']

/** Key, words, head of the column. */
const PARTS_SHOWN: readonly [PartKey, string, string][] = [
  ['ownDataNs', 'own data', 'own'],
  ['othersDataNs', "other files' data", 'other'],
  ['journalNs', 'journal and trees', 'journal'],
  ['deviceFlushNs', 'device flushes', 'flush'],
  ['queueNs', 'queued', 'queue'],
  ['unseenNs', 'unseen', 'unseen'],
]
const STEPS_SHOWN = 24
const OTHERS_SHOWN = 4
const DIRTIERS_SHOWN = 3
const LEAST_OF_NAME = 6

export function renderExplain(answer: ExplainAnswer, paths: readonly string[], width: number): string {
  const { rows } = answer
  const lines = [...wrap(headline(answer), width), ...facts(answer).flatMap((text) => wrap(text, width))]
  if (rows.length > 1) lines.push('', ...rowTable(answer, width))
  if (rows.length > 0) lines.push('', ...timeline(rows[0], answer, width))
  const below = [
    ...note('others', otherNotes(answer), width),
    ...note('unseen', unseen(answer), width),
    ...note('notes', readingNotes(answer), width),
    ...note('sources', sourceNotes(answer), width),
    ...note('next', next(answer, paths), width),
  ]
  return [...lines, '', ...below, ''].join('\n')
}

function headline({ of, rows, summary, filter }: ExplainAnswer): string {
  const { flushes, processes, timed, tookNs, parts, limits } = summary
  const what = of === 'calls' ? 'flush' : 'flush request'
  if (flushes === 0) return `No ${what} here fits.`
  const n = flushes === 1 ? `One ${what}` : `${count(flushes)} ${what}${of === 'calls' ? 'es' : 's'}`
  const many = plural(processes, 'process', 'processes')
  const by =
    processes === 1
      ? ` of ${safe(titleOf(rows[0].process))} [${rows[0].process.pid ?? '?'}]`
      : filter.process === null
        ? ` by ${many}`
        : ` of ${safe(filter.process)} (${many})`
  const on = [filter.file, filter.device].filter((one) => one !== null)
  const who = `${by}${on.length > 0 ? ` on ${on.map(safe).join(' on ')}` : ''}`
  if (!tookNs) return `${n}${who}: this trace does not tell how long they took.`
  const known = timed < flushes ? ` (of ${count(timed)} the time is known)` : ''
  if (limits['no-block-trace'] > 0)
    return `${n}${who} took ${duration(tookNs.total)}${known}; no block trace tells why.`
  const most = PARTS_SHOWN.toSorted((a, b) => parts[b[0]] - parts[a[0]]).filter(([key]) => parts[key] > 0)
  const shares = most.map(([key, words]) => `${words} ${share(parts[key], tookNs.total)}`)
  return `${n}${who} took ${duration(tookNs.total)}${known}: ${shares.join(', ')}.`
}

function facts({ of, summary }: ExplainAnswer): string[] {
  const { flushes, tookNs, dataBytes, writes, deviceFlushes, empty, rode } = summary
  const lines: string[] = []
  if (tookNs && flushes > 1) {
    lines.push(`Each: p50 ${duration(tookNs.p50)}, p99 ${duration(tookNs.p99)}, max ${duration(tookNs.max)}.`)
  }
  if (of === 'calls' && dataBytes !== null && writes !== null && deviceFlushes !== null && flushes > 1) {
    lines.push(
      `On average: ${bytes(dataBytes)} of their own data, ${writes.toFixed(1)} block writes of all kinds, ${deviceFlushes.toFixed(1)} device cache flushes.`,
    )
  }
  if (empty > 0 && flushes > 1) lines.push(`${count(empty)} waited for nothing that this trace shows.`)
  if (rode > 0) lines.push(`${count(rode)} had nothing of their own to write and rode on a commit under way.`)
  return lines
}

/** Never rounded up to the whole, nor down to nothing. */
function share(part: number, whole: number): string {
  if (part === whole) return '100 %'
  const percent = Math.round((100 * part) / whole)
  return percent === 0 ? '<1 %' : `${Math.min(99, percent)} %`
}

function rowTable({ rows, rest, of }: ExplainAnswer, width: number): string[] {
  // A part that none of these has needs no column.
  const parts = PARTS_SHOWN.filter(([key]) => rows.some((row) => row.parts[key] > 0))
  const columns = [
    ...['N', 'at s', 'took', ...parts.map(([, , head]) => head)].map((head) => ({ head, align: 'right' as const })),
    { head: of === 'calls' ? 'call' : 'request', align: 'left' as const, flexible: true },
  ]
  const cells = rows.map((row) => [
    count(row.flush),
    row.atNs === null ? '' : (row.atNs / 1e9).toFixed(3),
    row.tookNs === null ? '' : duration(row.tookNs),
    ...parts.map(([key]) => (row.tookNs && row.parts[key] > 0 ? share(row.parts[key], row.tookNs) : '')),
    row.call,
  ])
  const room =
    width -
    fixedWidth(
      columns,
      cells.map((one) => ({ cells: one })),
    )
  // The name gives way, the call does not.
  const named = rows.map(({ call, path }, k) => {
    const name =
      path === null ? '' : ` ${shorten(safe(lastPart(path)), Math.max(LEAST_OF_NAME, room - call.length - 1))}`
    return { cells: [...cells[k].slice(0, -1), `${call}${name}`] }
  })
  const lines = table(columns, named, width)
  if (rest > 0) lines.push(` ${count(rest)} more (--top 0 shows all)`)
  return lines
}

/** One flush: what was queued, sent and done until it returned, in the order of time. */
function timeline(row: ExplainRow, { of, summary }: ExplainAnswer, width: number): string[] {
  const { process, tookNs, atNs, path } = row
  const who = `${safe(titleOf(process))} [${process.pid ?? '?'}]`
  const file = path === null ? '' : ` ${safe(path)}`
  const head = `${summary.flushes > 1 && summary.tookNs ? 'The slowest, flush' : 'Flush'} ${count(row.flush)}: ${row.call}${file}, by ${who}`
  if (tookNs === null || atNs === null) return wrap(`${head}: no time is known.`, width)
  const lines = wrap(`${head}, at ${(atNs / 1e9).toFixed(6)} s, ${duration(tookNs)}`, width)
  const queued = stepsOf(row)
  const pauses = row.moreBlockWrites > 0 || queued.length === 0 ? [] : pausesOf(queued, atNs, tookNs)
  const steps = [...queued, ...pauses].sort((a, b) => a.atNs - b.atNs)
  const [begins, ends] = of === 'calls' ? ['enters the call', 'returns'] : ['is queued', 'is done']
  const line = (ns: number, text: string): string =>
    shorten(`${`${ns < 0 ? '−' : '+'}${duration(Math.abs(ns))}`.padStart(9)}  ${text}`, width)
  const shown = steps.slice(0, STEPS_SHOWN).map((step) => ({ atNs: step.atNs - atNs, text: `  ${step.text}` }))
  const before = shown.filter((step) => step.atNs < 0)
  for (const step of before) lines.push(line(step.atNs, step.text))
  lines.push(line(0, begins))
  for (const step of shown.slice(before.length)) lines.push(line(step.atNs, step.text))
  const more = steps.length - shown.length + row.moreBlockWrites
  if (more > 0) lines.push(`${' '.repeat(13)}${count(more)} more (--json has the first 64 writes)`)
  if (steps.length === 0) lines.push(`${' '.repeat(13)}nothing that this trace shows`)
  lines.push(line(tookNs, ends))
  const sums = PARTS_SHOWN.filter(([key]) => row.parts[key] > 0).map(
    ([key, words]) => `${words} ${duration(row.parts[key])}`,
  )
  return [...lines, ...note(' = ', [sums.join(' + ')], width)]
}

interface Step {
  readonly atNs: number
  /** NaN: not seen. */
  readonly endNs: number
  readonly text: string
}

/** A pause that long, as a share of the call, is worth a line. */
const PAUSE = 0.2

/** Where nothing of the steps was under way for a good part of the call. */
function pausesOf(steps: readonly Step[], atNs: number, tookNs: number): Step[] {
  const pauses: Step[] = []
  let sinceNs = atNs
  for (const { atNs: nextNs, endNs } of [...steps, { atNs: atNs + tookNs, endNs: NaN }]) {
    if (nextNs - sinceNs >= PAUSE * tookNs) {
      pauses.push({
        atNs: sinceNs,
        endNs: nextNs,
        text: `nothing that this trace shows, for ${duration(nextNs - sinceNs)}`,
      })
    }
    sinceNs = Math.max(sinceNs, Number.isNaN(endNs) ? atNs + tookNs : endNs)
  }
  return pauses
}

/** Writes of one kind that follow one another, with no flush of a device between them, are one step. */
function stepsOf({ blockWrites, deviceFlushTimes }: ExplainRow): Step[] {
  const steps: Step[] = deviceFlushTimes.map(({ atNs, device, tookNs }) => ({
    atNs,
    endNs: atNs + tookNs,
    text: `  ${device} empties its cache: ${duration(tookNs)}`,
  }))
  const flushedBetween = (from: number, to: number): boolean =>
    deviceFlushTimes.some(({ atNs }) => atNs > from && atNs < to)
  let group: ExplainRow['blockWrites'] = []
  for (const write of blockWrites) {
    const [first] = group
    if (first && kindOf(first) === kindOf(write) && !flushedBetween(first.atNs, write.atNs)) group.push(write)
    else {
      if (first) steps.push(stepOf(group))
      group = [write]
    }
  }
  if (group.length > 0) steps.push(stepOf(group))
  return steps.sort((a, b) => a.atNs - b.atNs)
}

type Write = ExplainRow['blockWrites'][number]

function kindOf({ role, rwbs, what, path, pid, tookNs }: Write): string {
  return [role, rwbs, what, path, pid, tookNs === null].join(' ')
}

function stepOf(group: readonly Write[]): Step {
  const [{ atNs, role, what, path, comm, pid, rwbs, tookNs }] = group
  const words = {
    ownData: 'own data',
    othersData: path === null ? 'data of unknown files' : `data of ${safe(lastPart(path))}`,
    journal: what,
    deviceFlush: 'cache flush asked for',
  }[role]
  const many = group.length > 1 ? `${count(group.length)} × ` : ''
  const total = group.reduce((sum, write) => sum + write.bytes, 0)
  const size = total > 0 ? ` ${bytes(total)}` : ''
  const doneNs = Math.max(...group.map((write) => write.atNs + (write.tookNs ?? 0))) - atNs
  const end = tookNs === null ? 'end not seen' : duration(doneNs)
  return {
    atNs,
    endNs: tookNs === null ? NaN : atNs + doneNs,
    text: `${many}${rwbs}${size} ${words}: ${end} · ${safe(comm ?? 'unknown')} [${pid ?? '?'}]`,
  }
}

function otherNotes({ summary: { others } }: ExplainAnswer): string[] {
  const shown = others
    .slice(0, OTHERS_SHOWN)
    .map(
      ({ path, bytes: n, flushes, processes }) =>
        `${bytes(n)} of ${path === null ? 'unknown files' : safe(path)}${dirtiedBy(processes)} was written in commits that ${plural(flushes, 'flush', 'flushes')} waited for.`,
    )
  if (others.length > shown.length) shown.push(`And of ${others.length - shown.length} more.`)
  return shown
}

function dirtiedBy(processes: ExplainAnswer['summary']['others'][number]['processes']): string {
  if (processes.length === 0) return ''
  const named = processes.slice(0, DIRTIERS_SHOWN).map(({ pid, name }) => `${safe(name ?? 'unknown')} [${pid ?? '?'}]`)
  const more = processes.length - named.length
  return `, made dirty by ${named.join(', ')}${more > 0 ? ` and ${count(more)} more` : ''},`
}

const RULE_WORDS: Readonly<Record<string, string>> = {
  'no-duration': 'how long they took: record with -T.',
  'no-block-trace': 'what happened below the calls: record a block trace beside them (flushtrace recipe).',
  'block-trace-not-aligned': 'which requests belong to which call: the block trace has no time to place it by.',
  'outside-block-trace': 'what the disk did: the block trace is of another time.',
  'device-unknown': 'on which device the file lies: only what the call itself queued is counted.',
  'every-device': 'what disks that are not in the trace did: sync waits for all of them.',
  'end-not-seen': 'the end of some requests: they count as long as the call at most.',
}

function unseen(answer: ExplainAnswer): string[] {
  const { limits, flushes } = answer.summary
  const lines = Object.entries(RULE_WORDS).flatMap(([rule, words]) => {
    const n = limits[rule] ?? 0
    return n === 0 ? [] : [n < flushes ? `Of ${plural(n, 'flush', 'flushes')}: ${words}` : capital(words)]
  })
  if (answer.of === 'requests') lines.push('Which calls asked for these: record strace beside the block trace.')
  else if (answer.summary.parts.unseenNs > 0) {
    lines.push('Locks, the processor, and the tracer itself, which stops every call: that time is in “unseen”.')
  }
  return [...lines, ...gapNotes(answer)]
}

function next({ rows, of, filter }: ExplainAnswer, paths: readonly string[]): string[] {
  const sources = sourceWords(paths)
  if (rows.length === 0) return [`flushtrace rank ${sources}`]
  const filters = of === 'calls' ? filterWords(filter) : filterWords(filter, 'process', 'file')
  const by = of === 'requests' ? 'device' : filter.file === null ? 'file' : 'process'
  const lines = rows.length > 1 ? [`flushtrace explain ${sources} --flush ${rows[1].flush}`] : []
  return [...lines, `flushtrace rank ${sources} --by ${by}${filters}`]
}
