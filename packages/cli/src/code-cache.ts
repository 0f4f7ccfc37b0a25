/**
 * Code as V8 compiled it, kept in one file from one run to the next. Who writes that file decides what the next run does:
 * it is read only where no one but this user can have written it, whatever the folders on the way to it are
 * (docs/decisions/0008-compiled-code.md). What cannot be read or written is no failure: then all is compiled as ever.
 */
import {
  closeSync,
  constants,
  fstatSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  unlinkSync,
  writeFileSync,
  type Stats,
} from 'node:fs'
import { homedir } from 'node:os'
import { isAbsolute, join } from 'node:path'
import { crc32 } from 'node:zlib'

/** What V8 made of each file, by the file's name. */
export type CompiledCode = ReadonlyMap<string, Uint8Array>

/** Of another build or another Node, the code is not looked at. */
interface Head {
  build: string
  node: string
  sizes: [name: string, bytes: number][]
}

const FILE = 'compiled-code'
const NODE = `${process.version} ${process.arch}`
const CHECKSUM_BYTES = 4
const LINE_FEED = 10
const LEFTOVER = new RegExp(`^${FILE}\\.\\d+$`)
/** No run writes for that long, whatever the disk. */
const LEFT_MS = 3_600_000
const LEFTOVERS_A_RUN = 16

/**
 * This user's folder for it, which need not exist. null: none is wanted (NODE_DISABLE_COMPILE_CACHE, as for Node's own), or
 * the home is another user's, as sudo may leave it.
 */
export function codeFolder(env: NodeJS.ProcessEnv): string | null {
  if (env.NODE_DISABLE_COMPILE_CACHE) return null
  const given = env.XDG_CACHE_HOME
  try {
    const home = given && isAbsolute(given) ? given : homedir()
    if (statSync(home).uid !== process.geteuid?.()) return null
    return join(home, home === given ? '' : '.cache', 'flushtrace')
  } catch {
    return null
  }
}

/** What an earlier run of the same build kept; nothing where there is none, or none to be trusted. */
export function readCode(folder: string, build: string): CompiledCode {
  try {
    return parse(readOwn(folder), build)
  } catch {
    return new Map()
  }
}

export function keepCode(folder: string, build: string, code: CompiledCode): void {
  const sizes = [...code].map(([name, { length }]): [string, number] => [name, length])
  const head: Head = { build, node: NODE, sizes }
  const bytes = Buffer.concat([Buffer.from(`${JSON.stringify(head)}\n`), ...code.values()])
  const checksum = Buffer.alloc(CHECKSUM_BYTES)
  checksum.writeUInt32LE(crc32(bytes))
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 })
    const there = lstatSync(folder)
    if (!there.isDirectory() || !isOwn(there)) return
    write(folder, Buffer.concat([checksum, bytes]))
    removeLeftovers(folder)
  } catch {
    // Nowhere to keep it.
  }
}

/** Whole, or not at all, for those who read at the same time. */
function write(folder: string, bytes: Uint8Array): void {
  const fresh = join(folder, `${FILE}.${process.pid}`)
  const file = openSync(fresh, 'wx', 0o600)
  try {
    writeFileSync(file, bytes)
    renameSync(fresh, join(folder, FILE))
  } catch {
    unlinkSync(fresh) // a full disk, for one
  } finally {
    closeSync(file)
  }
}

/** Of runs that were killed while they wrote. A few at a time: nobody is to wait for it. */
function removeLeftovers(folder: string): void {
  const left = readdirSync(folder).filter((name) => LEFTOVER.test(name))
  for (const name of left.slice(0, LEFTOVERS_A_RUN)) {
    const path = join(folder, name)
    const stats = lstatSync(path)
    if (stats.isFile() && Date.now() - stats.mtimeMs > LEFT_MS) unlinkSync(path)
  }
}

/** Asked of the open file: its name could lead elsewhere a moment later. */
function readOwn(folder: string): Buffer {
  const file = openSync(join(folder, FILE), constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
  try {
    const stats = fstatSync(file)
    if (!stats.isFile() || !isOwn(stats)) throw new Error('not our own')
    return readFileSync(file)
  } finally {
    closeSync(file)
  }
}

/** Of this user, and nobody else can write to it. */
function isOwn({ uid, mode }: Stats): boolean {
  return uid === process.geteuid?.() && (mode & 0o022) === 0
}

/** V8 itself looks at no checksum: of damaged code Node 20 dies. */
function parse(bytes: Buffer, build: string): CompiledCode {
  const code = new Map<string, Uint8Array>()
  if (crc32(bytes.subarray(CHECKSUM_BYTES)) !== bytes.readUInt32LE(0)) return code
  let at = bytes.indexOf(LINE_FEED, CHECKSUM_BYTES) + 1
  const head = JSON.parse(bytes.toString('utf8', CHECKSUM_BYTES, at)) as Head
  if (head.build !== build || head.node !== NODE) return code
  for (const [name, length] of head.sizes) code.set(name, bytes.subarray(at, (at += length)))
  return code
}
