/**
 * Compares what flushtrace says of block writes with what is known of them.
 *
 *     node --conditions=dev --import tsx scripts/agree-locate.ts FOLDER [--only NAME] [--mode MODE] [--wrong N] [--json]
 *
 * FOLDER holds one folder a recording, with truth.json: `block.writes`, each with its class and, of file data, the runs
 * [position, bytes, inode, file offset, final path, name when written] and the thread ids that dirtied it. Each recording
 * is read in four modes: all sources; without tracefs (syscalls, block trace, maps); syscalls and block trace alone; maps
 * and block trace alone. Prints shares in percent of data bytes: named right and wrong, bytes that are `exact` and wrong
 * (exits 1 on any), queued inside an own flush, synchronous or direct write (`own`) and right of these; metadata, journal
 * and superblock bytes right; a process that truly dirtied them named (`whoKern`: of writes queued by kernel threads);
 * the offset in the file wrong, or not told. A folder without recordings is no error.
 */
import { existsSync, readFileSync, readdirSync, statSync } from 'node:fs'
import { basename, join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { attribute, type Attributed } from '@flushtrace/answers'
import { nsBetween, parseInstant } from '@flushtrace/trace'
import type { Piece } from '@flushtrace/correlate'

type Run = [at: number, bytes: number, inode: number, fileOffset: number, path: string | null, name: string]
type Write = [
  monoNs: number,
  sector: number,
  bytes: number,
  rwbs: string,
  pid: number,
  comm: string,
  kind: string,
  runs: Run[],
  dirtiers: number[],
]

interface Truth {
  capture: { start_mono_ns: number; start_real_ns: number; fs: string; mnt: string }
  tgids: Record<string, number>
  comms: Record<string, string>
  block: { writes: Write[] }
}

const MODES = {
  all: () => true,
  'no tracefs': (path: string) => !/tracefs/.test(path),
  'calls only': (path: string) => !/tracefs|\/maps\/|inodes\.txt/.test(path),
  'maps only': (path: string) => !/tracefs|strace\.|\.scap/.test(path),
}

/** Percent of data that is to be named rightly; of the other modes only what tasks queue in calls of their own. */
function aimOf(mode: string, fs: string): number {
  if (mode === 'all') return 99.9
  return mode === 'no tracefs' ? (fs === 'btrfs' ? 97 : 99) : 0
}

interface Score {
  data: number
  located: number
  right: number
  wrong: number
  exactWrong: number
  offsetWrong: number
  offsetUnknown: number
  own: number
  ownRight: number
  meta: number
  metaRight: number
  kernel: number
  kernelNamed: number
  who: number
  whoNamed: number
  missing: Map<string, number>
  mistakes: string[]
}

function emptyScore(): Score {
  return {
    data: 0,
    located: 0,
    right: 0,
    wrong: 0,
    exactWrong: 0,
    offsetWrong: 0,
    offsetUnknown: 0,
    own: 0,
    ownRight: 0,
    meta: 0,
    metaRight: 0,
    kernel: 0,
    kernelNamed: 0,
    who: 0,
    whoNamed: 0,
    missing: new Map(),
    mistakes: [],
  }
}

/** Files of a recording that a mode reads; scap and blkparse text repeat what strace and blktrace tell. */
function sourcesOf(folder: string, wanted: (path: string) => boolean): string[] {
  const found: string[] = []
  const walk = (path: string): void => {
    if (statSync(path).isDirectory()) {
      for (const name of readdirSync(path).sort()) walk(join(path, name))
      return
    }
    if (!/strace\.|blktrace\.\d|tracefs|\/maps\/|\/proc\/|inodes\.txt/.test(path)) return
    if (wanted(path)) found.push(path)
  }
  walk(folder)
  return found
}

async function compare(folder: string, truth: Truth, wanted: (path: string) => boolean): Promise<Score> {
  const score = emptyScore()
  const out = await attribute(sourcesOf(folder, wanted), {})
  const { blocks, attribution } = out
  const startNs = startOf(out, truth)
  const names = namesOf(truth)
  const pieces = new Map<string, (Piece & { request: number })[]>()
  const keyOf = (sector: number, bytes: number, tid: number, ns: number): string => `${sector} ${bytes} ${tid} ${ns}`
  const byPlace = new Map<string, { ns: number; key: string }[]>()
  for (let k = 0; k < attribution.pieces.length; k++) {
    const piece = attribution.pieces.row(k)
    const r = piece.request
    const key = keyOf(blocks.rowSector.data[r], blocks.bytes.data[r], blocks.tid.data[r], blocks.atNs.data[r])
    const list = pieces.get(key)
    if (list) list.push(piece)
    else {
      pieces.set(key, [piece])
      const place = `${blocks.rowSector.data[r]} ${blocks.bytes.data[r]}`
      const ns = startNs + (out.placed[blocks.trace.data[r]]?.(blocks.atNs.data[r]) ?? NaN)
      byPlace.set(place, [...(byPlace.get(place) ?? []), { ns, key }])
    }
  }
  for (const [monoNs, sector, bytes, rwbs, pid, comm, kind, runs, dirtiers] of truth.block.writes) {
    const near = takeNearest(byPlace.get(`${sector} ${bytes}`) ?? [], monoNs)
    const mine = near && pieces.get(near.key)
    const label = `${comm} ${rwbs} ${sector}+${bytes}`
    if (kind === 'data') data(score, out, truth, names, { bytes, pid, comm, runs, dirtiers, label }, mine ?? [])
    else if (kind === 'journal' || kind === 'fs-metadata' || kind === 'superblock' || kind === 'zeroing') {
      const expected = kind === 'fs-metadata' || kind === 'zeroing' ? 'metadata' : kind
      score.meta += bytes
      for (const piece of mine ?? []) {
        if (piece.what === expected) score.metaRight += piece.bytes
        else count(score.missing, `${kind} taken for ${piece.what} (${comm} ${rwbs}, ${piece.rule})`, piece.bytes)
      }
    }
  }
  return score
}

/** Where a recording cannot be placed on the clock of the truth, what is written at one place comes in the same order. */
function takeNearest<T extends { ns: number }>(writes: T[], monoNs: number): T | undefined {
  if (writes.length > 0 && Number.isNaN(writes[0].ns)) return writes.shift()
  const [near] = writes.sort((a, b) => Math.abs(a.ns - monoNs) - Math.abs(b.ns - monoNs))
  return near && Math.abs(near.ns - monoNs) < 1e6 ? near : undefined
}

/** The start of the answer on the clock of the truth: ns since boot. */
function startOf({ analysis }: Attributed, { capture }: Truth): number {
  const started = analysis.startedAt === null ? null : parseInstant(analysis.startedAt)
  const real = parseInstant(`@${(capture.start_real_ns / 1e9).toFixed(9)}`)
  return started && real ? nsBetween(real, started) + capture.start_mono_ns : NaN
}

interface DataWrite {
  bytes: number
  pid: number
  comm: string
  runs: Run[]
  dirtiers: number[]
  label: string
}

/**
 * Every name under which an inode was written. A number with one name only was one file all the time: a later name of it
 * (a rename that the recording's own strace did not show) is the same file, too.
 */
function namesOf({ block }: Truth): Map<number, Set<string>> {
  const names = new Map<number, Set<string>>()
  for (const [, , , , , , , runs] of block.writes) {
    for (const [, , inode, , , name] of runs ?? []) names.set(inode, (names.get(inode) ?? new Set()).add(name))
  }
  return names
}

function data(
  score: Score,
  out: Attributed,
  truth: Truth,
  names: ReturnType<typeof namesOf>,
  write: DataWrite,
  pieces: Piece[],
): void {
  const { book, actors } = out
  score.data += write.bytes
  const isOwn = pieces.some(({ via }) => via !== 'writeback')
  if (isOwn) score.own += write.bytes
  const kernel = /^(kworker|jbd2|btrfs|xfs)/.test(write.comm)
  let right = 0
  for (const piece of pieces) {
    for (const [at, bytes, inode, fileOffset, path, name] of write.runs) {
      const from = Math.max(at, piece.at)
      const to = Math.min(at + bytes, piece.at + piece.bytes)
      if (to <= from) continue
      const n = to - from
      if (piece.file < 0) {
        count(score.missing, `${kernel ? 'kernel' : 'own'} ${piece.rule} ${path ?? name}`, n)
        continue
      }
      score.located += n
      const file = book.at(piece.file)
      const called = file.path ?? ''
      const same =
        called === path ||
        (file.inode === inode && names.get(inode)?.size === 1) ||
        [called, ...file.names].some((one) => basename(one) === name) ||
        (file.path === null && (file.inode ?? -1) === inode % 2 ** 40)
      if (same) {
        score.right += n
        right += n
        if (Number.isNaN(piece.fileOffset)) score.offsetUnknown += n
        else if (piece.fileOffset - piece.at !== fileOffset - at) score.offsetWrong += n
      } else {
        score.wrong += n
        if (piece.confidence === 'exact') score.exactWrong += n
        score.mistakes.push(
          `${write.label}: ${called} ino ${file.inode} (${piece.rule}, ${piece.confidence}), truly ${path ?? name} ino ${inode}`,
        )
      }
    }
  }
  if (isOwn) score.ownRight += right
  if (right > 0 && write.dirtiers.length > 0) {
    const truly = new Set(write.dirtiers.flatMap((tid) => [tid, truth.tgids[String(tid)] ?? tid]))
    const named = pieces.some((piece) => piece.actors.some((actor) => truly.has(actors.at(actor).pid ?? -1)))
    score.who += write.bytes
    if (named) score.whoNamed += write.bytes
    if (kernel) score.kernel += write.bytes
    if (kernel && named) score.kernelNamed += write.bytes
    if (!named)
      count(
        score.missing,
        `WHO ${write.comm} truly ${[...truly].join(',')} named ${pieces.map((p) => p.actors.map((a) => actors.at(a).pid).join(',')).join(' ')} ${pieces[0]?.rule}`,
        write.bytes,
      )
  }
}

function count(to: Map<string, number>, what: string, n: number): void {
  to.set(what, (to.get(what) ?? 0) + n)
}

const args = process.argv.slice(2)
const option = (name: string): string | undefined => (args.includes(name) ? args[args.indexOf(name) + 1] : undefined)
const [root] = args
const [only, mode, shown] = [option('--only'), option('--mode'), Number(option('--wrong') ?? 0)]
const share = (part: number, whole: number): string => (whole === 0 ? '-' : ((100 * part) / whole).toFixed(2))
const HEADS = ['KiB', 'right', 'wrong', 'exactBad', 'own', 'ownRight', 'meta', 'whoKern', 'who', 'offBad', 'offNone']
console.log('recording'.padEnd(20), 'sources'.padEnd(10), ...HEADS.map((head) => head.padStart(8)))
let exactWrong = 0
for (const name of existsSync(root) ? readdirSync(root).sort() : []) {
  const folder = join(root, name)
  const truthPath = ['truth.json', 'truth.json.gz'].map((file) => join(folder, file)).find((path) => existsSync(path))
  if (!truthPath || (only && !name.includes(only))) continue
  const bytes = readFileSync(truthPath)
  const truth = JSON.parse((truthPath.endsWith('.gz') ? gunzipSync(bytes) : bytes).toString()) as Truth
  if (!truth.block) continue
  for (const [label, wanted] of Object.entries(MODES)) {
    if (mode && mode !== label) continue
    const s = await compare(folder, truth, wanted)
    const cells = [
      String(Math.round(s.data / 1024)),
      share(s.right, s.data),
      share(s.wrong, s.data),
      String(s.exactWrong),
      share(s.own, s.data),
      share(s.ownRight, s.own),
      share(s.metaRight, s.meta),
      share(s.kernelNamed, s.kernel),
      share(s.whoNamed, s.who),
      share(s.offsetWrong, s.data),
      share(s.offsetUnknown, s.data),
    ]
    exactWrong += s.exactWrong
    console.log(name.padEnd(20), label.padEnd(10), ...cells.map((cell) => cell.padStart(8)))
    const below = s.data > 0 && (100 * s.right) / s.data < aimOf(label, truth.capture.fs)
    if (shown > 0 || below) {
      if (below)
        console.log(`    below its aim of ${aimOf(label, truth.capture.fs)} %; not named, by rule and true file:`)
      for (const [what, n] of [...s.missing].sort((a, b) => b[1] - a[1]).slice(0, Math.max(shown, below ? 8 : 0)))
        console.log(`    ${n} ${what}`)
      for (const line of s.mistakes.slice(0, shown)) console.log(`    WRONG ${line}`)
    }
  }
}
process.exit(exactWrong > 0 ? 1 : 0)
