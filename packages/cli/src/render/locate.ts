/** The locate answer as a colleague would give it: where the bytes went, the table, how it is known, what to ask next. */
import {
  lastPart,
  type LocateAnswer,
  type LocateRow,
  type LocatedWrite,
  type LocateSectorAnswer,
} from '@flushtrace/answers'
import { filterWords, gapNotes, note, readingNotes, sourceNotes, sourceWords, wrap } from './notes.ts'
import { table, type Column, type TableRow } from './table.ts'
import { bytes, capital, count, plural, safe } from './text.ts'

export function renderLocate(answer: LocateAnswer, paths: readonly string[], width: number): string {
  const lines = [headline(answer), ...remarks(answer)].flatMap((text) => wrap(text, width))
  if (answer.rows.length > 0)
    lines.push(
      '',
      ...table(
        COLUMNS,
        answer.rows.map((row) => tableRow(row, answer)),
        width,
      ),
    )
  if (answer.rest) {
    const { rows, writes, bytes: sent, discardBytes } = answer.rest
    const discarded = discardBytes > 0 ? `, ${bytes(discardBytes)} discarded` : ''
    lines.push(
      `${plural(rows, 'more row')}: ${plural(writes, 'write')}, ${bytes(sent)}${discarded} (--top 0 shows all)`,
    )
  }
  const below = [
    ...note('located', located(answer), width),
    ...note('unseen', unseen(answer), width),
    ...note('notes', readingNotes(answer), width),
    ...note('sources', sourceNotes(answer), width),
    ...note('next', next(answer, paths), width),
  ]
  return [...lines, '', ...below, ''].join('\n')
}

const COLUMNS: readonly Column[] = [
  { head: 'bytes', align: 'right' },
  { head: 'writes', align: 'right' },
  { head: 'sure', align: 'left' },
  { head: 'file, and who made it dirty', align: 'left', flexible: true },
]

const WHATS: Readonly<Record<LocateRow['what'], string>> = {
  file: 'file data',
  journal: 'journal',
  metadata: 'metadata',
  superblock: 'superblock',
  free: 'free space (discards)',
  swap: 'swap',
  unknown: 'unknown',
}

function headline({ total, devices, located: { dataBytes }, filter }: LocateAnswer): string {
  if (total.bytes === 0)
    return total.discards > 0 ? 'No block write; only discards.' : `No block write ${leftBy(filter)}.`
  const written = writtenTo(devices)
  const [first] = written
  const where =
    written.length === 1
      ? `${first.name ? `${safe(first.name)} (${first.device}${first.fs ? `, ${first.fs}` : ''})` : `${first.device}${first.fs ? ` (${first.fs})` : ''}`}`
      : plural(written.length, 'device')
  const rest = (['journal', 'metadata', 'superblock', 'swap'] as const)
    .map((what) => ({ what, n: total.byWhat[what]?.bytes ?? 0 }))
    .filter(({ n }) => n > 0)
    .map(({ what, n }) => `${bytes(n)} of ${WHATS[what]}`)
  const inAll = `${bytes(total.bytes)} went to ${where} in ${count(total.writes)} ${total.writes === 1 ? 'write' : 'writes'}`
  if (!isDataTold(total)) return `${inAll}: nothing here tells file data from metadata.`
  // f2fs marks not all that it writes for itself.
  const hidden = (total.byWhat.unknown?.bytes ?? 0) > 0 && written.some(({ fs }) => fs === 'f2fs')
  const parts = [dataBytes > 0 ? `${hidden ? 'up to ' : ''}${bytes(dataBytes)} of file data` : 'no file data', ...rest]
  const last = parts.length > 1 ? ` and ${parts.pop()}` : ''
  return `${inAll}: ${parts.join(', ')}${last}.`
}

/** Where no request is marked as metadata and no file is known (zfs, a guest's disk), the rest is not data for certain. */
function isDataTold({ byWhat }: LocateAnswer['total']): boolean {
  return Object.entries(byWhat).some(([what, { bytes: n }]) => n > 0 && what !== 'unknown')
}

/** Where nothing is left, it may be for the filters. */
function leftBy(filter: LocateAnswer['filter']): string {
  const asked = Object.entries(filter).flatMap(([flag, text]) => (text === null ? [] : [`--${flag} ${safe(text)}`]))
  return asked.length > 0 ? `is left by ${asked.join(' ')}` : 'in these traces'
}

function remarks({ total, located: { dataBytes }, witnesses, diagnostics }: LocateAnswer): string[] {
  const lines: string[] = []
  const amplified = dataBytes > 0 && isDataTold(total) ? ratio(total.bytes / dataBytes) : null
  const asked = `${plural(total.flushes, 'flush request')} and ${plural(total.fua, 'FUA write')}`
  if (amplified !== null)
    lines.push(`That is ${amplified} bytes on the device for each byte of file data, and ${asked}.`)
  else if (total.bytes > 0) lines.push(`With it came ${asked}.`)
  const { writtenBytes } = total
  const longer = diagnostics.some(({ code }) => code === 'block/longer')
  if (witnesses.calls && writtenBytes !== null && writtenBytes > 0 && dataBytes > 0 && isDataTold(total) && !longer) {
    lines.push(
      `Programs wrote ${bytes(writtenBytes)} to these files by calls: ${ratio(total.bytes / writtenBytes)} bytes on the device for each.`,
    )
  }
  if (total.discards > 0) {
    const ofFiles = total.fileDiscardBytes
    const part = ofFiles > 0 ? `, of which ${bytes(ofFiles)} are known to have been files’` : ''
    lines.push(`${plural(total.discards, 'discard')} gave back ${bytes(total.discardBytes)}${part}.`)
  }
  if (total.zeroes > 0) {
    lines.push(`${bytes(total.zeroedBytes)} were zeroed by ${plural(total.zeroes, 'request')} that carry no data.`)
  }
  return lines.map(capital)
}

/** A disk that only empties its cache for a partition is not where the bytes went. */
function writtenTo(devices: LocateAnswer['devices']): LocateAnswer['devices'] {
  return devices.filter(({ bytes: sent }) => sent > 0)
}

function ratio(n: number): string {
  return n >= 100 ? count(n) : n.toFixed(n >= 10 ? 0 : 1)
}

function tableRow(row: LocateRow, { devices }: LocateAnswer): TableRow {
  const device = writtenTo(devices).length > 1 ? ` on ${row.device}` : ''
  const free = row.what === 'free'
  const size = free ? row.discardBytes + row.zeroedBytes : row.bytes
  const requests = free ? row.discards + row.zeroes : row.writes
  return { cells: [bytes(size), count(requests), sure(row), `${title(row)}${device}`], below: below(row) }
}

function title({ what, file, candidates, image, bytes: whole, zeroes }: LocateRow): string {
  if (what === 'unknown' && whole === 0) return 'flush requests without data'
  if (candidates) return `one of ${plural(candidates.length, 'file')}`
  if (zeroes > 0) return 'zeroed, without data'
  if (!file) return WHATS[what]
  const name = file.path === null ? inodeText(file) : safe(file.path)
  if (what === 'unknown') return `${name}, a file or a directory`
  const inside = image === undefined ? '' : `, in ${safe(image)}`
  return `${what === 'free' ? 'discarded: ' : ''}${name}${file.deleted ? ' (deleted)' : ''}${inside}`
}

/** btrfs counts inodes in each subvolume; the top one needs no name. */
function inodeText({ inode, root }: NonNullable<LocateRow['file']>): string {
  return `inode ${inode ?? '?'}${root === null || root === TOP ? '' : ` of subvolume ${root}`}`
}
const TOP = 5

/** The weakest word that a share worth speaking of has. */
function sure({ confidence, bytes: whole }: LocateRow): string {
  if (whole === 0) return ''
  const words = (['unknown', 'ambiguous', 'inferred', 'snapshot', 'exact'] as const).filter(
    (word) => confidence[word] > 0,
  )
  if (words.length === 1) return words[0]
  const most = [...words].sort((a, b) => confidence[b] - confidence[a])[0]
  return `${Math.floor((100 * confidence[most]) / whole)} % ${most}`
}

const VIAS = { direct: 'direct', flush: '', writeback: 'by writeback' } as const

function below(row: LocateRow): string[] {
  if (row.what === 'free') return givenBackBy(row)
  const { what, processes, candidates, flushes, fua } = row
  // What the file system writes for itself nobody made dirty: it was written for a flush.
  const own = what === 'journal' || what === 'metadata' || what === 'superblock'
  const all = processes.map(({ pid, name, via, bytes: dirtied }) => {
    // It asked for the file to be safe, and dirtied none of what was written.
    const only = what === 'file' && via === 'flush' && dirtied === 0 && flushes > 0
    const said = only ? 'flush requests only' : VIAS[via]
    const how = said === '' || own ? '' : `, ${said}`
    return `${own ? 'for the flushes of ' : ''}${safe(name ?? '?')} [${pid ?? '?'}]${how}`
  })
  // The same process in two ways that need not be told apart here.
  const each = [...new Set(all)]
  const shown = each.slice(0, 3)
  if (each.length > 3) shown.push(`${each.length - 3} more`)
  shown.push(...kernelThreadsOf(row))
  if (candidates) shown.unshift(...candidates.slice(0, 4).map((path) => safe(lastPart(path))))
  if (flushes + fua > 0)
    shown.push(
      [...(flushes > 0 ? [plural(flushes, 'flush request')] : []), ...(fua > 0 ? [`${count(fua)} FUA`] : [])].join(
        ', ',
      ),
    )
  return shown
}

/** Who took the blocks from the file, or queued the discards, with what each gave back. */
function givenBackBy({ processes, kernelThreads }: LocateRow): string[] {
  const parts = processes.slice(0, 3).map(({ pid, name, via, bytes: given }) => {
    const who = `${safe(name ?? '?')} [${pid ?? '?'}]`
    return via === 'writeback' ? `freed by ${who}` : `${who}, ${bytes(given)}`
  })
  if (processes.length > 3) parts.push(`${processes.length - 3} more`)
  for (const { name, bytes: given } of kernelThreads.slice(0, 2)) parts.push(`queued by ${safe(name)}, ${bytes(given)}`)
  return parts
}

/** Where they say most: of less than half of the bytes a process is known. */
function kernelThreadsOf({ bytes: whole, processes, kernelThreads }: LocateRow): string[] {
  const known = processes.reduce((sum, process) => sum + process.bytes, 0)
  if (kernelThreads.length === 0 || known * 2 >= whole) return []
  return [
    `queued by the kernel: ${kernelThreads
      .slice(0, 2)
      .map(({ name }) => safe(name))
      .join(', ')}`,
  ]
}

function located({ total, located: { fraction, dataBytes, byWitness, conflicts } }: LocateAnswer): string[] {
  if (fraction === null) return ['No file data among these writes.']
  const parts = (
    [
      ['events', 'by inode events'],
      ['calls', 'by the calls that queued them'],
      ['places', 'by blocks that stayed with their file'],
      ['maps', 'by saved maps'],
      ['dirty', 'as the only dirty file'],
    ] as const
  )
    .filter(([key]) => byWitness[key] > 0)
    .map(([key, words]) => `${percent(byWitness[key] / dataBytes)} ${words}`)
  const lines = [
    `${percent(fraction)} of the ${isDataTold(total) ? 'data ' : ''}bytes${parts.length > 0 ? `: ${parts.join(', ')}` : ''}.`,
  ]
  if (conflicts > 0) {
    lines.push(
      `${plural(conflicts, 'block')} changed hands: an older witness named another file than the one that is believed.`,
    )
  }
  return lines
}

/** Never rounded up to the whole, nor down to nothing. */
function percent(share: number): string {
  if (share === 1) return '100 %'
  if (share === 0) return '0 %'
  if (share < 0.001) return 'under 0.1 %'
  return `${Math.min(99.9, Math.round(share * 1000) / 10)} %`
}

function unseen(answer: LocateAnswer): string[] {
  const { witnesses, located: found } = answer
  const lines: string[] = []
  if (!witnesses.calls)
    lines.push('Which calls made these writes: record strace -f -yy -ttt -T at the same time (flushtrace recipe).')
  else if (!witnesses.aligned) {
    lines.push(
      'The clocks of calls and block trace could not be joined: calls name no block here. Record strace with -ttt, and clock notes (flushtrace recipe).',
    )
  }
  if (found.fraction !== null && found.fraction < 1) {
    if (!witnesses.events) {
      lines.push('Events that name inodes: record ftrace beside the block trace (flushtrace recipe) to name the rest.')
    } else if (!witnesses.eventsPlaced) {
      lines.push(
        'The clocks of requests and of events that name inodes could not be joined: such events name nothing here. Set trace_clock to mono and save it beside them (flushtrace recipe), or let ftrace record block_bio_queue with them.',
      )
    }
    if (!witnesses.maps) lines.push('Where files lie: save maps before and after (flushtrace recipe) to name the rest.')
  }
  return [...lines, ...gapNotes(answer)]
}

function next(answer: LocateAnswer, paths: readonly string[]): string[] {
  const sources = sourceWords(paths)
  const { writes, discards, flushes } = answer.total
  const found = writes + discards + flushes > 0
  const lines = [
    found ? `flushtrace locate ${sources} --events${filterWords(answer.filter)}` : `flushtrace inspect ${sources}`,
  ]
  const flushing = answer.rows.flatMap(({ processes }) => processes.filter(({ via }) => via === 'flush'))
  const pid = flushing.find((one) => one.pid !== null)?.pid
  if (answer.witnesses.calls && pid)
    lines.push(`flushtrace explain ${sources} --process ${pid}${filterWords(answer.filter, 'process')}`)
  return lines
}

/** What was written to one sector: the reasoning, write by write. */
export function renderSector({ sector, writes, total, filter }: LocateSectorAnswer, width: number): string {
  const all = total.writes
  if (writes.length === 0) return `No write to ${safe(sector)} ${leftBy(filter)}.\n`
  const whats = new Set(writes.map((write) => write.path ?? WHATS[write.what]))
  const [only] = whats
  const lines = wrap(
    whats.size === 1
      ? `${safe(sector)} is ${safe(only)}: ${count(all)} ${all === 1 ? 'write' : 'writes'}.`
      : `${safe(sector)} held ${plural(whats.size, 'thing')} in turn: ${count(all)} writes.`,
    width,
  )
  for (const write of writes) lines.push('', ...sectorLines(write).flatMap((line) => wrap(line, width)))
  if (all > writes.length) lines.push('', `${count(all - writes.length)} more: --events prints them all`)
  return `${lines.join('\n')}\n`
}

function sectorLines(write: LocatedWrite): string[] {
  const at = write.atNs === null ? '' : `${(write.atNs / 1e9).toFixed(6)} s  `
  const place = write.fileOffset === null ? '' : `, at byte ${count(write.fileOffset)} of the file`
  const what = write.path === null ? WHATS[write.what] : safe(write.path)
  const lines = [
    `${at}${write.rwbs} ${write.device}:${write.sector ?? '?'} + ${bytes(write.bytes)}, queued by ${safe(write.comm ?? '?')} [${write.pid ?? '?'}]`,
    `  ${what}${place} (${write.confidence})`,
  ]
  if (write.image) lines.push(`  in ${safe(write.image.path)}, at byte ${count(write.image.fileOffset)}`)
  for (const { offset, bytes: length } of write.guest ?? []) {
    lines.push(`  of the guest’s disk: ${bytes(length)} at byte ${count(offset)}`)
  }
  for (const { says, source, at: record } of write.evidence) {
    const where = source === null ? '' : ` (${safe(source)}${record === null ? '' : `:${record}`})`
    lines.push(`  because ${says}${where}`)
  }
  if (write.candidates.length > 0) lines.push(`  candidates: ${write.candidates.map(safe).join(', ')}`)
  if (write.processes.length > 0) {
    const names = write.processes.map(({ pid, name }) => `${safe(name ?? '?')} [${pid ?? '?'}]`)
    lines.push(`  ${write.what === 'free' ? 'given back' : 'made dirty'} by ${names.join(', ')}`)
  }
  return lines
}
