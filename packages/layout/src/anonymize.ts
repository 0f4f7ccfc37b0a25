/**
 * Lines of maps, device tables and saved /proc with other names. Per tool: which lines hold no names, and where names
 * stand in the others; any other line is renamed as a whole, its numbers, too. One char per byte.
 */
import { renameEscaped, type Renamer } from '@flushtrace/trace'
import type { LayoutKind } from './kinds.ts'
import { FD_LINE, MAPS_LINE, procFileOf } from './proc.ts'
import { ONE_HEAD_LINE, ONE_PROMPT, TERMINAL_HEAD } from './side-file.ts'

interface Shape {
  /** Lines that stay. */
  readonly plain?: RegExp
  /** Groups hold names. */
  readonly names?: readonly RegExp[]
}

const ALL = /^/
const DATE = String.raw`(?:\d{4}-\d\d-\d\d [\d:.]+(?: [+-]\d{4})?|\w{3} +\d+ +[\d:]+)`
/** Owner, group and name of `ls -l`. */
const LS = new RegExp(
  String.raw`^ *(?:\d+ +)?[-dlbcps]\S{9,10} +\d+ +(\S+) +(\S+) +(?:\d+|\d+, +\d+) ${DATE} (.*)$`,
  'ds',
)

/** zdb's names may stand anywhere, and its text is read by best effort: not copied. */
const SHAPES: Readonly<Record<Exclude<LayoutKind, 'zdb'>, Shape>> = {
  clock: { plain: ALL },
  'trace-clock': { plain: ALL },
  partitions: { plain: ALL },
  mdstat: { names: [/^(?!Personalities|unused )(\S+) : /d, /^ +bitmap: .*\bfile: (.*)$/ds], plain: ALL },
  'xfs-superblock': { names: [/^fname = "(.*)"/ds], plain: ALL },
  'xfs-info': { names: [/^meta-data=(\S+)/d, /^(?:log|realtime) +=(\/\S+)/d], plain: ALL },
  lsblk: {},
  losetup: {},
  links: { names: [LS], plain: /^total \d/ },
  // The key of crypt may be its description: `:32:logon:cryptsetup:NAME`.
  dmsetup: { names: [/^(\S[^:]*): \d+ \d+ crypt \S+ (\S+)/d, /^(\S[^:]*): \d/d, /^(\S+)\s+\(\d+[:,]/d] },
  'thin-dump': { names: [/^<superblock uuid="([^"]+)"/d], plain: ALL },
  mdadm: { names: [/^\s+Name : (\S+)/d], plain: ALL },
  swaps: { names: [/^(\/\S+)\s+(?:partition|file)\s/d], plain: /^Filename\s/ },
  mountinfo: { names: [/^\d+ \d+ \d+:\d+ ([^ ]+) ([^ ]+) (?:[^ ]+ )+- [^ ]+ ([^ ]*)/d] },
  'btrfs-show': { names: [/^Label: '?(.*?)'?(?<! ) +uuid/ds, /^\tdevid .* path (\S+)/d], plain: /^\tTotal devices|^$/ },
  subvolumes: { names: [/^ID \d+ gen .*?\bpath (.+)$/ds] },
  dumpe2fs: { names: [/^Filesystem volume name: +(?!<none>)(.*)$/ds, /^Last mounted on: +(.*)$/ds], plain: ALL },
  debugfs: {
    names: [/^\d+\t(\/.*)$/ds, /^debugfs: +\w+ (.*[A-Za-z/].*)$/ds, /^Fast link dest: "(.*)"/ds],
    // Any other line may be the rest of a name.
    plain:
      /^(?:debugfs|Inode|Block\t|\d+\t|Generation:|User: |File ACL:|Links:|Fragment:|[ acmrd]{0,3}time:|Size of extra|EXTENTS:|BLOCKS:|TOTAL:|\()/,
  },
  fsmap: { names: [/^(\/.*)$/ds], plain: ALL },
  'xfs-bmap': { names: [/^(\S.*):$/ds], plain: /^ / },
  'dump-tree': { names: [/^\t+.*\bname:? (.*)$/ds, /^\t+data (.*)$/ds], plain: ALL },
  filefrag: {
    // A name may go over several lines.
    names: [
      /^File size of (.*) is \d+ \(/ds,
      /^File size of (.*)$/ds,
      /^(.*) is \d+ \(\d+ blocks?\b/ds,
      /^(.*): \d+ extents? found/ds,
    ],
    plain: /^(?:Filesystem (?:type|cylinder)| ext:? | *\d+[: ] *\d)/,
  },
  'qemu-img': { names: [/^(?:0|0x\S+) +\S+ +\S+ +(.*)$/ds], plain: /^(?:Offset +Length|qemu-img: )/ },
  ls: { names: [LS, /^(\/.*):$/ds], plain: /^total \d/ },
  inodes: { names: [/^\d+ \d+ (\/.*)$/ds] },
}

/** Words of JSON tables that are no names. */
const PLAIN_MEMBER =
  /^(?:fstype|fsver|type|uuid|partuuid|parttype|ptuuid|pttype|maj:min|ro|rm|state|tran|size|start|log-sec|phy-sec)$/
const JSON_STRING = /"((?:[^"\\]|\\.)*)"(\s*:)?/g

type Rename = (line: string, renamer: Renamer) => string

/** null: this kind is not copied. `begin`: of the source. To be asked of its lines in order. */
export function layoutAnonymizer(kind: LayoutKind, begin: string): Rename | null {
  // Then a line is a part of it.
  const json = /^\s*[{[]/.test(begin.replace(TERMINAL_HEAD, ''))
  const rename = kind === 'zdb' ? null : renameOf(kind, json)
  if (!rename) return null
  let head = true
  return (line, renamer) => {
    // Prompts with user, host and folder, and commands: before what a tool printed, and behind it.
    head &&= ONE_HEAD_LINE.test(line)
    const copied = line !== '' && (head || (line.includes('@') && ONE_PROMPT.test(line)))
    return copied ? `# ${renamer.text(line)}` : rename(line, renamer)
  }
}

function renameOf(kind: Exclude<LayoutKind, 'zdb'>, json: boolean): Rename {
  if (json) return anonymizeJson
  const shape = SHAPES[kind]
  if (kind === 'inodes') {
    return (line, renamer) =>
      line
        .split('\0')
        .map((record) => renameShape(shape, record, renamer))
        .join('\0')
  }
  if (kind === 'mountinfo') return (line, renamer) => renameShape(shape, renameOptions(line, renamer), renamer)
  return (line, renamer) => renameShape(shape, line, renamer)
}

function renameShape({ names, plain }: Shape, line: string, renamer: Renamer): string {
  for (const pattern of names ?? []) {
    const spans = pattern.exec(line)?.indices?.slice(1)
    if (spans) return renameSpans(line, spans, renamer)
  }
  return plain?.test(line) ? line : renamer.text(line)
}

function renameSpans(line: string, spans: readonly ([number, number] | undefined)[], renamer: Renamer): string {
  let renamed = ''
  let from = 0
  for (const span of spans) {
    if (!span) continue
    renamed += line.slice(from, span[0]) + renameEscaped(line.slice(...span), (text) => renamer.text(text))
    from = span[1]
  }
  return renamed + line.slice(from)
}

/** The last field: values that are no numbers (`subvol=/@`, `lowerdir=…`). */
function renameOptions(line: string, renamer: Renamer): string {
  const at = line.lastIndexOf(' ') + 1
  return (
    line.slice(0, at) + line.slice(at).replace(/=([^,]*[^\d,][^,]*)/g, (_, value: string) => `=${renamer.text(value)}`)
  )
}

function anonymizeJson(line: string, renamer: Renamer): string {
  const words = line.replace(JSON_STRING, '').replace(/\b(?:true|false|null|-?\d[\d.]*(?:[eE][-+]?\d+)?)\b/g, '')
  if (/\w/.test(words)) return renamer.text(line) // no JSON
  let member = ''
  return line.replace(JSON_STRING, (whole, text: string, colon: string | undefined) => {
    if (colon !== undefined) member = text
    const plain = colon !== undefined || PLAIN_MEMBER.test(member) || /^[\d.]*$/.test(text)
    return plain ? whole : `"${renameEscaped(text, (bytes) => renamer.text(bytes))}"`
  })
}

/** A line of a file below /proc/PID, by its path; `cmdline` is one line with NULs inside. */
export function anonymizeProc(path: string, line: string, renamer: Renamer): string {
  const file = procFileOf(path)?.file
  if (file === 'maps') {
    const name = MAPS_LINE.exec(line)?.[11] ?? ''
    const kept = /^\[(?:heap|stack|vdso|vvar\w*|vsyscall|uprobes)\]$/.test(name)
    return kept ? line : line.slice(0, line.length - name.length) + renameEscaped(name, (text) => renamer.text(text))
  }
  if (file === 'fd') return renameFd(line, renamer)
  if (file === 'comm') return renamer.task(line)
  if (file === 'status') return line.startsWith('Name:\t') ? `Name:\t${renamer.task(line.slice(6))}` : line
  return file === 'fdinfo' || file === 'task' ? line : renamer.text(line)
}

function renameFd(line: string, renamer: Renamer): string {
  if (!FD_LINE.test(line)) return /^total \d+$/.test(line) ? line : renamer.text(line)
  const arrow = line.indexOf(' -> ') + 4
  const head = line.slice(0, arrow).replace(/^(\S+ +\d+ +)(\S+)( +)(\S+)/, (_, before, owner, gap, group) => {
    return before + renamer.text(owner) + gap + renamer.text(group)
  })
  return head + renameTarget(line.slice(arrow), renamer)
}

/** Where a descriptor leads; `socket:[123]` is no name. */
export function renameTarget(target: string, renamer: Renamer): string {
  return target.startsWith('/') ? renamer.text(target) : target
}
