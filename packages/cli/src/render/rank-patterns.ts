/** Patterns of flushes as sentences. */
import { lastPart, type RankAnswer } from '@flushtrace/answers'
import { bytes, count, duration, plural, safe } from './text.ts'

type Pattern = RankAnswer['patterns'][number]

/** A pattern as a sentence or two. */
export function patternText(pattern: Pattern): string {
  switch (pattern.pattern) {
    case 'msync-with-fdatasync': {
      const { count: n, first, files, msyncNs, syncNs } = pattern
      const order = first === 'msync' ? 'msync, then fdatasync' : 'fdatasync, then msync'
      const pair = `${count(n)} × ${order} of the same file (${filesText(files, files.length)})`
      if (msyncNs === null || syncNs === null) return `${pair}.`
      const each = `The msync took ${duration(msyncNs / n)} on average, the fdatasync ${duration(syncNs / n)}`
      return `${pair}${took(msyncNs + syncNs)}. ${each}.`
    }
    case 'flush-per-write': {
      const { count: n, byCall, writes } = pattern
      const calls = Object.entries(byCall).map(([call, k]) => `${count(k)} ${call}`)
      const each = writes === n ? 'each write' : `every ${(writes / n).toFixed(1)} writes`
      return `Writethrough: ${count(n)} × a flush after ${each} to a file, ${bytes(pattern.bytes / n)} on average (${filesOf(pattern)}): ${calls.join(', ')}${took(pattern.tookNs)}.${once(pattern)}`
    }
    case 'flush-at-end': {
      const { count: n, writes, stepNs } = pattern
      const otherwise =
        stepNs === null
          ? ''
          : ` Had each write waited as those flushed alone did (${duration(stepNs)} each): ${duration(stepNs * (writes - n))} more.`
      return `Writeback: ${n === 1 ? '' : `${count(n)} × `}one flush after many writes to a file, ${count(writes)} calls and ${bytes(pattern.bytes)} in all (${filesOf(pattern)})${took(pattern.tookNs)}.${otherwise}`
    }
    case 'safe-replace': {
      const { count: n, withDirectory, directoryFlushes, tookNs, directoryNs } = pattern
      const directory =
        withDirectory === 0
          ? 'no flush of the directory followed'
          : `${plural(directoryFlushes, 'flush', 'flushes')} of the directory followed ${withDirectory === n ? 'all' : count(withDirectory)} of them${took(directoryNs)}`
      return `${count(n)} × a new file written, flushed and renamed into place (${filesOf(pattern)})${took(tookNs)}; ${directory}.`
    }
    case 'nothing-dirty': {
      const calls = Object.entries(pattern.byCall).map(([call, k]) => `${count(k)} ${call}`)
      return `${count(pattern.count)} × a flush of a file with nothing dirty that this trace shows (${filesOf(pattern)}): ${calls.join(', ')}${took(pattern.tookNs)}.`
    }
    case 'small-sync-writes': {
      const { count: n, runs, medianBytes, tookNs } = pattern
      return `${count(n)} small synchronous writes in ${plural(runs, 'run')}, half of them up to ${bytes(medianBytes)} (${filesOf(pattern)})${took(tookNs)}. Unless each must be durable before the next, plain writes and one flush a run would do.`
    }
  }
}

/** What one flush in the place of each run would take: by the sizes and times of all flushes, else as large ones did. */
function once({ rows, onceNs, oneFlushNs, tookNs }: Extract<Pattern, { pattern: 'flush-per-write' }>): string {
  if (tookNs === null) return ''
  const one = ` Unless each must be durable before the next, one flush after ${rows === 1 ? 'all of them' : `each of ${plural(rows, 'run')}`} is as safe`
  if (onceNs !== null) return `${one} and takes about ${duration(onceNs)}, by the sizes and times of those seen.`
  if (oneFlushNs !== null) return `${one}; a flush after many writes took ${duration(oneFlushNs)} on average.`
  return `${one}; what it takes is not in this trace.`
}

function filesOf({
  files,
  fileCount,
  processes,
}: {
  files: Pattern['files']
  fileCount: number
  processes: number
}): string {
  return `${filesText(files, fileCount)}${processes > 1 ? `; ${plural(processes, 'process', 'processes')}` : ''}`
}

function took(ns: number | null): string {
  return ns === null ? '' : `, ${duration(ns)}`
}

function filesText(files: Pattern['files'], all: number): string {
  const each = files.map(({ path, count: n }) => `${safe(lastPart(path))} ${count(n)}`).join(', ')
  if (all === 1) return each
  return `${plural(all, 'file')}: ${each}${all > files.length ? ' …' : ''}`
}
