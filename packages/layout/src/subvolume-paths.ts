/** btrfs: which tree a path lies in, and where a tree is to be found. */
import type { Findings } from './findings.ts'
import type { FsJoin } from './fs-join.ts'
import type { FsDraft } from './saved-fs.ts'

export class SubvolumePaths {
  readonly #rootByPath = new Map<string, number>()
  readonly #pathByRoot = new Map<FsDraft, Map<number, string>>()

  constructor(findings: Findings, join: FsJoin) {
    const mounts = findings.mounts.all().filter(({ subvolume }) => subvolume !== null)
    for (const mount of mounts) {
      const draft = join.ofMount(mount)
      if (!draft || mount.subvolume === null) continue
      // The mountpoint itself: another mount may show only a folder of the tree.
      this.#add(draft, mount.mountpoint, mount.subvolume)
      const tables = tablesOf(findings, draft, join)
      for (const rows of tables) {
        for (const row of rows.values()) {
          const path = pathBelow(rows, row.id, mount.subvolume)
          if (path !== null) this.#add(draft, `${mount.mountpoint === '/' ? '' : mount.mountpoint}/${path}`, row.id)
        }
      }
    }
  }

  rootOf(path: string): number | null {
    for (let at = path; at !== ''; at = at.slice(0, at.lastIndexOf('/'))) {
      const root = this.#rootByPath.get(at)
      if (root !== undefined) return root
      if (!at.startsWith('/')) return null
    }
    return this.#rootByPath.get('/') ?? null
  }

  /** A path in a tree as the mounted system shows it; null: that tree is nowhere to be seen. */
  outerPath(draft: FsDraft, root: number, inner: string): string | null {
    const top = this.#pathByRoot.get(draft)?.get(root)
    return top === undefined ? null : `${top === '/' ? '' : top}${inner}`
  }

  #add(draft: FsDraft, path: string, root: number): void {
    if (!this.#rootByPath.has(path)) this.#rootByPath.set(path, root)
    let paths = this.#pathByRoot.get(draft)
    if (!paths) this.#pathByRoot.set(draft, (paths = new Map()))
    if (!paths.has(root)) paths.set(root, path)
  }
}

interface Row {
  readonly id: number
  readonly parent: number
  readonly path: string
  /** Whether `path` begins at the mounted tree and not at its parent. */
  readonly whole: boolean
}

/** Lists of subvolumes name no file system: they count where there is only one of the type. */
function tablesOf(findings: Findings, draft: FsDraft, join: FsJoin): Map<number, Row>[] {
  const only = join.drafts.filter(({ type }) => type === 'btrfs').length === 1
  const listed = only
    ? findings.subvolumes.map(({ rows }) => new Map(rows.map((row) => [row.id, { ...row, whole: true }])))
    : []
  const dumped = findings.btrfs
    .filter(({ uuid }) => uuid === draft.uuid)
    .map(({ subvolumes }) => {
      return new Map([...subvolumes].map(([id, { parent, name }]) => [id, { id, parent, path: name, whole: false }]))
    })
  return [...listed, ...dumped]
}

/** Bounded: damaged tables may have rings. */
function pathBelow(rows: ReadonlyMap<number, Row>, id: number, mounted: number): string | null {
  const parts: string[] = []
  for (let at = rows.get(id), depth = 0; at && depth < 64; at = rows.get(at.parent), depth++) {
    parts.unshift(at.path)
    if (at.parent === mounted) return at.whole && depth > 0 ? (rows.get(id)?.path ?? null) : parts.join('/')
  }
  return null
}
