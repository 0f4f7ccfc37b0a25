/**
 * Captures of any size with known proportions, for benchmarks: one disk with ext4, one process that writes a page and
 * flushes it again and again, writeback of pages in random order, and a map of scattered files.
 */
import { closeSync, mkdirSync, openSync, writeFileSync, writeSync } from 'node:fs'
import { dirname, join } from 'node:path'

/** Extents of one file of the map; each is one block of 4 KiB. */
const PER_FILE = 1000
const FIRST_BLOCK = 1_000_000
/** Time from one flush to the next, in µs: more than one takes. */
const STEP_US = 1000
const STARTED = 1_700_000_000

/** The map of the disk, as filefrag prints it, and what lsblk says of the disk. `extents` in all. */
export function writeMap(folder: string, extents: number): void {
  writeLines(join(folder, 'maps/after/filefrag.txt'), filefrag(extents))
  const device = { name: 'sdb', kname: 'sdb', 'maj:min': '8:16', type: 'disk', size: 2 ** 43, start: null }
  const lsblk = { blockdevices: [{ ...device, fstype: 'ext4', mountpoints: ['/srv/data'], pkname: null }] }
  writeFileSync(join(folder, 'maps/after/lsblk.json'), JSON.stringify(lsblk, null, 3))
}

/** Blocks of the map written back in random order, as btrace prints them. */
export function writeWriteback(folder: string, writes: number, extents: number): void {
  writeLines(join(folder, 'blkparse.txt'), writeback(writes, extents))
}

/** Flushes as `strace -f -ttt -T -y` prints them, a write before each. */
export function writeFlushes(folder: string, flushes: number): void {
  writeLines(join(folder, 'strace.txt'), calls(flushes))
}

/** The requests of these flushes: a page of the file, then a flush of the disk's cache. Its time 0 is that of the calls. */
export function writeFlushRequests(folder: string, flushes: number): void {
  writeLines(join(folder, 'blkparse.txt'), requests(flushes))
}

/** In pieces: a large one would be more than a string may hold. */
function writeLines(path: string, lines: Iterable<string>): void {
  mkdirSync(dirname(path), { recursive: true })
  const file = openSync(path, 'w')
  let piece: string[] = []
  for (const line of lines) {
    if (piece.push(line) < 10_000) continue
    writeSync(file, `${piece.join('\n')}\n`)
    piece = []
  }
  writeSync(file, piece.map((line) => `${line}\n`).join(''))
  closeSync(file)
}

/** Block of the k-th extent: scattered without a repeat (the step shares no factor with a count of millions). */
function blockOf(k: number, extents: number): number {
  return FIRST_BLOCK + ((k * 7_654_321) % extents) * 2
}

function* filefrag(extents: number): Generator<string> {
  for (let k = 0; k < extents; k++) {
    const n = k % PER_FILE
    if (n === 0) {
      yield 'Filesystem type is: ef53'
      yield `File size of /srv/data/file-${k / PER_FILE} is ${PER_FILE * 4096} (${PER_FILE} blocks of 4096 bytes)`
      yield ' ext:     logical_offset:        physical_offset: length:   expected: flags:'
    }
    const at = String(blockOf(k, extents)).padStart(11)
    const logical = String(n).padStart(8)
    const last = n === PER_FILE - 1 ? 'last,eof' : ''
    yield `${String(n).padStart(4)}: ${logical}..${logical}: ${at}..${at}:      1:             ${last}`
    if (last !== '') yield `/srv/data/file-${(k - n) / PER_FILE}: ${PER_FILE} extents found`
  }
}

function* writeback(writes: number, extents: number): Generator<string> {
  let seed = 1
  for (let k = 0; k < writes; k++) {
    seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0
    const block = blockOf(Math.floor((seed / 2 ** 32) * extents), extents)
    yield event(k + 1, k * 10, 700, `Q   W ${block * 8} + 8 [kworker/u8:1]`)
  }
}

function* calls(flushes: number): Generator<string> {
  yield `700 ${STARTED}.000000 openat(AT_FDCWD, "/srv/data/file-0", O_RDWR) = 3</srv/data/file-0> <0.000010>`
  for (let k = 1; k <= flushes; k++) {
    const at = (us: number): string => {
      const micros = k * STEP_US + us
      return `${STARTED + Math.floor(micros / 1e6)}.${String(micros % 1e6).padStart(6, '0')}`
    }
    const offset = (k % PER_FILE) * 4096
    yield `700 ${at(0)} pwrite64(3</srv/data/file-0>, "${'x'.repeat(32)}"..., 4096, ${offset}) = 4096 <0.000020>`
    yield `700 ${at(100)} fsync(3</srv/data/file-0>) = 0 <0.000800>`
  }
}

function* requests(flushes: number): Generator<string> {
  for (let k = 1; k <= flushes; k++) {
    const us = k * STEP_US
    const data = `${(FIRST_BLOCK + (k % PER_FILE)) * 8} + 8`
    const steps: [us: number, what: string][] = [
      [150, `Q  WS ${data} [db]`],
      [160, `D  WS ${data} [db]`],
      [400, `C  WS ${data} [0]`],
      [410, 'Q FWS [db]'],
      [420, 'D  FN [db]'],
      [850, 'C  FN 0 [0]'],
    ]
    for (const [n, [after, what]] of steps.entries()) yield event(k * 6 + n, us + after, 700, what)
  }
}

function event(sequence: number, us: number, pid: number, what: string): string {
  const time = (us / 1e6).toFixed(9).padStart(14)
  return `  8,16   0 ${String(sequence).padStart(8)} ${time} ${String(pid).padStart(5)}  ${what}`
}
