/** Sums of activities → rows of the answer. */
import { kindOf, type FileKind, type FileName, type TracedProcess } from '@flushtrace/correlate'
import type { Block, RankRow } from './rank-schema.ts'
import { Group, type Share } from './group.ts'

/** Files listed in a process row, processes listed in a file row. */
const SHARES = 5

/** A row without any call. */
export function nothing() {
  return numbersOf(new Group({ kind: 'call', call: '' }))
}

/** The row of a group: see rank-schema.ts. */
export function rowOf(group: Group): RankRow {
  const { subject } = group
  const common = numbersOf(group)
  const files = sharesOf(group.files)
  switch (subject.kind) {
    case 'process':
      return { process: processOf(subject.process), ...common, files: flushedFiles(group), topFiles: files }
    case 'thread': {
      const { task } = subject
      const process = { ...processOf(task.process), name: task.name ?? task.process.name }
      return { process, tid: task.tid > 0 ? task.tid : null, ...common, files: flushedFiles(group), topFiles: files }
    }
    case 'call':
      return { call: subject.call, ...common, files: flushedFiles(group), topFiles: files }
    case 'container':
      return { container: subject.container, ...common, files: flushedFiles(group), topFiles: files }
    case 'file': {
      const { name, scope } = subject
      return {
        file: fileOf(name),
        scope: name && scope !== 'filesystem' ? 'file' : scope,
        laterPath: name && laterPathOf(name),
        ...common,
        processes: [...group.processes]
          .map(([process, share]) => ({
            pid: process.pid,
            name: process.name,
            flushes: share.flushes,
            bytes: share.bytes,
            mapped: share.mapped,
          }))
          .sort((a, b) => b.flushes - a.flushes || b.bytes - a.bytes),
      }
    }
  }
}

/** What rows and the total have in common. */
export function numbersOf(group: Group) {
  return {
    flushes: { total: group.flushTotal, byCall: Object.fromEntries(group.flushes) },
    hints: { syncFileRange: group.syncFileRange, msyncAsync: group.msyncAsync },
    failed: { total: group.failedTotal, byErrno: Object.fromEntries(group.failed) },
    flushNs: group.took,
    written: {
      calls: group.writeCalls,
      bytes: group.writeBytes,
      unknown: { calls: group.unknownCalls, bytes: group.unknownBytes },
    },
    mapped: group.mapped,
    block: null as Block | null,
    confidence: group.confidence,
  }
}

/** `threads`: all that were seen of it, also those that ended. */
export function processOf(process: TracedProcess): NonNullable<RankRow['process']> {
  return {
    pid: process.pid,
    name: process.name,
    command: process.argv ? process.argv.join(' ') + (process.argvCut ? ' …' : '') : null,
    threads: process.threads,
    parent: process.parent?.pid ?? null,
  }
}

function fileOf(name: FileName | null): NonNullable<RankRow['file']> {
  if (!name) return { path: null, inode: null, device: null, kind: null, deleted: false }
  const kind: FileKind | null = kindOf(name.file)
  return { path: name.path, inode: name.file.inode, device: name.file.device, kind, deleted: name.deleted }
}

/** Where a renamed file ended up; null for one that still has the name, if only as one of several. */
function laterPathOf({ path, file: { lastPath, nodes } }: FileName): string | null {
  if (lastPath === path) return null
  for (const node of nodes) if (node.path === path) return null
  return lastPath
}

function flushedFiles(group: Group): number {
  let files = 0
  for (const share of group.files.values()) if (share.flushes > 0) files++
  return files
}

function sharesOf(files: ReadonlyMap<FileName, Share>): NonNullable<RankRow['topFiles']> {
  return [...files]
    .filter(([, share]) => share.flushes + share.bytes > 0)
    .sort((a, b) => b[1].flushes - a[1].flushes || b[1].bytes - a[1].bytes)
    .slice(0, SHARES)
    .map(([name, share]) => ({
      path: name.path,
      deleted: name.deleted,
      flushes: share.flushes,
      bytes: share.bytes,
      byCall: Object.fromEntries(share.byCall),
    }))
}
