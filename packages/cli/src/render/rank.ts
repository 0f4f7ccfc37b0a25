/** The rank answer as a colleague would give it: a sentence, the table, what stands behind it, what to ask next. */
import { shellWord, titleOf, type RankAnswer } from '@flushtrace/answers'
import { CALL_KINDS, filterWords, gapNotes, note, readingNotes, sourceNotes, sourceWords, wrap } from './notes.ts'
import { patternText } from './rank-patterns.ts'
import { deviceTable, rankTable, spanOf } from './rank-table.ts'
import { bytes, capital, count, duration, inWords, listed, plural, rate, safe } from './text.ts'

export function renderRank(answer: RankAnswer, paths: readonly string[], width: number): string {
  const lines = [headline(answer), ...remarks(answer)].flatMap((text) => wrap(text, width))
  if (answer.rows.length > 0) {
    lines.push('', ...(answer.by === 'device' ? deviceTable(answer, width) : rankTable(answer, width)))
  }
  const below = [
    ...note('pattern', answer.patterns.map(patternText), width),
    ...note('unseen', unseen(answer), width),
    ...note('notes', readingNotes(answer), width),
    ...note('sources', sourceNotes(answer), width),
    ...note('next', next(answer, paths), width),
  ]
  return [...lines, '', ...below, ''].join('\n')
}

function headline(answer: RankAnswer): string {
  const { total, sources } = answer
  const spanNs = spanOf(answer)
  const time = windowOf(answer.filter) || (spanNs > 0 ? ` in ${duration(spanNs)}` : '')
  const n = total.flushes.total
  if (n === 0 && total.block && !hasCalls(answer)) return blockHeadline(total.block, time)
  const table = sources.find(({ kind }) => kind === 'strace-summary')
  if (n === 0 && table && sources.every(({ kind }) => kind === 'strace-summary' || !CALL_KINDS.has(kind)))
    return `Of calls there is a table of strace -c alone: flushtrace rank ${sourceWords([table.path])}`
  if (n === 0) return noFlush(answer, time)
  const often = spanNs > 0 ? ` (${rate(n, spanNs)} a second)` : ''
  // One guess among many facts is told in its row; sysdig names no file of any flush.
  const named = total.confidence === 'exact' || sources.some(({ kind }) => kind === 'strace')
  const sure = named || total.confidence === 'unknown' ? '' : ' (inferred: the trace names none)'
  const known = total.unnamedFlushes > 0 ? 'known file' : 'file'
  const files = total.files > 0 ? ` on ${plural(total.files, known)}${sure}` : ''
  const flushes = n === 1 ? 'One flush' : `${count(n)} flushes`
  if (total.processes === 0) return `${flushes}${time}${often}.`
  const kinds = Object.keys(total.flushes.byCall)
  const which = kinds.length === 1 && n > 1 ? `, all ${kinds[0]}${total.processes === 1 ? '' : ','}` : ''
  const processes = plural(total.processes, 'process', 'processes')
  const [program] = answer.programs ?? []
  const alike = answer.programCount === 1 && program.program !== null ? `, all ${safe(program.program)}` : ''
  const who = total.processes === 1 ? `${n > 1 ? ', all' : ''} by one process` : ` by ${processes}${alike}`
  const comma = files !== '' && who.includes(', all') ? ',' : ''
  return `${flushes}${time}${often}${which}${who}${comma}${files}${mostOf(answer)}.`
}

/** A program that flushes less is not what the answer is about. */
const WORTH_NAMING = 1 / 4

type Program = NonNullable<RankAnswer['programs']>[number]

/** The program that stands out among those of several processes. */
function leader({ total, programs }: RankAnswer): Program | null {
  const [first, second] = programs ?? []
  if (total.processes <= 1 || !first || first.flushes === second?.flushes) return null
  return first.flushes < total.flushes.total * WORTH_NAMING ? null : first
}

/** Whether one process of it flushed more than all others together. */
function isOne({ flushes, most }: Program): boolean {
  return most.flushes * 2 > flushes
}

function mostOf(answer: RankAnswer): string {
  const leading = leader(answer)
  if (!leading) return ''
  const { program, processes, flushes, most } = leading
  const n = answer.total.flushes.total
  if (isOne(leading))
    return `; ${percent(most.flushes, n)} by ${safe(titleOf(most.process))} [${most.process.pid ?? '?'}]`
  if (answer.programCount === 1 || program === null) return ''
  return `; ${percent(flushes, n)} by ${safe(program)} (${plural(processes, 'process', 'processes')})`
}

/** What was filtered out, lost or done by io_uring may have flushed: no more is claimed than was seen. */
function noFlush(
  { total: { written, block }, filter: { process, file, device }, diagnostics }: RankAnswer,
  time: string,
): string {
  const wrote =
    written.calls > 0
      ? `; ${count(written.calls)} ${written.calls === 1 ? 'write' : 'writes'}${amount(written.bytes)}`
      : ''
  const part = (word: string, text: string | null): string => (text === null ? '' : ` ${word} ${safe(text)}`)
  const asked = `${part('of', process)}${part('on', file)}${part('on', device)}`
  if (asked !== '') return `No flush${asked} was seen${time}${wrote}.`
  if (block?.flushes) return `No flush call was seen${time}${wrote}; who else asked the disks is in the table.`
  return diagnostics.every(({ severity }) => severity === 'info')
    ? `No flush${time}: nothing here made data durable${wrote}.`
    : `No flush was seen${time}${wrote}; the trace does not show everything (see unseen).`
}

/** From --since to --until, as given. */
function windowOf({ since, until }: RankAnswer['filter']): string {
  const told = (word: string, text: string | null): string =>
    text === null ? '' : ` ${word} ${safe(text)}${/^[\d.]+$/.test(text) ? ' s' : ''}`
  return `${told('since', since)}${told('until', until)}`
}

/** Where the sources hold block requests and no flush call. */
function blockHeadline(block: NonNullable<RankAnswer['total']['block']>, time: string): string {
  const { writes, bytes: sent, flushes } = block
  if (writes === 0 && !flushes) return `No block write and no flush request${time}.`
  return `${count(writes)} block ${writes === 1 ? 'write' : 'writes'} of ${bytes(sent)} in all${requestsOf(block)}${time}.`
}

function requestsOf({ flushes, fua }: NonNullable<RankAnswer['total']['block']>): string {
  return flushes === null ? '' : `, ${plural(flushes, 'flush request')} and ${plural(fua ?? 0, 'FUA write')}`
}

function hasCalls({ sources }: RankAnswer): boolean {
  return sources.some(({ kind }) => CALL_KINDS.has(kind))
}

/** Never rounded up to the whole. */
function percent(part: number, whole: number): string {
  return `${part === whole ? 100 : Math.min(99.9, Math.round((1000 * part) / whole) / 10)} %`
}

function amount(n: number | null): string {
  return n === null ? '' : ` of ${bytes(n)} in all`
}

/** What the table cannot say at a glance. */
function remarks(answer: RankAnswer): string[] {
  const { total } = answer
  const lines: string[] = []
  const { calls } = total.written
  const { block } = total
  if (block && hasCalls(answer)) {
    const longer = answer.diagnostics.some(({ code }) => code === 'block/longer')
    const got = longer ? 'In a longer time (see unseen) the disks got' : 'For the disks that was'
    lines.push(`${got} ${bytes(block.bytes)} in ${plural(block.writes, 'write')}${requestsOf(block)}.`)
  }
  if (total.mapped.files > 0 && total.flushes.total >= 10 && calls * 10 < total.flushes.total) {
    lines.push(
      `${calls === 0 ? 'No' : `Only ${count(calls)}`} write ${calls < 2 ? 'call' : 'calls'} in that time: data reaches these files through shared mappings.`,
    )
  }
  if (total.unnamedFlushes > 0 && total.files > 0) {
    lines.push(`The trace does not name the files of ${plural(total.unnamedFlushes, 'flush', 'flushes')}.`)
  }
  if (total.failed.total > 0) {
    const errnos = Object.entries(total.failed.byErrno)
      .sort((a, b) => b[1] - a[1])
      .map(([errno, n]) => `${count(n)} ${safe(errno)}`)
    const failed = `${plural(total.failed.total, 'flush', 'flushes')} failed`
    lines.push(capital(`${failed}${errnos.length > 0 ? ': ' : ''}${listed(errnos)}.`))
  }
  return lines
}

function unseen(answer: RankAnswer): string[] {
  const { mapped, mappingProcesses } = answer.total
  const before = mapped.before > 0 ? `, ${inWords(mapped.before)} of them only before the trace (saved /proc)` : ''
  const lines: string[] = []
  if (mapped.files > 0) {
    lines.push(
      `Stores into ${plural(mapped.files, 'file')} mapped writable by ${plural(mappingProcesses, 'process', 'processes')} (up to ${bytes(mapped.bytesUpperBound)})${before}: a block trace shows what of it reaches the disk.`,
    )
  }
  const { unknown } = answer.total.written
  if (unknown.calls > 0) {
    lines.push(
      capital(
        `${plural(unknown.calls, 'write')} (${bytes(unknown.bytes)}) went to descriptors that the trace does not name: files, sockets or pipes.`,
      ),
    )
  }
  lines.push(...gapNotes(answer))
  const kinds: ReadonlySet<string> = new Set(answer.sources.map(({ kind }) => kind))
  if (kinds.has('strace') && !answer.total.block)
    lines.push('What untraced processes and kernel threads did: record block requests, too (flushtrace recipe).')
  else if (kinds.has('strace') && !['scap', 'sysdig-text', 'sysdig-json'].some((kind) => kinds.has(kind)))
    lines.push('Calls of programs that strace did not follow: sysdig records those of all.')
  return lines
}

function next(answer: RankAnswer, paths: readonly string[]): string[] {
  const sources = sourceWords(paths)
  const lines: string[] = []
  const read = answer.sources.filter(({ kind }) => kind !== 'unknown')
  if (read.every(({ kind }) => kind === 'strace-summary'))
    return ['record with -C instead of -c to keep the calls themselves']
  const { filter } = answer
  if (answer.total.flushes.total === 0) lines.push(`flushtrace inspect ${sources}`)
  else if (answer.by !== 'file') lines.push(`flushtrace rank ${sources} --by file${filterWords(filter)}`)
  else lines.push(`flushtrace rank ${sources} --by process${filterWords(filter, 'process')}`)
  const leading = leader(answer)
  const pid = answer.rows.find((row) => row.process)?.process?.pid
  const who = leading?.program && !isOne(leading) ? leading.most.process.name : pid
  const { block } = answer.total
  if (block && block.writes + (block.flushes ?? 0) > 0) lines.push(`flushtrace locate ${sources}${filterWords(filter)}`)
  if (who && answer.total.flushes.total > 0) {
    lines.push(
      `flushtrace ${block ? 'explain' : 'events'} ${sources} --process ${shellWord(safe(String(who)))}${filterWords(filter, 'process')}`,
    )
  }
  return lines
}
