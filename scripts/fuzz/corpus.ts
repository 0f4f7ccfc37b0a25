/** What is mutated: every recorded file and sample of fixtures/, as it is and unpacked, and pieces of the large ones. */
import { readFileSync, readdirSync } from 'node:fs'
import { gunzipSync, gzipSync } from 'node:zlib'

const FIXTURES = new URL('../../fixtures/', import.meta.url)
/** Expectations and descriptions, no input. */
const NO_INPUT = /(?:^|\/)(?:README\.md|truth\/.*|[^/]*golden(?:\.json)?)$/
/** A case runs through all commands: beyond this only its beginning does. */
const MOST_BYTES = 1 << 16
/** What stands beside an input is read as often, and not changed. */
const MOST_BYTES_BESIDE = 1 << 14
/** Of 58 saved processes of one capture these do. */
const SAVED = /proc\/(?:7813|7749)\//
/** Saved state answers nothing without a trace of its processes. */
const TRACE_OF_SAVED = '7813 1795173137.1 fdatasync(10) = 0 <0.001>\n7813 1795173137.2 msync(0x7f, 4096, MS_SYNC) = 0\n'
/** What a set holds a second time, in the same shape: read beside the others, not changed. */
const TWIN = /^locate\/samba\/maps\/before\//
/** Files of these folders belong together: a map answers nothing without device tables and requests. */
const SET = /^(?:layout\/[^/]+|locate\/samba|entangled|strace\/fd-ext4-ff-noy)\//
/** What stands beside a set that has no calls of its own. */
const CALLS_OF: Readonly<Record<string, string>> = { 'locate/samba/': 'strace/attach-samba/strace.txt.gz' }
/** Text in a shape of one's own is read when that shape is given. */
const FLAGS: readonly [name: RegExp, flags: readonly string[]][] = [
  [/attach-samba-format/, ['--sysdig-format', '*%evt.rawtime|%thread.tid|%proc.name|%evt.dir|%evt.type|%evt.args']],
  [/blkparse-f\./, ['--blkparse-format', '%D %2c %8s %5T.%9t %5p %2a %3d %S %N [%C]\\n']],
]

export interface Seed {
  /** Path below fixtures/; `:unpacked` where it is the inside of a compressed file. */
  readonly name: string
  /** The set it belongs to, when all of it is read there, too: then the capture is the same for each file of the set. */
  readonly sameAs: string | null
  /** Where it is put in the capture folder: saved state is told by its place. */
  readonly place: string
  readonly bytes: Buffer
  /** Further files of the capture. */
  readonly beside: Readonly<Record<string, string | Buffer>>
  /** Of every command. */
  readonly flags: readonly string[]
}

/** All fixtures that a reader may be given, each a seed. */
export function corpus(): Seed[] {
  const names = readdirSync(FIXTURES, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => `${entry.parentPath}/${entry.name}`.slice(FIXTURES.pathname.length))
    .filter((name) => !NO_INPUT.test(name) && (SAVED.test(name) || !/proc\/\d+\//.test(name)))
    .sort()
  const sets = new Map<string, Record<string, Buffer>>()
  for (const name of names) {
    const set = SET.exec(name)?.[0]
    if (set !== undefined)
      sets.set(set, { ...sets.get(set), [name.slice(set.length)]: beginning(name, MOST_BYTES_BESIDE) })
  }
  for (const [set, files] of sets) {
    if (set in CALLS_OF) files['strace.txt.gz'] = beginning(CALLS_OF[set], MOST_BYTES_BESIDE)
    else if (set.startsWith('layout/')) files['blkparse.txt'] = requestsOf(files)
  }
  return names.filter((name) => !TWIN.test(name)).flatMap((name) => seedsOf(name, sets))
}

/** Compressed where the file is. */
function beginning(name: string, most: number): Buffer {
  const bytes = readFileSync(new URL(name, FIXTURES))
  if (!name.endsWith('.gz')) return bytes.subarray(0, most)
  return gzipSync(gunzipSync(bytes).subarray(0, most))
}

/** Writes to every device that the tables of a set tell of (7:0 where none does), all over its first MiB. */
function requestsOf(files: Readonly<Record<string, Buffer>>): Buffer {
  const text = Object.values(files).join('\n')
  const devices = new Set([...text.matchAll(/"maj:min": *"(\d+:\d+)"/g)].map(([, device]) => device))
  if (devices.size === 0) devices.add('7:0')
  const lines: string[] = []
  for (const device of devices) {
    for (let sector = 0; sector < 2048; sector += 120) {
      const at = `${device.replace(':', ',')} 0 ${lines.length + 1} 0.${String(lines.length).padStart(9, '0')} 7`
      lines.push(`  ${at} Q WS ${sector} + 128 [dd]\n`)
    }
  }
  return Buffer.from(lines.join(''))
}

function seedsOf(name: string, sets: ReadonlyMap<string, Record<string, Buffer>>): Seed[] {
  const set = SET.exec(name)?.[0]
  const saved = /proc\/\d+\/.*$/.exec(name)?.[0]
  const place = set === undefined ? (saved ?? name.replace(/^.*\//, '')) : name.slice(set.length)
  const beside = set === undefined ? (saved ? { 'strace.txt': TRACE_OF_SAVED } : {}) : { ...sets.get(set) }
  const flags = FLAGS.find(([pattern]) => pattern.test(name))?.[1] ?? []
  const bytes = beginning(name, MOST_BYTES)
  delete (beside as Record<string, unknown>)[place]
  const sameAs = bytes.length < MOST_BYTES_BESIDE ? (set ?? null) : null
  const seed = { name, sameAs, place, bytes, beside, flags }
  if (!name.endsWith('.gz')) return [seed]
  return [seed, { ...seed, name: `${name}:unpacked`, place: place.slice(0, -'.gz'.length), bytes: gunzipSync(bytes) }]
}
