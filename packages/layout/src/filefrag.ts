/**
 * `filefrag -v FILE…` (e2fsprogs): the blocks of files.
 *
 *     Filesystem type is: ef53
 *     File size of /srv/log is 50000 (13 blocks of 4096 bytes)
 *      ext:     logical_offset:        physical_offset: length:   expected: flags:
 *        0:        0..      12:      33280..     33292:     13:             last,eof
 *     /srv/log: 1 extent found
 *
 * Ends are inclusive. Before 1.42.7: ` ext logical physical expected length flags`, `(13 blocks, blocksize 4096)`. With -X
 * numbers of extents are hexadecimal. A name may hold a newline: its header goes on in the next lines.
 * Source: tytso/e2fsprogs misc/filefrag.c print_extent_info(), frag_report().
 */
import { latin1 } from '@flushtrace/trace'
import { LAYOUT } from './diagnostics.ts'
import { NO_HINT, mapFinding, type Findings, type MapFinding } from './findings.ts'
import { EXTENT, type FsType } from './layout-map.ts'
import type { LineUse, SideFile } from './side-file.ts'

/** statfs f_type in hexadecimal, include/uapi/linux/magic.h. */
const MAGIC: Readonly<Record<string, FsType>> = {
  ef53: 'ext4',
  '58465342': 'xfs',
  '9123683e': 'btrfs',
  '2fc12fc1': 'zfs',
  f2f52010: 'f2fs',
}

const TYPE = /^Filesystem type is: ([0-9a-f]+)$/
const HEADER = /^File size of ([^]*) is (\d+) \((\d+) blocks?(?: of (\d+) bytes|, blocksize (\d+))\)$/
const HEADER_START = 'File size of '
const COLUMNS = /^ ext:? +logical/
const ROW =
  /^ *\d+: +([0-9a-f]+)\.\. *([0-9a-f]+): +([0-9a-f]+)\.\. *([0-9a-f]+): +([0-9a-f]+):(?: +[0-9a-f]+:)? *([\w,]*)$/
const OLD_ROW = /^ *\d+ +([0-9a-f]+) +([0-9a-f]+)((?: +[0-9a-f]+){1,2}) *((?:[a-z_]{3,}|0x)[\w,]*)?$/
const FOOTER = /: \d+ extents? found(?:, perfection would be \d+ extents?)?$/

/** Of a name with newlines. */
export const MAX_NAME_LINES = 64

/** Whether it is what `filefrag -v` prints. */
export function sniffFilefrag(text: string): boolean {
  return (
    /^(?:Filesystem type is: [0-9a-f]+|File size of [^\n]* is \d+ \(\d+ blocks?(?: of \d+ bytes|, blocksize \d+)\))$/m.test(
      text,
    ) && /^(?:Filesystem type is: |File size of )/.test(text)
  )
}

interface OpenFile {
  readonly map: MapFinding
  readonly file: number
  readonly unit: number
  /** Lines of the name that the footer repeats. */
  readonly name: readonly string[]
}

/** Extents of files, a map for each file system. */
export async function readFilefrag(file: SideFile, findings: Findings): Promise<void> {
  const reader = new FilefragLines(file, findings)
  await file.eachLine((line) => reader.apply(line))
  reader.end()
}

class FilefragLines {
  readonly #file: SideFile
  readonly #findings: Findings
  /** By type and mount: one run may cross from one file system to another. */
  readonly #maps = new Map<string, MapFinding>()
  readonly #radix: 10 | 16
  #magic: FsType = 'other'
  #open: OpenFile | null = null
  #begun: string[] = []

  constructor(file: SideFile, findings: Findings) {
    this.#file = file
    this.#findings = findings
    this.#radix = isHexadecimal(latin1(file.source.head, 0, file.source.head.length)) ? 16 : 10
  }

  apply(line: string): LineUse {
    if (this.#begun.length > 0 || line.startsWith(HEADER_START)) return this.#header(line)
    if (this.#open) {
      const row = ROW.exec(line)
      if (row) return this.#row(row)
      const old = OLD_ROW.exec(line)
      if (old) return this.#oldRow(old)
    }
    const type = TYPE.exec(line)
    if (type) {
      this.#magic = MAGIC[type[1]] ?? 'other'
      return 'used'
    }
    if (line === '' || COLUMNS.test(line)) return 'note'
    if (FOOTER.test(line)) {
      this.#open = null
      return 'note'
    }
    if (this.#open?.name.includes(line)) return 'note'
    // What filefrag cannot open, and its notes on the file system.
    if (
      /: (?:Operation|Permission|No such|Inappropriate|FIBMAP)|^Filesystem cylinder groups|^Discontinuity|^BMAP|^First block/.test(
        line,
      )
    )
      return 'note'
    return 'damaged'
  }

  /** The last file of a whole map has a footer. */
  end(): void {
    if (this.#open || this.#begun.length > 0) this.#file.report(LAYOUT.cut, this.#file.path)
    for (const map of this.#maps.values()) {
      if (map.extents.dropped > 0) this.#file.report(LAYOUT.tooMany, map.source, map.extents.dropped)
    }
  }

  #header(line: string): LineUse {
    this.#begun.push(line)
    const match = HEADER.exec(this.#begun.join('\n'))
    if (!match) {
      if (this.#begun.length <= MAX_NAME_LINES) return 'note'
      this.#begun = []
      return 'damaged'
    }
    this.#begun = []
    const path = match[1]
    const map = this.#mapOf(path)
    const unit = Number(match[4] ?? match[5])
    map.files.push({
      path,
      inode: null,
      root: this.#findings.mounts.of(path)?.subvolume ?? null,
      size: Number(match[2]),
    })
    this.#open = { map, file: map.files.length - 1, unit, name: path.split('\n') }
    return 'used'
  }

  #row([, from, to, start, end, length, flags]: RegExpExecArray): LineUse {
    const numbers = [from, to, start, end, length].map((digits) => Number.parseInt(digits, this.#radix))
    const [first, last, place, placeEnd, count] = numbers
    // delalloc rows have no place and no length; else the columns say the same three times.
    const whole = last - first + 1 === count && (placeEnd - place + 1 === count || count === 0)
    if (numbers.some(Number.isNaN) || (!whole && !/delalloc|unknown/.test(flags))) return 'damaged'
    return this.#extent(first, place, count, flags)
  }

  #oldRow([, first, place, numbers, flags]: RegExpExecArray): LineUse {
    const count = numbers.trim().split(/ +/).at(-1) as string
    const [at, block, length] = [first, place, count].map((digits) => Number.parseInt(digits, this.#radix))
    return Number.isNaN(at + block + length) ? 'damaged' : this.#extent(at, block, length, flags ?? '')
  }

  #extent(first: number, place: number, count: number, flags: string): LineUse {
    const { map, file, unit } = this.#open as OpenFile
    const words = flags.split(',')
    if (words.some((word) => word === 'delalloc' || word.startsWith('unknown'))) {
      this.#file.report(LAYOUT.notOnDisk, map.files[file].path ?? '')
      return 'note'
    }
    // Places of data inside an inode are no blocks: inline even counts bytes.
    if (count === 0 || words.includes('inline') || words.includes('tail_packed') || words.includes('hole'))
      return 'note'
    const bits =
      (words.includes('unwritten') ? EXTENT.unwritten : 0) |
      (words.includes('shared') ? EXTENT.shared : 0) |
      (words.includes('encoded') || words.includes('encrypted') ? EXTENT.encoded : 0)
    map.extents.add(place * unit, (place + count) * unit, first * unit, file, bits)
    return 'used'
  }

  #mapOf(path: string): MapFinding {
    const mount = this.#findings.mounts.of(path)
    const key = `${this.#magic} ${mount?.stDev ?? ''} ${mount?.from ?? ''}`
    let map = this.#maps.get(key)
    if (!map) {
      map = mapFinding(this.#file, {
        tool: 'filefrag',
        fs: this.#magic,
        space: this.#magic === 'btrfs' ? 'logical' : 'device',
        hint: { ...NO_HINT, path },
        unitBytes: 1,
      })
      this.#maps.set(key, map)
      this.#findings.maps.push(map)
    }
    return map
  }
}

/** -X, which no line tells: numbers hold letters, or read as decimal an extent ends before its file does, and yet is its end. */
function isHexadecimal(head: string): boolean {
  let blocks = 0
  return head.split('\n').some((line) => {
    const size = /\((\d+) blocks? of \d+ bytes\)$/.exec(line)
    if (size) blocks = Number(size[1])
    const [, from, last, start, end, length, flags] = ROW.exec(line) ?? []
    if (from === undefined) return false
    const atEnd = /\beof$/.test(flags) && !/delalloc|unknown/.test(flags)
    return /[a-f]/.test(from + last + start + end + length) || (atEnd && Number(last) < blocks - 1)
  })
}
