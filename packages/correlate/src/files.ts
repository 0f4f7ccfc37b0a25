/**
 * Files and their names. A file is what a name leads to; names come and go (create, link, rename, unlink) while
 * descriptors and mappings keep the file, and the name by which they came to it.
 *
 * Invariants
 * 1. A name leads to at most one file; a file may have several names (hard links) or none (deleted, O_TMPFILE).
 * 2. A name is a node of a tree, and stays the same node when it is renamed: what holds a node (a descriptor, a
 *    mapping, a current directory) follows it, and a directory takes everything below along.
 * 3. A name that is unlinked, or that another file is renamed over, leaves the tree and keeps its last path: whoever
 *    holds it holds a deleted name, even when its file has other names. The same path then begins a new node.
 * 4. A file whose last known name goes away is deleted. A name that an untraced process took away is not known here.
 * 5. `FileName` is what a file was called at the moment of a call: answers group by it, so that numbers can be
 *    compared with what the trace itself says on each line.
 *
 * Symbolic links are not known from a trace: two spellings that meet in one file through a link are two files here,
 * unless the trace decorates descriptors (strace -y).
 * Source of the rules: man pages rename(2), unlink(2), link(2), open(2), path_resolution(7); invariant 3 is what
 * /proc/PID/fd shows, torvalds/linux fs/d_path.c d_path().
 */
export type FileKind = 'regular' | 'directory' | 'block' | 'memory' | 'other'

/** A name at one moment; the same object for the same path and state. */
export interface FileName {
  readonly path: string
  readonly deleted: boolean
  /** The file that had this name last: kind, inode and a later name are looked up there. */
  file: TracedFile
}

export class TracedFile {
  kind: FileKind | null = null
  inode: number | null = null
  /** `8:1`, as stat() or /proc/PID/maps number the file system's device (on btrfs the two differ). */
  device: string | null = null
  deleted = false
  readonly nodes = new Set<NameNode>()
  /** What it was called last; a deleted file keeps it. Relative where the directory it starts from is unknown. */
  lastPath: string
  /** Made with O_TMPFILE: its /proc name stays `#inode (deleted)` even when linkat() names it. */
  unnamed = false
  /** Two calls changed its names, or one changed and one opened them, at the same time: which came first is a guess. */
  raced = false
  /** Opened so that it began empty, made (O_EXCL, O_TMPFILE) or truncated (O_TRUNC): the trace saw its beginning. */
  begun = false
  /** How often its names, its size or its blocks were changed by other calls than writes: each makes the inode dirty. */
  changes = 0
  #name: FileName | null = null

  constructor(path: string) {
    this.lastPath = path
  }

  /** What it is called where no name led to it. */
  name(names: FileNames): FileName {
    return (this.#name ??= names.at(this.lastPath, this.deleted, this))
  }

  called(path: string, deleted: boolean): void {
    this.lastPath = path
    this.deleted = deleted
    this.changes++
    this.#name = null
  }
}

/** One component of a path. */
export interface NameNode {
  name: string
  parent: NameNode | null
  depth: number
  children: Map<string, NameNode> | null
  file: TracedFile | null
  /** No path leads here any more. */
  removed: boolean
  /** Kept until a rename. */
  path: string | null
  fileName: FileName | null
}

/** The registry of FileName objects: one for each (path, deleted) that a call met. */
export class FileNames {
  readonly #live = new Map<string, FileName>()
  readonly #deleted = new Map<string, FileName>()

  /** What `file` is called by one who came to it through `node`. */
  of(file: TracedFile, node: NameNode | null): FileName {
    if (!node || file.unnamed) return file.name(this)
    if (node.fileName) {
      node.fileName.file = file
      return node.fileName
    }
    return (node.fileName = this.at(pathOf(node), node.removed, file, rootOf(node).name))
  }

  at(path: string, deleted: boolean, file: TracedFile, unknownRoot = ''): FileName {
    const map = deleted ? this.#deleted : this.#live
    // Two processes in unknown directories may both open `x`: not known to be one file, so not one name.
    const key = unknownRoot === '' ? path : `${unknownRoot}/${path}`
    const known = map.get(key)
    if (known) {
      known.file = file
      return known
    }
    const name: FileName = { path, deleted, file }
    map.set(key, name)
    return name
  }
}

/** Past this many known names, those of files that nobody holds are forgotten: memory stays bounded. */
const MAX_NODES = 200_000
/** PATH_MAX is 4,096 bytes: no path that the kernel takes is deeper. */
const MAX_DEPTH = 2048
/** Paths whose node is remembered: a log names the same ones again and again. */
const MAX_RESOLVED = 1 << 15

export class FileTree {
  readonly root: NameNode = newNode('', null)
  #nodes = 0
  #limit: number
  readonly #minLimit: number
  #unknown = 0
  readonly #resolved = new Map<string, NameNode>()
  /** Unknown directory → the one that `..` leads to from it. */
  readonly #above = new WeakMap<NameNode, NameNode>()

  constructor(maxNodes = MAX_NODES) {
    this.#limit = this.#minLimit = maxNodes
  }

  get crowded(): boolean {
    return this.#nodes > this.#limit
  }

  /** The start of relative paths whose directory is unknown. Each process that starts so has its own. */
  unknownDirectory(): NameNode {
    return newNode(`?${++this.#unknown}`, null)
  }

  /** Follows `path` as text from `from` (its parents included), creating nodes; `root` is where `/` leads (chroot). */
  resolve(path: string, from: NameNode, root: NameNode = this.root): NameNode {
    if (root !== this.root || !path.startsWith('/')) return this.#follow(path, from, root)
    const known = this.#resolved.get(path)
    // Renamed and removed nodes tell by themselves that they are elsewhere now.
    if (known && !known.removed && known.path === path) return known
    const node = this.#follow(path, from, root)
    if (this.#resolved.size >= MAX_RESOLVED) this.#resolved.clear()
    if (pathOf(node) === path) this.#resolved.set(path, node)
    return node
  }

  #follow(path: string, from: NameNode, root: NameNode): NameNode {
    let node = path.startsWith('/') ? root : from
    for (const part of path.split('/')) {
      if (part === '' || part === '.') continue
      if (part === '..') {
        if (node !== root) node = node.parent ?? this.#parentOfUnknown(node)
        continue
      }
      if (node.depth < MAX_DEPTH) node = this.#child(node, part)
    }
    return node
  }

  #child(parent: NameNode, name: string): NameNode {
    parent.children ??= new Map()
    let child = parent.children.get(name)
    if (!child) {
      child = newNode(name, parent)
      parent.children.set(name, child)
      this.#nodes++
    }
    return child
  }

  #parentOfUnknown(node: NameNode): NameNode {
    if (node === this.root) return node
    let above = this.#above.get(node)
    if (!above) this.#above.set(node, (above = newNode(`${node.name}/..`, null)))
    return above
  }

  /** The file behind a name; a name met for the first time gets one. */
  fileAt(node: NameNode): TracedFile {
    if (!node.file) {
      node.file = new TracedFile(pathOf(node))
      node.file.nodes.add(node)
    }
    return node.file
  }

  /** A file gets one more name, where `node` is. Returns the node that leads to it from now on. */
  place(node: NameNode, file: TracedFile): NameNode {
    if (node.file === file) return node
    const fresh = this.#renew(node)
    fresh.file = file
    if (file.nodes.size === 0) file.called(pathOf(fresh), false)
    file.nodes.add(fresh)
    file.changes++
    return fresh
  }

  /** The name goes away. What is known below it stays as it is: `node` may be a symbolic link to a directory. */
  unlink(node: NameNode): void {
    if (node.removed || !node.parent) return
    this.#detach(node)
    // What stays below is not reached by its path any more.
    if (node.children) this.#resolved.clear()
    node.removed = true
    node.fileName = null
    const { file } = node
    if (!file) return
    file.nodes.delete(node)
    file.changes++
    if (file.nodes.size === 0) file.called(pathOf(node), true)
    else if (file.lastPath === pathOf(node)) {
      for (const other of file.nodes) {
        file.called(pathOf(other), false)
        break
      }
    }
  }

  /** rmdir takes only empty directories: whatever was known below is gone, by calls that the trace does not show. */
  removeDirectory(node: NameNode): void {
    for (const below of nodesBelow(node).reverse()) this.unlink(below)
    this.unlink(node)
  }

  rename(from: NameNode, to: NameNode): void {
    if (from === to || isBelow(to, from) || isBelow(from, to) || (from.file && from.file === to.file)) return
    if (!from.parent || !to.parent) return
    const { name, parent } = to
    this.removeDirectory(to)
    this.#detach(from)
    this.#attach(from, name, parent)
  }

  /** RENAME_EXCHANGE. */
  exchange(a: NameNode, b: NameNode): void {
    if (a === b || isBelow(a, b) || isBelow(b, a) || !a.parent || !b.parent) return
    const [nameOfA, parentOfA, nameOfB, parentOfB] = [a.name, a.parent, b.name, b.parent]
    this.#detach(a)
    this.#detach(b)
    this.#attach(a, nameOfB, parentOfB)
    this.#attach(b, nameOfA, parentOfA)
  }

  #attach(node: NameNode, name: string, parent: NameNode): void {
    node.name = name
    node.parent = parent
    node.removed = false
    parent.children ??= new Map()
    parent.children.set(name, node)
    this.#nodes++
    for (const below of [node, ...nodesBelow(node)]) {
      below.depth = (below.parent?.depth ?? 0) + 1
      below.path = null
      below.fileName = null
      // Only a damaged or hostile log gets here; the names below stay what they were, out of reach.
      if (below.depth > MAX_DEPTH) below.children = null
      else below.file?.called(pathOf(below), false)
    }
  }

  /** Out of the tree, still knowing its parent: its path can be told. */
  #detach(node: NameNode): void {
    if (node.parent?.children?.get(node.name) !== node) return
    pathOf(node)
    node.parent.children.delete(node.name)
    this.#nodes--
  }

  /** The node for the next file of this name: holders of the old one keep that. */
  #renew(node: NameNode): NameNode {
    if (!node.file || !node.parent) return node
    const { name, parent } = node
    this.unlink(node)
    return this.#child(parent, name)
  }

  /** Forgets the names of files for which `held` is false, and directories that are empty then. */
  sweep(held: (file: TracedFile) => boolean, keep: ReadonlySet<NameNode>): void {
    this.#nodes = 0
    this.#resolved.clear()
    for (const root of new Set([this.root, ...[...keep].map(rootOf)])) {
      // From the leaves up: an emptied directory goes as well.
      for (const node of nodesBelow(root).reverse()) {
        if (node.children?.size === 0) node.children = null
        if (node.children || keep.has(node) || (node.file && held(node.file))) {
          this.#nodes++
          continue
        }
        node.file?.nodes.delete(node)
        node.parent?.children?.delete(node.name)
      }
      if (root.children?.size === 0) root.children = null
    }
    // Where most names are held, sweeping again and again would free nothing.
    this.#limit = Math.max(this.#minLimit, 2 * this.#nodes)
  }
}

function newNode(name: string, parent: NameNode | null): NameNode {
  const depth = parent ? parent.depth + 1 : 0
  return { name, parent, depth, children: null, file: null, removed: false, path: null, fileName: null }
}

/** Absolute, or relative when its beginning is unknown. */
export function pathOf(node: NameNode): string {
  if (node.path !== null) return node.path
  const parts: string[] = []
  let at: NameNode = node
  while (at.parent) {
    parts.push(at.name)
    at = at.parent
  }
  // An unknown directory is named `?1`, the one above it `?1/..`.
  if (at.name.includes('/')) parts.push(at.name.slice(at.name.indexOf('/') + 1))
  const path = parts.reverse().join('/')
  return (node.path = at.name === '' ? `/${path}` : path === '' ? '.' : path)
}

/** Where a path that belongs to no known directory starts: the unknown directory, else the root of all. */
function rootOf(node: NameNode): NameNode {
  let at: NameNode = node
  while (at.parent) at = at.parent
  return at
}

function isBelow(node: NameNode, above: NameNode): boolean {
  for (let at: NameNode | null = node; at; at = at.parent) if (at === above) return true
  return false
}

/** Parents before their children. */
function nodesBelow(node: NameNode): NameNode[] {
  const found: NameNode[] = []
  let at: NameNode | undefined = node
  for (let next = 0; at; at = found[next++]) for (const child of at.children?.values() ?? []) found.push(child)
  return found
}

/** What kind of file a name leads to, from what calls told; null when nothing did. */
export function kindOf(file: TracedFile): FileKind | null {
  if (file.kind) return file.kind
  for (const node of file.nodes) if (node.children) return 'directory'
  return null
}
