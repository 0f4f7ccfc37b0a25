/**
 * `name=value name=value` of an event's text → the slots of its call.
 *
 *     fd=3(<f>/etc/ld.so.cache) name=/etc/ld.so.cache flags=4097(O_RDONLY|O_CLOEXEC) mode=0 dev=FD01 ino=593530
 *     res=-2(ENOENT) name=/etc/ld.so.nohwcap             res=1(<f>/srv/test)                  res=7FA69774E000 vm_size=536
 *     fd=4(<f>/srv/a b (deleted)) name=TP1 Hardening basics.txt(/home/toto/TP1 Hardening basics.txt)
 *     res=643 data=.user  nginx;.worker_processes  1;..error_log fd=9 size=643
 *
 * Values are not quoted and may hold blanks: only the names of the event's own parameters, in their order, end one.
 * Behind `data=`, which may hold anything, names are looked for from the end. Refused: what is no parameter, a number that
 * goes on as something else, and the head of another event; these are lines that lost their ends.
 */
import { posix } from 'node:path'
import type { FdName } from '@flushtrace/trace'
import * as C from './columns.ts'
import { EVENTS } from './event-table.ts'
import type { TaskCall } from './task-calls.ts'

/** By event name: parameters in the order of the newest version; what older ones had beside comes last. */
const ENTER_NAMES = namesByEvent(0)
const EXIT_NAMES = namesByEvent(1)

function namesByEvent(parity: number): ReadonlyMap<string, readonly string[]> {
  const names = new Map<string, string[]>()
  for (let id = EVENTS.length - 1; id >= 0; id--) {
    if (id % 2 !== parity) continue
    const { name, parameters } = EVENTS[id]
    const known = names.get(name) ?? []
    names.set(name, [...known, ...parameters.filter((parameter) => !known.includes(parameter))])
  }
  return names
}

/** Events whose printed names have moved between versions (pgid, vpgid). */
const UNORDERED: ReadonlySet<string> = new Set([...C.EXECS, ...C.FORKS])

const NO_NAMES: readonly string[] = []

function namesOf(type: string, exit: boolean): readonly string[] {
  return (exit ? EXIT_NAMES : ENTER_NAMES).get(type) ?? NO_NAMES
}

/** Where data that was read or written begins; -1: the event carries none. */
function dataAt(names: readonly string[], info: string): number {
  return names.includes('data') ? info.search(/(?:^| )data=/) : -1
}

/** ` 15:41:38.416541555 1 etcd (5721) > fsync`: what stands in a line behind the number of its event. */
const HEAD = /(?:^|\s)\d[\d:]*\.\d{9} \d+ .{0,255} \((?:<NA>\.)?\d+(?:\.\d+)?(?::(?:-?\d+|<NA>))?\) [<>] \w/s

/** Whether the line goes on with another event; data may well hold one. */
export function isJoined(type: string, exit: boolean, info: string): boolean {
  const data = dataAt(namesOf(type, exit), info)
  const text = data < 0 ? info : info.slice(0, data)
  return /\) [<>] \w/.test(text) && HEAD.test(text)
}

/** A newer sysdig may tell more behind it. */
const NUMBER = /^(?:-?\d+|[\dA-F]+|0x[\da-f]+|NULL|<NA>)?(?:\(.*\))?(?:\s+[\w.]+=.*)?\s*$/s

/** Values by name; a name stands once in an event. null: they are not what this event prints. */
export function splitInfo(
  type: string,
  exit: boolean,
  info: string,
  columns: ReadonlyMap<string, C.Column>,
): Map<string, string> | null {
  const names = namesOf(type, exit)
  const values = new Map<string, string>()
  const data = dataAt(names, info)
  const text = data < 0 ? info : info.slice(0, data)
  if (data >= 0) takeBehindData(info, data, names, values)
  let at = 0
  let rest = names
  while (at < text.length) {
    const equals = text.indexOf('=', at)
    const name = text.slice(at, equals < 0 ? undefined : equals)
    if (equals < 0 || !names.includes(name)) {
      if (equals < 0 ? name.trim() !== '' : !/^\s*[\w.]+$/.test(name)) return null
      break
    }
    // A name that only older versions have says nothing of the order.
    rest =
      rest.includes(name) && !UNORDERED.has(type)
        ? rest.slice(rest.indexOf(name) + 1)
        : names.filter((other) => !values.has(other) && other !== name)
    let end = text.length
    for (const next of rest) {
      const found = text.indexOf(` ${next}=`, equals)
      if (found >= 0 && found < end) end = found
    }
    const value = text.slice(equals + 1, end).replace(/ $/, '')
    const column = columns.get(name)
    if (column && isNumeric(column) && !NUMBER.test(value)) return null
    values.set(name, value)
    at = end + 1
  }
  return values
}

/** The parameters that come after the data at `data`, looked for from the end. */
function takeBehindData(info: string, data: number, names: readonly string[], values: Map<string, string>): void {
  let text = info
  for (const name of names.slice(names.indexOf('data') + 1).toReversed()) {
    const at = text.lastIndexOf(` ${name}=`)
    // `size=` inside the data is no parameter: one is a number, a descriptor or an address, and nothing follows it.
    if (at < data || !/^-?\d\S*(?:\(<.*\))? ?$/s.test(text.slice(at + name.length + 2))) continue
    values.set(name, text.slice(at + name.length + 2).trimEnd())
    text = text.slice(0, at)
  }
}

/** Letters that sysdig prints for kinds of descriptors. */
const KINDS: Readonly<Record<string, FdName['kind']>> = {
  f: 'path',
  d: 'path',
  p: 'pipe',
  m: 'memory',
  '4': 'socket',
  '4t': 'socket',
  '4u': 'socket',
  '6': 'socket',
  '6t': 'socket',
  '6u': 'socket',
  n: 'socket',
}
const FD = /^(-?\d+)(?:\(<(\w{1,2})>(.*)\))?/s
/** Also a unix socket, as one letter: only its address tells it from a userfaultfd. */
const UNIX = 'u'
const DELETED = ' (deleted)'

/** null: no name, one without a beginning, or one that is no longer true. */
function fdName(value: string, outdated: ReadonlySet<string>): FdName | null {
  const match = FD.exec(value)
  if (!match || match[2] === undefined) return null
  const [, , letter, text] = match
  const kind = letter === UNIX ? 'socket' : (KINDS[letter] ?? 'anon')
  if (kind !== 'path')
    return { kind, text: text === '' ? kind : text, deleted: kind === 'memory', device: null, block: false }
  if (!text.startsWith('/')) return null
  const deleted = text.endsWith(DELETED)
  if (outdated.has(deleted ? text.slice(0, -DELETED.length) : text)) return null
  // sysdig got it from /proc, where a file may also be called like that.
  return { kind, text, deleted: deleted ? 'maybe' : false, device: null, block: false }
}

function isNumeric({ slot }: C.Column): boolean {
  return slot < C.TEXT && slot !== C.PATH && slot !== C.PATH2
}

/** Fills the slots of `task`; `columns` are those of its call. */
export function fillFromText(
  task: TaskCall,
  columns: ReadonlyMap<string, C.Column>,
  values: Iterable<[string, string]>,
  outdated: ReadonlySet<string>,
  resultIsAddress: boolean,
): void {
  let hasPath = false
  for (const [name, text] of values) {
    const column = columns.get(name)
    if (!column || text === '' || text === '<NA>') continue
    const { slot, convert } = column
    if (slot >= C.TEXT) continue
    if (slot === C.PATH || slot === C.PATH2) {
      const path = pathOf(text)
      if (slot === C.PATH2) task.path2 = path
      // The first of two wins: execve's resolved path stands before the one it was given.
      else if (!hasPath) task.path = path
      hasPath ||= slot === C.PATH
      continue
    }
    const value =
      name === 'request' || name === 'argument' ? Number.parseInt(text, 16) : numberOf(slot, text, resultIsAddress)
    task.values[slot] = convert ? convert(value) : value
    if (!text.includes('(<')) continue
    if (slot === C.FD) task.name = fdName(text, outdated)
    else if (slot === C.FD2) task.name2 = fdName(text, outdated)
    else if (slot === C.RESULT) task.nameOfResult = fdName(text, outdated)
  }
}

/** `rel(/abs)`: what was asked for, and where that led; `./rel(rel)` where sysdig did not know the directory. */
function pathOf(text: string): string {
  if (text.startsWith('/') || !text.endsWith(')')) return text
  const match = /^.*\((\/.*)\)$/s.exec(text)
  if (match) return match[1]
  for (let at = text.indexOf('('); at > 0; at = text.indexOf('(', at + 1)) {
    const asked = text.slice(0, at)
    if (posix.normalize(asked) === text.slice(at + 1, -1)) return asked
  }
  return text
}

function numberOf(slot: number, text: string, resultIsAddress: boolean): number {
  if (slot === C.ADDR || slot === C.DEV) return Number.parseInt(text, 16)
  // mmap's address: hexadecimal until 2023 (12 digits in user space), decimal since (14 or 15).
  if (slot === C.RESULT && resultIsAddress && /^[0-9A-F]{6,12}$/.test(text)) return Number.parseInt(text, 16)
  return Number.parseInt(text, 10)
}
