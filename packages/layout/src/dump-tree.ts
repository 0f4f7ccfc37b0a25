/**
 * `btrfs inspect-internal dump-tree [-t TREE] DEV` (btrfs-progs): trees as the last commit left them.
 *
 *     chunk tree
 *     leaf 22052864 items 5 free space 15676 generation 10 owner CHUNK_TREE
 *     fs uuid e0d659b9-c43b-48a4-aec8-a1e7bf392008
 *     \titem 3 key (FIRST_CHUNK_TREE CHUNK_ITEM 30408704) itemoff 15881 itemsize 112
 *     \t\tlength 33554432 owner 2 stripe_len 65536 type METADATA|DUP
 *
 * A run without -t prints all trees, one after the other. A leaf says how many items it has. Source: kdave/btrfs-progs
 * kernel-shared/print-tree.c, cmds/inspect-dump-tree.c.
 */
import { FS_TREE, isWhole, type BtrfsFacts } from './btrfs-facts.ts'
import { LAYOUT } from './diagnostics.ts'
import { chunkDetail, emptyChunk, fileExtentDetail, type Item } from './dump-tree-items.ts'
import { ExtentBuilder } from './extent-builder.ts'
import { EXTENT_TREE } from './extent-tree.ts'
import { NO_HINT, mapFinding, type Findings, type FsHint, type ListedInode, type MapFinding } from './findings.ts'
import { EXTENT, type MappedFile } from './layout-map.ts'
import type { LineUse, SideFile } from './side-file.ts'

const TREE = /^[a-z -]*\btree\b(?: key|$)/
const LEAF = /^leaf (\d+) items (\d+)\b/
const TREE_KEY = /tree key \((\S+) ROOT_ITEM (\d+)\)/
const UUID = /^fs uuid ([0-9a-f-]{36})$/
const ITEM = /^\titem \d+ key \((\S+) (\S+) (\S+)\) itemoff (\d+) itemsize (\d+)/
const NODE_HEADER_BYTES = 101 // sizeof(struct btrfs_header): items are placed behind it

const DEVICE = /^\t\t(?:dev item )?devid (\d+) total_bytes (\d+)/
const DATA_REF = /^\t\t(?:\(.*\) )?extent data backref root (\S+) objectid (\d+) offset (\d+) count (\d+)/
const FLAGS = /^\t\t(?:extent )?refs (\d+) gen \d+ flags (\S+)/
const SIZE = /^\t\t(?:inode )?generation \d+ transid \d+ size (\d+)/
const NAME = /^\t\t(?:inode ref )?index \d+ namelen (\d+) name: ([^]*)$/
const CHECKSUMS = /^\t\trange start (\d+) end (\d+)/
const BACKREF = /^\t\troot backref key dirid 256 sequence \d+ name (.*)$/s

const TREE_IDS: Readonly<Record<string, number>> = { FS_TREE, EXTENT_TREE: 2, ROOT_TREE: 1, CHUNK_TREE: 3, DEV_TREE: 4 }

/** `257`, `FS_TREE`; null for trees that hold no files. */
function treeId(word: string): number | null {
  return /^\d+$/.test(word) ? Number(word) : (TREE_IDS[word] ?? null)
}

/** Whether it is what `btrfs inspect-internal dump-tree` prints. */
export function sniffDumpTree(text: string): boolean {
  return (
    /^btrfs-progs v\d|^(?:root|chunk|extent|fs|file|log root) tree/.test(text) &&
    /^(?:leaf|node) \d+ (?:items|level) \d+/m.test(text.slice(0, 8192))
  )
}

/** Where the extent would begin in the file: before it, where a reference is to a part further on. Printed without a sign. */
function signed(text: string): number {
  return Number(BigInt.asIntN(64, BigInt(text)))
}

const NOTHING: Item = { kind: 'none' }

/** Chunks, extents of files, tree blocks and names, of whichever trees it holds. */
export async function readDumpTree(file: SideFile, findings: Findings): Promise<void> {
  const reader = new DumpTreeLines(file, findings)
  await file.eachLine((line) => reader.apply(line))
  reader.end()
}

class DumpTreeLines {
  readonly #file: SideFile
  readonly #findings: Findings
  #facts: BtrfsFacts | null = null
  #tree: 'extent' | 'files' | 'log' | 'other' = 'other'
  #checksums: ExtentBuilder | null = null
  /** Of the tree whose files these are. */
  #root: number | null = null
  #item: Item = NOTHING
  #nodeBytes = 0
  /** Items that the leaf still owes. */
  #owed = 0
  readonly #maps = new Map<string, MapFinding>()
  readonly #fileIndex = new Map<string, number>()
  readonly #sizes = new Map<string, number>()
  readonly #treeBlocks: number[] = []
  readonly #names: { root: number; inode: number; parent: number; name: string }[] = []

  constructor(file: SideFile, findings: Findings) {
    this.#file = file
    this.#findings = findings
  }

  apply(line: string): LineUse {
    if (line.startsWith('\t\t')) return this.#detail(line)
    const item = ITEM.exec(line)
    if (item) return this.#begin(item)
    this.#close()
    if (line.startsWith('\titem')) return 'damaged'
    const uuid = UUID.exec(line)
    if (uuid) return this.#uuid(uuid[1])
    const leaf = LEAF.exec(line)
    if (leaf) {
      if (this.#owed > 0) this.#file.report(LAYOUT.cut, `${this.#file.path}, before ${leaf[0]}`)
      this.#owed = Number(leaf[2])
    } else if (TREE.test(line)) this.#beginTree(line)
    return 'note'
  }

  end(): void {
    this.#close()
    const { path: source, time } = this.#file
    if (this.#owed > 0) this.#file.report(LAYOUT.cut, source)
    const facts = this.#facts
    if (!facts) return
    const hint = this.#hint()
    for (const start of this.#nodeBytes > 0 ? this.#treeBlocks : []) {
      this.#extentMap().areas.add(start, start + this.#nodeBytes, 'metadata', 'tree block')
    }
    for (const map of this.#maps.values()) {
      for (const [index, { inode, root, size }] of map.files.entries()) {
        if (size !== null) continue
        const known = this.#sizes.get(`${root} ${inode}`)
        if (known !== undefined) map.files[index] = { ...map.files[index], size: known }
      }
      if (map.extents.dropped > 0) this.#file.report(LAYOUT.tooMany, source, map.extents.dropped)
    }
    if (this.#checksums) this.#findings.checksums.push({ time, uuid: facts.uuid, ranges: this.#checksums })
    const inodes = this.#paths()
    if (inodes.length > 0) this.#findings.listings.push({ source, time, hint, fs: 'btrfs', inodes })
  }

  #hint(): FsHint {
    return { ...NO_HINT, uuid: this.#facts?.uuid ?? null }
  }

  #uuid(uuid: string): LineUse {
    if (this.#facts?.uuid === uuid) return 'note'
    this.#facts = { source: this.#file.path, uuid, chunks: new Map(), devices: new Map(), subvolumes: new Map() }
    this.#findings.btrfs.push(this.#facts)
    return 'used'
  }

  #beginTree(line: string): void {
    const key = TREE_KEY.exec(line)
    this.#root = null
    this.#tree = 'other'
    if (line.startsWith('extent tree')) this.#tree = 'extent'
    else if (key && key[1] === 'TREE_LOG') [this.#tree, this.#root] = ['log', Number(key[2])]
    else if (key && /^(?:fs|file) tree/.test(line)) [this.#tree, this.#root] = ['files', treeId(key[1])]
  }

  #begin([, object, type, offset, itemoff, itemsize]: RegExpExecArray): LineUse {
    this.#close()
    this.#owed--
    // The first item of a leaf ends where the node does.
    const end = Number(itemoff) + Number(itemsize) + NODE_HEADER_BYTES
    if (Number.isInteger(Math.log2(end))) this.#nodeBytes = end
    const hasFiles = this.#tree === 'files' || this.#tree === 'log'
    switch (type) {
      case 'CHUNK_ITEM':
        this.#item = { kind: 'chunk', chunk: emptyChunk(Number(offset)), stripes: [] }
        return 'used'
      case 'DEV_ITEM':
        this.#item = { kind: 'device' }
        return 'used'
      case 'EXTENT_ITEM':
        if (this.#tree !== 'extent') return 'note'
        this.#item = { kind: 'extent', start: Number(object), bytes: Number(offset), data: false, refs: 0, owners: [] }
        return 'used'
      case 'METADATA_ITEM':
        if (this.#tree !== 'extent') return 'note'
        this.#treeBlocks.push(Number(object))
        return 'used'
      case 'EXTENT_CSUM':
        this.#checksums ??= new ExtentBuilder()
        this.#item = { kind: 'checksums', ranges: this.#checksums }
        return 'used'
      case 'EXTENT_DATA':
        if (!hasFiles) return 'note'
        this.#item = {
          kind: 'file-extent',
          inode: Number(object),
          at: Number(offset),
          type: -1,
          disk: 0,
          diskBytes: 0,
          offset: 0,
          bytes: 0,
          encoded: false,
        }
        return 'used'
      case 'INODE_ITEM':
        if (!hasFiles) return 'note'
        this.#item = { kind: 'inode', inode: Number(object) }
        return 'used'
      case 'INODE_REF':
        if (!hasFiles) return 'note'
        this.#item = { kind: 'name', inode: Number(object), parent: Number(offset) }
        return 'used'
      case 'ROOT_BACKREF': {
        const parent = treeId(offset)
        this.#item = parent === null ? NOTHING : { kind: 'subvolume', id: Number(object), parent }
        return 'used'
      }
      default:
        return 'note'
    }
  }

  #detail(line: string): LineUse {
    const item = this.#item
    switch (item.kind) {
      case 'chunk':
        return chunkDetail(item, line)
      case 'device': {
        const match = DEVICE.exec(line)
        if (!match) return 'note'
        this.#facts?.devices.set(Number(match[1]), { bytes: Number(match[2]), path: null })
        return 'used'
      }
      case 'extent':
        return this.#extentDetail(item, line)
      case 'file-extent':
        return fileExtentDetail(item, line)
      case 'inode': {
        const match = SIZE.exec(line)
        if (match) this.#sizes.set(`${this.#root} ${item.inode}`, Number(match[1]))
        return match ? 'used' : 'note'
      }
      case 'name': {
        const match = NAME.exec(line)
        if (!match || this.#root === null) return 'note'
        this.#names.push({ root: this.#root, inode: item.inode, parent: item.parent, name: match[2] })
        return 'used'
      }
      case 'subvolume': {
        const match = BACKREF.exec(line)
        if (match) this.#facts?.subvolumes.set(item.id, { parent: item.parent, name: match[1] })
        return match ? 'used' : 'note'
      }
      case 'checksums': {
        const match = CHECKSUMS.exec(line)
        if (match) item.ranges.add(Number(match[1]), Number(match[2]), 0, 0, 0)
        return match ? 'used' : 'note'
      }
      case 'none':
        return 'note'
    }
  }

  #extentDetail(item: Extract<Item, { kind: 'extent' }>, line: string): LineUse {
    const flags = FLAGS.exec(line)
    if (flags) {
      item.refs = Number(flags[1])
      item.data = flags[2].includes('DATA')
      if (!item.data) this.#extentMap().areas.add(item.start, item.start + item.bytes, 'metadata', 'tree block')
      return 'used'
    }
    const reference = DATA_REF.exec(line)
    if (!reference || !item.data) return 'note'
    const file = this.#fileOf(this.#extentMap(), Number(reference[2]), treeId(reference[1]))
    item.owners.push({ file, at: signed(reference[3]), refs: Number(reference[4]) })
    return 'used'
  }

  /** Other references stand in items of their own, or are leaves that several trees share. */
  #addExtent({ start, bytes, refs, owners }: Extract<Item, { kind: 'extent' }>): void {
    const { extents, areas } = this.#extentMap()
    const end = start + bytes
    const told = owners.length === 1 && owners[0].refs === refs
    for (const { file, at } of owners) extents.add(start, end, at, file, told ? 0 : EXTENT.shared)
    if (owners.length === 0) areas.add(start, end, 'used', 'data of files that a leaf names (shared)')
  }

  #close(): void {
    const item = this.#item
    this.#item = NOTHING
    if (item.kind === 'chunk') {
      const { chunk, stripes } = item
      const whole = { ...chunk, stripes }
      if (isWhole(whole)) this.#facts?.chunks.set(chunk.logical, whole)
      else this.#file.report(LAYOUT.damagedLine, `chunk ${chunk.logical}`)
    } else if (item.kind === 'extent') {
      if (item.data) this.#addExtent(item)
    } else if (item.kind === 'file-extent' && item.disk > 0 && item.bytes > 0) {
      const map = this.#mapOf(this.#tree === 'log' ? 'dump-tree log' : 'dump-tree fs')
      const file = this.#fileOf(map, item.inode, this.#root)
      const flags = (item.type === 2 ? EXTENT.unwritten : 0) | (item.encoded ? EXTENT.encoded : 0)
      const start = item.encoded ? item.disk : item.disk + item.offset
      map.extents.add(start, item.encoded ? item.disk + item.diskBytes : start + item.bytes, item.at, file, flags)
    }
  }

  #extentMap(): MapFinding {
    return this.#mapOf(EXTENT_TREE)
  }

  #mapOf(tool: string): MapFinding {
    let map = this.#maps.get(tool)
    if (!map) {
      map = mapFinding(this.#file, {
        tool,
        fs: 'btrfs',
        space: 'logical',
        hint: this.#hint(),
        unitBytes: 1,
      })
      this.#maps.set(tool, map)
      this.#findings.maps.push(map)
    }
    return map
  }

  #fileOf(map: MapFinding, inode: number, root: number | null): number {
    const key = `${map.tool} ${root} ${inode}`
    let index = this.#fileIndex.get(key)
    if (index === undefined) {
      this.#fileIndex.set(key, (index = map.files.length))
      const file: MappedFile = { path: null, inode, root, size: null }
      map.files.push(file)
    }
    return index
  }

  /** Names up to the top folder (256) of each tree. Bounded: a damaged tree may have rings. */
  #paths(): ListedInode[] {
    const parents = new Map(this.#names.map(({ root, inode, parent, name }) => [`${root} ${inode}`, { parent, name }]))
    return this.#names.flatMap(({ root, inode, parent, name }) => {
      if (name === '..') return []
      const parts = [name]
      let at = parent
      for (let depth = 0; at !== 256; depth++) {
        const above = parents.get(`${root} ${at}`)
        if (!above || depth > 4096) return []
        parts.unshift(above.name)
        at = above.parent
      }
      const size = this.#sizes.get(`${root} ${inode}`) ?? null
      return [{ path: `/${parts.join('/')}`, inode, size, root, inner: true }]
    })
  }
}
