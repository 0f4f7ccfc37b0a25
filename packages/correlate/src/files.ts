/**
 * Files and their names. A file is what a name leads to; names come and go (create, link, rename, unlink) while
 * descriptors and mappings keep the file.
 *
 * Invariants
 * 1. A name leads to at most one file; a file may have several names (hard links) or none (deleted, O_TMPFILE).
 * 2. Renaming a directory renames everything below it: names are a tree, and only the moved node changes.
 * 3. A file whose last known name goes away is deleted. A name that an untraced process took away is not known here.
 * 4. `FileName` is what a file was called at the moment of a call: answers group by it, so that numbers can be
 *    compared with what the trace itself says on each line.
 *
 * Symbolic links are not known from a trace: two spellings that meet in one file through a link are two files here,
 * unless the trace decorates descriptors (strace -y).
 * Source of the rules: man pages rename(2), unlink(2), link(2), open(2), path_resolution(7).
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
  /** `8:1`, as stat() numbers the file system's device. */
  device: string | null = null
  deleted = false
  readonly nodes = new Set<NameNode>()
  /** What it was called last; a deleted file keeps it. Relative where the directory it starts from is unknown. */
  lastPath: string
  /** Which unknown directory `lastPath` starts from; empty for an absolute path. */
  unknownRoot = ''
  /** Made with O_TMPFILE: its /proc name stays `#inode (deleted)` even when linkat() names it. */
  unnamed = false
  #name: FileName | null = null

  constructor(path: string) {
    this.lastPath = path
  }

  name(names: FileNames): FileName {
    return (this.#name ??= names.at(this.lastPath, this.deleted, this))
  }

  renamed(): void {
    this.#name = null
    for (const node of this.nodes) {
      this.lastPath = pathOf(node)
      this.unknownRoot = rootOf(node).name
      break
    }
  }
}

/** One component of a path. */
export interface NameNode {
  readonly name: string
  parent: NameNode | null
  readonly depth: number
  children: Map<string, NameNode> | null
  file: TracedFile | null
}

/** The registry of FileName objects: one for each (path, deleted) that a call met. */
export class FileNames {
  readonly #live = new Map<string, FileName>()
  readonly #deleted = new Map<string, FileName>()

  at(path: string, deleted: boolean, file: TracedFile): FileName {
    const map = deleted ? this.#deleted : this.#live
    // Two processes in unknown directories may both open `x`: not known to be one file, so not one name.
    const key = file.unknownRoot === '' ? path : `${file.unknownRoot}/${path}`
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

export class FileTree {
  readonly root: NameNode = { name: '', parent: null, depth: 0, children: null, file: null }
  #nodes = 0
  #unknown = 0

  get crowded(): boolean {
    return this.#nodes > MAX_NODES
  }

  /** The start of relative paths whose directory is unknown. Each process that starts so has its own. */
  unknownDirectory(): NameNode {
    return { name: `?${++this.#unknown}`, parent: null, depth: 0, children: null, file: null }
  }

  /** Follows `path` as text from `from` (its parents included), creating nodes; `root` is where `/` leads (chroot). */
  resolve(path: string, from: NameNode, root: NameNode = this.root): NameNode {
    let node = path.startsWith('/') ? root : from
    for (const part of path.split('/')) {
      if (part === '' || part === '.') continue
      if (part === '..') {
        if (node !== root && node.parent) node = node.parent
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
      child = { name, parent, depth: parent.depth + 1, children: null, file: null }
      parent.children.set(name, child)
      this.#nodes++
    }
    return child
  }

  /** The file behind a name; a name met for the first time gets one. */
  fileAt(node: NameNode): TracedFile {
    if (!node.file) {
      node.file = new TracedFile(pathOf(node))
      node.file.unknownRoot = rootOf(node).name
      node.file.nodes.add(node)
    }
    return node.file
  }

  /** A new file under a name that led elsewhere, or nowhere. */
  place(node: NameNode, file: TracedFile): void {
    if (node.file === file) return
    this.unlink(node)
    node.file = file
    file.nodes.add(node)
    file.deleted = false
    file.renamed()
  }

  unlink(node: NameNode): void {
    const file = node.file
    if (!file) return
    node.file = null
    file.nodes.delete(node)
    if (file.nodes.size === 0) file.deleted = true
    file.renamed()
  }

  rename(from: NameNode, to: NameNode): void {
    if (from === to || isBelow(to, from) || (from.file && from.file === to.file)) return
    const { file, children } = from
    from.file = null
    from.children = null
    this.unlink(to)
    to.children = null
    this.#move(file, children, from, to)
  }

  /** RENAME_EXCHANGE. */
  exchange(a: NameNode, b: NameNode): void {
    if (a === b || isBelow(a, b) || isBelow(b, a)) return
    const ofA = { file: a.file, children: a.children }
    const ofB = { file: b.file, children: b.children }
    a.file = b.file = null
    a.children = b.children = null
    this.#move(ofA.file, ofA.children, a, b)
    this.#move(ofB.file, ofB.children, b, a)
  }

  #move(file: TracedFile | null, children: Map<string, NameNode> | null, from: NameNode, to: NameNode): void {
    to.file = file
    to.children = children
    if (file) {
      file.nodes.delete(from)
      file.nodes.add(to)
      file.renamed()
    }
    if (!children) return
    for (const child of children.values()) child.parent = to
    forEachBelow(to, (node) => node.file?.renamed())
  }

  /** Forgets the names of files for which `held` is false, and directories that are empty then. */
  sweep(held: (file: TracedFile) => boolean, keep: ReadonlySet<NameNode>): void {
    this.#nodes = 0
    this.#sweepBelow(this.root, held, keep)
  }

  #sweepBelow(node: NameNode, held: (file: TracedFile) => boolean, keep: ReadonlySet<NameNode>): void {
    if (!node.children) return
    for (const [name, child] of node.children) {
      this.#sweepBelow(child, held, keep)
      if (child.file && !held(child.file)) {
        child.file.nodes.delete(child)
        child.file = null
      }
      if (child.file || child.children || keep.has(child)) this.#nodes++
      else node.children.delete(name)
    }
    if (node.children.size === 0) node.children = null
  }
}

/** Absolute, or relative when its beginning is unknown. */
function pathOf(node: NameNode): string {
  const parts: string[] = []
  let at: NameNode = node
  while (at.parent) {
    parts.push(at.name)
    at = at.parent
  }
  const path = parts.reverse().join('/')
  if (at.name === '') return `/${path}`
  return path === '' ? '.' : path
}

function rootOf(node: NameNode): NameNode {
  let at: NameNode = node
  while (at.parent) at = at.parent
  return at
}

function isBelow(node: NameNode, above: NameNode): boolean {
  for (let at: NameNode | null = node; at; at = at.parent) if (at === above) return true
  return false
}

function forEachBelow(node: NameNode, visit: (node: NameNode) => void): void {
  const stack = [node]
  for (let at = stack.pop(); at; at = stack.pop()) {
    for (const child of at.children?.values() ?? []) {
      visit(child)
      stack.push(child)
    }
  }
}

/** What kind of file a name leads to, from what calls told; null when nothing did. */
export function kindOf(file: TracedFile): FileKind | null {
  if (file.kind) return file.kind
  for (const node of file.nodes) if (node.children) return 'directory'
  return null
}
