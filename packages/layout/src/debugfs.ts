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

export function sniffDebugfs(text: string): boolean {
  return (
    /^(?:debugfs.*\n)*(?:Inode: \d+ +Type: |Block\tInode number$|Inode\tPathname$)/m.test(text.slice(0, 4096)) &&
    /^(?:debugfs|Inode|Block\tI)/.test(text)
  )
}

interface Draft {
  readonly inode: number
  readonly type: string
  blockcount: number
  /** Blocks named so far: with the block count (in 512 bytes) they tell the block size. */
  blocks: number
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

export async function readDebugfs(file: SideFile, findings: Findings): Promise<void> {
  const areas = new AreaBuilder()
  const extents = new ExtentBuilder()
  const files: { path: null; inode: number; root: null; size: number | null }[] = []
  const names = new NcheckNames()
  const sizes = new Set<number>()
  let mode: 'stat' | 'icheck' | 'ncheck' | 'none' = 'none'
  let draft: Draft | null = null
  let fileIndex = -1
  const close = (): void => {
    if (draft && draft.blocks > 0) sizes.add((draft.blockcount * 512) / draft.blocks)
    draft = null
  }

  const stat = (line: string): LineUse => {
    if (!draft) return 'note'
    const count = BLOCKCOUNT.exec(line)
    if (count) draft.blockcount = Number(count[1])
    if (!line.startsWith('(')) return 'note'
    let use: LineUse = 'damaged'
    for (const [, what, from, , unwritten, start, end] of line.matchAll(LIST)) {
      use = 'used'
      const last = Number(end ?? start) + 1
      draft.blocks += last - Number(start)
      if (from === undefined)
        areas.add(Number(start), last, 'metadata', `extent tree of inode ${draft.inode} (${what})`)
      else if (draft.inode === JOURNAL_INODE) areas.add(Number(start), last, 'journal', 'journal')
      else if (draft.type === 'directory') areas.add(Number(start), last, 'metadata', `directory, inode ${draft.inode}`)
      else extents.add(Number(start), last, Number(from), fileIndex, unwritten ? EXTENT.unwritten : 0)
    }
    return use
  }

  await file.eachLine((line): LineUse => {
    const inode = INODE.exec(line)
    if (inode) {
      close()
      mode = 'stat'
      draft = { inode: Number(inode[1]), type: inode[2], blockcount: 0, blocks: 0 }
      fileIndex = files.push({ path: null, inode: draft.inode, root: null, size: null }) - 1
      return 'used'
    }
    if (PROMPT.test(line)) return 'note'
    if (line === 'Block\tInode number') return ((mode = 'icheck'), 'note')
    if (line === 'Inode\tPathname') return ((mode = 'ncheck'), 'note')
    if (mode === 'ncheck') return names.apply(line)
    if (line === '') return 'note'
    if (mode === 'stat') return stat(line)
    const tab = /^(\d+)\t(.+)$/s.exec(line)
    if (!tab) return 'damaged'
    if (!/^\d+$/.test(tab[2])) return 'note' // <block not found>
    const block = Number(tab[1])
    if (Number(tab[2]) === JOURNAL_INODE) areas.add(block, block + 1, 'journal', 'journal')
    else addOwned(block, Number(tab[2]))
    return 'used'
  })
  close()

  /** icheck tells the inode of a block, and not where in the file it is. */
  function addOwned(block: number, inode: number): void {
    files.push({ path: null, inode, root: null, size: null })
    extents.add(block, block + 1, Number.NaN, files.length - 1, 0)
  }

  const { path: source, time } = file
  const inodes = names.finish()
  if (inodes.length > 0) findings.listings.push({ source, time, hint: NO_HINT, fs: 'ext4', inodes })
  if (areas.length === 0 && extents.length === 0) return
  const [told] = sizes
  const known = sizes.size === 1 && Number.isInteger(Math.log2(told)) && told >= 1024 && told <= 65536
  findings.maps.push(
    mapFinding(file, {
      tool: 'debugfs',
      fs: 'ext4',
      files,
      extents,
      areas,
      unitBytes: null,
      blockBytes: known ? told : null,
    }),
  )
}
