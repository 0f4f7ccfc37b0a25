/** Patterns of flushes as sentences. */
import type { RankAnswer } from '@flushtrace/answers'
import { bytes, count, duration, plural, safe } from './text.ts'
import { lastPart } from './title.ts'

type Pattern = RankAnswer['patterns'][number]

export function patternText(pattern: Pattern): string {
  switch (pattern.pattern) {
    case 'msync-with-fdatasync': {
      const { count: n, first, files, msyncNs, syncNs } = pattern
      const order = first === 'msync' ? 'msync, then fdatasync' : 'fdatasync, then msync'
      const cost =
        msyncNs !== null && syncNs !== null
          ? ` The msync took ${duration(msyncNs / n)} on average, the fdatasync ${duration(syncNs / n)}.`
          : ''
      return `${count(n)} × ${order} of the same file (${filesText(files, files.length)}).${cost}`
    }
    case 'flush-per-write': {
      const { count: n, byCall, writes, files, fileCount, tookNs, oneFlushNs } = pattern
      const calls = Object.entries(byCall).map(([call, k]) => `${count(k)} ${call}`)
      const each = writes === n ? 'each write' : `every ${(writes / n).toFixed(1)} writes`
      const what = `${count(n)} × a flush after ${each} to a file, ${bytes(pattern.bytes / n)} on average (${filesText(files, fileCount)}): ${calls.join(', ')}.`
      if (tookNs === null) return what
      const one = oneFlushNs === null ? 'is not in this trace' : `took ${duration(oneFlushNs)} on average`
      return `${what} They waited ${duration(tookNs)}; a flush after many writes ${one}.`
    }
  }
}

function filesText(files: Pattern['files'], all: number): string {
  const each = files.map(({ path, count: n }) => `${safe(lastPart(path))} ${count(n)}`).join(', ')
  if (all === 1) return each
  return `${plural(all, 'file')}: ${each}${all > files.length ? ' …' : ''}`
}
