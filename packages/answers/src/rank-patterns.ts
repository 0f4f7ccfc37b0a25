/** What flushes have in common, over all rows, as the answer tells it. */
import type { FileName } from '@flushtrace/correlate'
import type { RankPattern } from './rank-schema.ts'
import type { Occurrences } from './occurrences.ts'
import type { Tally } from './tally.ts'

/** Files listed with a pattern. */
const FILES = 5

/** What the pattern finders of a tally found, as the answer tells it; none that found nothing. */
export function patternsOf({
  pairs,
  perWrite,
  atEnd,
  flushGroups,
  safeReplace,
  nothingDirty,
  smallSync,
}: Tally): RankPattern[] {
  const patterns: RankPattern[] = []
  if (pairs.count > 0) {
    patterns.push({
      pattern: 'msync-with-fdatasync',
      count: pairs.count,
      first: pairs.msyncFirst * 2 > pairs.count ? 'msync' : 'fdatasync',
      files: topFiles(pairs.files),
      msyncNs: whole(pairs.msyncNs),
      syncNs: whole(pairs.syncNs),
    })
  }
  if (perWrite.seen.count > 0) {
    const { byCall, writes, bytes, rows, onceNs, largeNs } = perWrite
    patterns.push({
      pattern: 'flush-per-write',
      ...common(perWrite.seen),
      byCall: Object.fromEntries(byCall),
      writes,
      bytes,
      rows,
      onceNs: wholeOrNull(onceNs),
      oneFlushNs: wholeOrNull(largeNs),
    })
  }
  const { seen, writes, bytes } = atEnd.found(flushGroups)
  if (seen.count > 0) {
    patterns.push({ pattern: 'flush-at-end', ...common(seen), writes, bytes, stepNs: wholeOrNull(atEnd.stepNs) })
  }
  if (safeReplace.seen.count > 0) {
    patterns.push({
      pattern: 'safe-replace',
      ...common(safeReplace.seen),
      withDirectory: safeReplace.withDirectory,
      directoryFlushes: safeReplace.directoryFlushes,
      directoryNs: whole(safeReplace.directoryNs),
    })
  }
  if (nothingDirty && nothingDirty.seen.count > 0) {
    patterns.push({
      pattern: 'nothing-dirty',
      ...common(nothingDirty.seen),
      byCall: Object.fromEntries(nothingDirty.byCall),
    })
  }
  if (smallSync.seen.count > 0) {
    const { runs, bytes, medianBytes } = smallSync
    patterns.push({ pattern: 'small-sync-writes', ...common(smallSync.seen), runs, bytes, medianBytes })
  }
  return patterns
}

function common({ count, files, processes, tookNs }: Occurrences) {
  return { count, files: topFiles(files), fileCount: files.size, processes, tookNs: whole(tookNs) }
}

function topFiles(files: ReadonlyMap<FileName, number>): { path: string; count: number }[] {
  return [...files]
    .map(([name, count]) => ({ path: name.path, count }))
    .sort((a, b) => b.count - a.count)
    .slice(0, FILES)
}

function wholeOrNull(ns: number | null): number | null {
  return ns === null ? null : Math.round(ns)
}

function whole(ns: number): number | null {
  return Number.isNaN(ns) ? null : Math.round(ns)
}
