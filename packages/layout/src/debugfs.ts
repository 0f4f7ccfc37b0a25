/**
 * Answers of debugfs (e2fsprogs) about single inodes and blocks of ext2/3/4.
 *
 *     stat <8>        Inode: 8   Type: regular    Mode:  0600 …
 *                     EXTENTS:
 *                     (0-4095):65536-69631, (ETB0):33280
 *     icheck 33280    Block\tInode number
 *                     33280\t12
 *     ncheck 12       Inode\tPathname
 *                     12\t//log
 *                     14\t/d/log
 *
 * ncheck of e2fsprogs 1.47 begins the names of the top folder with two slashes. It prints a newline in a name as it is: the
 * rest of the name is a line of its own.
 * Files with block lists print `BLOCKS:` with (IND), (DIND) and (TIND). Inode 8 is the journal. Sources: tytso/e2fsprogs
 * debugfs/debugfs.c dump_extents(), dump_blocks(), debugfs/icheck.c, debugfs/ncheck.c.
 */
import { AreaBuilder } from './area-builder.ts'
import { ExtentBuilder } from './extent-builder.ts'
import { MAX_NAME_LINES } from './filefrag.ts'
import { NO_HINT, mapFinding, type Findings, type ListedInode } from './findings.ts'
import { EXTENT } from './layout-map.ts'
import type { LineUse, SideFile } from './side-file.ts'

const JOURNAL_INODE = 8
const INODE = /^Inode: (\d+) +Type: (.+?) +Mode: /
const BLOCKCOUNT = /Blockcount: (\d+)/
const LIST = /\(((?:ETB|IND|DIND|TIND)\d*|(\d+)(?:-(\d+))?(\[u\])?)\): ?(\d+)(?:-(\d+))?/g
const PROMPT = /^debugfs(?: [\d.]+|:)/

/** Whether it is what `stat`, `icheck` or `ncheck` print. */
export function sniffDebugfs(text: string): boolean {
  return (
    /^(?:debugfs.*\n)*(?:Inode: \d+ +Type: |Block\tInode number$|Inode\tPathname$)/m.test(text.slice(0, 4096)) &&
    /^(?:debugfs|Inode|Block\tI)/.test(text)
  )
}

/** Leaves the extents, places and names that it tells among the findings. */
export async function readDebugfs(file: SideFile, findings: Findings): Promise<void> {
  const reader = new DebugfsLines()
  await file.eachLine((line) => reader.apply(line))
  reader.end(file, findings)
}

/** The inode that `stat` tells of. */
interface StatInode {
  readonly inode: number
  readonly type: string
  /** Index among the files of the map. */
  readonly file: number
  blockcount: number
  /** Blocks named so far: with the block count (in 512 bytes) they tell the block size. */
  blocks: number
}

/** Lines of any of the three, which may follow one another in one file. */
class DebugfsLines {
  readonly #areas = new AreaBuilder()
  readonly #extents = new ExtentBuilder()
  readonly #files: { path: null; inode: number; root: null; size: null }[] = []
  readonly #names = new NcheckNames()
  /** Bytes of a block, as each inode tells. */
  readonly #blockBytes = new Set<number>()
  #mode: 'stat' | 'icheck' | 'ncheck' | 'none' = 'none'
  #inode: StatInode | null = null

  apply(line: string): LineUse {
    const inode = INODE.exec(line)
    if (inode) {
      this.#close()
      this.#mode = 'stat'
      const number = Number(inode[1])
      this.#inode = { inode: number, type: inode[2], file: this.#addFile(number), blockcount: 0, blocks: 0 }
      return 'used'
    }
    if (PROMPT.test(line)) return 'note'
    if (line === 'Block\tInode number' || line === 'Inode\tPathname') {
      this.#mode = line.startsWith('Block') ? 'icheck' : 'ncheck'
      return 'note'
    }
    if (this.#mode === 'ncheck') return this.#names.apply(line)
    if (line === '') return 'note'
    return this.#mode === 'stat' ? this.#stat(line) : this.#icheck(line)
  }

  end(file: SideFile, findings: Findings): void {
    this.#close()
    const { path: source, time } = file
    const inodes = this.#names.finish()
    if (inodes.length > 0) findings.listings.push({ source, time, hint: NO_HINT, fs: 'ext4', inodes })
    const [areas, extents] = [this.#areas, this.#extents]
    if (areas.length === 0 && extents.length === 0) return
    const [told] = this.#blockBytes
    const known = this.#blockBytes.size === 1 && Number.isInteger(Math.log2(told)) && told >= 1024 && told <= 65536
    const blockBytes = known ? told : null
    const files = this.#files
    findings.maps.push(
      mapFinding(file, { tool: 'debugfs', fs: 'ext4', files, extents, areas, unitBytes: null, blockBytes }),
    )
  }

  #stat(line: string): LineUse {
    const of = this.#inode
    if (!of) return 'note'
    const count = BLOCKCOUNT.exec(line)
    if (count) of.blockcount = Number(count[1])
    if (!line.startsWith('(')) return 'note'
    let use: LineUse = 'damaged'
    for (const [, what, from, , unwritten, first, last] of line.matchAll(LIST)) {
      use = 'used'
      const [start, end] = [Number(first), Number(last ?? first) + 1]
      of.blocks += end - start
      if (from === undefined) this.#areas.add(start, end, 'metadata', `extent tree of inode ${of.inode} (${what})`)
      else if (of.inode === JOURNAL_INODE) this.#areas.add(start, end, 'journal', 'journal')
      else if (of.type === 'directory') this.#areas.add(start, end, 'metadata', `directory, inode ${of.inode}`)
      else this.#extents.add(start, end, Number(from), of.file, unwritten ? EXTENT.unwritten : 0)
    }
    return use
  }

  /** The inode of a block, and not where in the file it is. */
  #icheck(line: string): LineUse {
    const row = /^(\d+)\t(.+)$/s.exec(line)
    if (!row) return 'damaged'
    if (!/^\d+$/.test(row[2])) return 'note' // <block not found>
    const [block, inode] = [Number(row[1]), Number(row[2])]
    if (inode === JOURNAL_INODE) this.#areas.add(block, block + 1, 'journal', 'journal')
    else this.#extents.add(block, block + 1, Number.NaN, this.#addFile(inode), 0)
    return 'used'
  }

  #addFile(inode: number): number {
    return this.#files.push({ path: null, inode, root: null, size: null }) - 1
  }

  /** No more lines of the inode come. */
  #close(): void {
    const of = this.#inode
    if (of && of.blocks > 0) this.#blockBytes.add((of.blockcount * 512) / of.blocks)
    this.#inode = null
  }
}

class NcheckNames {
  readonly #names: { inode: number; lines: string[] }[] = []

  apply(line: string): LineUse {
    const row = /^(\d+)\t(\/.*)$/s.exec(line)
    if (row) {
      this.#names.push({ inode: Number(row[1]), lines: [row[2]] })
      return 'used'
    }
    const last = this.#names.at(-1)
    if (!last || last.lines.length === MAX_NAME_LINES) return line === '' ? 'note' : 'damaged'
    last.lines.push(line)
    return 'note'
  }

  finish(): ListedInode[] {
    return this.#names.map(({ inode, lines }) => {
      // Empty lines after the last name are the list's end.
      const path = lines.join('\n').replace(/^\/\//, '/').replace(/\n+$/, '')
      return { path, inode, size: null, inner: true }
    })
  }
}
