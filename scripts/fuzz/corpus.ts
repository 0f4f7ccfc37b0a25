/** What is mutated: every recorded file and sample of fixtures/, as it is and unpacked, and pieces of the large ones. */
import { readFileSync, readdirSync } from 'node:fs'
import { gunzipSync, gzipSync } from 'node:zlib'

const FIXTURES = new URL('../../fixtures/', import.meta.url)
/** Expectations and descriptions, no input. */
const NO_INPUT = /(?:^|\/)(?:README\.md|truth\/.*|[^/]*golden(?:\.json)?)$/
/** A case runs through five commands: beyond this only its beginning does. */
const MOST_BYTES = 1 << 16
/** Of 58 saved processes of one capture these do. */
const SAVED = /proc\/(?:7813|7749)\//
/** Saved state answers nothing without a trace of its processes. */
const TRACE_OF_SAVED = '7813 1795173137.1 fdatasync(10) = 0 <0.001>\n7813 1795173137.2 msync(0x7f, 4096, MS_SYNC) = 0\n'

export interface Seed {
  /** Path below fixtures/; `:unpacked` where it is the inside of a compressed file. */
  readonly name: string
  /** Where it is put in the capture folder: saved state is told by its place. */
  readonly place: string
  readonly bytes: Buffer
  /** Further files of the capture. */
  readonly beside: Readonly<Record<string, string>>
}

export function corpus(): Seed[] {
  const names = readdirSync(FIXTURES, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => `${entry.parentPath}/${entry.name}`.slice(FIXTURES.pathname.length))
    .filter((name) => !NO_INPUT.test(name) && (SAVED.test(name) || !/proc\/\d+\//.test(name)))
    .sort()
  return names.flatMap((name) => seedsOf(name, readFileSync(new URL(name, FIXTURES))))
}

function seedsOf(name: string, bytes: Buffer): Seed[] {
  const saved = /proc\/\d+\/.*$/.exec(name)
  if (saved) return [{ name, place: saved[0], bytes, beside: { 'strace.txt': TRACE_OF_SAVED } }]
  const place = name.replace(/^.*\//, '')
  if (!name.endsWith('.gz')) return [{ name, place, bytes: bytes.subarray(0, MOST_BYTES), beside: {} }]
  const inside = gunzipSync(bytes).subarray(0, MOST_BYTES)
  return [
    { name, place, bytes: gzipSync(inside), beside: {} },
    { name: `${name}:unpacked`, place: place.slice(0, -'.gz'.length), bytes: inside, beside: {} },
  ]
}
