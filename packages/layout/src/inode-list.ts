/**
 * Lists of inodes with their names.
 *
 *     find MNT -xdev -printf '%i %s %p\n'     12 487528 /srv/mnt/a\012b     (newline and backslash may stand as octal)
 *     find MNT -xdev -printf '%i %s %p\0'     names as they are
 *     ls -liR MNT                             /srv/mnt:
 *                                             total 292
 *                                             12 -rwxr-xr-x 1 root root 487528 2026-11-20 11:54:16.7 +0000 durable.db
 *
 * ls prints a newline in a name as it is: the rest of the name is a line of no shape, so such names are left out.
 */
import { decodeUtf8 } from '@flushtrace/trace'
import { NO_HINT, type Findings, type ListedInode } from './findings.ts'
import { TERMINAL_END, TERMINAL_HEAD, type LineUse, type SideFile } from './side-file.ts'

const FIND = /^(\d+) (\d+) (\/[^]*)$/
const LS_FOLDER = /^(\/.*):$/s
/** Date: `Nov 20 11:54`, `Nov 20  2025`, or --full-time. */
const LS_ROW =
  /^ *(\d+) ([-dlbcps])[-rwxstST]{9}[.+@]? +\d+ +\S+ +\S+ +(?:(\d+)|\d+, +\d+) (?:\d{4}-\d\d-\d\d [\d:.]+(?: [+-]\d{4})?|\w{3} +\d+ +[\d:]+) (.*)$/s
const MAX_NAME_BYTES = 1 << 16

/** Whether it is what `find -printf '%i %s %p'` prints, ended by NULs or newlines. */
export function sniffInodes(text: string): boolean {
  const records = text.slice(0, 65536).split(text.includes('\0') ? '\0' : '\n')
  const whole = records.slice(0, Math.min(8, Math.max(1, records.length - 1)))
  return whole.length > 0 && whole.every((record) => FIND.test(record))
}

/** Whether it is what `ls -liR` prints. */
export function sniffLs(text: string): boolean {
  return /^\/[^\n]*:\ntotal \d+\n *\d+ [-dlbcps][-rwxstST]{9}/.test(text) || /^\/[^\n]*:\ntotal 0\n(?:\n|$)/.test(text)
}

/** Names and sizes of inodes. */
export async function readInodes(file: SideFile, findings: Findings): Promise<void> {
  const inodes: ListedInode[] = []
  if (file.source.head.includes(0)) {
    for await (const record of records(file)) {
      const first = file.lines++ === 0
      const match = FIND.exec(first ? record.replace(TERMINAL_HEAD, '') : record)
      if (match) inodes.push(listed(match, match[3]))
      file[match ? 'used' : TERMINAL_END.test(`\n${record}`) ? 'notes' : 'damaged']++
    }
  } else {
    await file.eachLine((line) => {
      const match = FIND.exec(line)
      if (match) inodes.push(listed(match, unescapeName(match[3])))
      return match ? 'used' : line === '' ? 'note' : 'damaged'
    })
  }
  addListing(file, findings, inodes)
}

/** Names and sizes of inodes. */
export async function readLs(file: SideFile, findings: Findings): Promise<void> {
  const inodes: ListedInode[] = []
  let folder = ''
  let last = false
  await file.eachLine((line): LineUse => {
    const row = LS_ROW.exec(line)
    if (row) {
      const name = row[2] === 'l' ? row[4].replace(/ -> .*$/s, '') : row[4]
      inodes.push({
        path: `${folder === '/' ? '' : folder}/${name}`,
        inode: Number(row[1]),
        size: row[3] === undefined ? null : Number(row[3]),
        inner: false,
      })
      last = true
      return 'used'
    }
    const head = LS_FOLDER.exec(line)
    if (head) folder = head[1]
    // A name goes on in this line: the one that was added is not whole.
    else if (last && line !== '' && !line.startsWith('total ')) inodes.pop()
    last = false
    return 'note'
  })
  addListing(file, findings, inodes)
}

function addListing(file: SideFile, findings: Findings, inodes: ListedInode[]): void {
  if (inodes.length === 0) return
  const { path: source, time } = file
  findings.listings.push({ source, time, hint: { ...NO_HINT, path: inodes[0].path }, fs: null, inodes })
}

function listed([, inode, size]: RegExpExecArray, path: string): ListedInode {
  return { path, inode: Number(inode), size: Number(size), inner: false }
}

/** `\012` and `\134`, as lists of lines write them. */
function unescapeName(name: string): string {
  return name.includes('\\') ? name.replace(/\\(012|134)/g, (_, digits) => (digits === '012' ? '\n' : '\\')) : name
}

/** Records that end in NUL; one longer than any name is cut. */
async function* records(file: SideFile): AsyncGenerator<string> {
  let rest = Buffer.alloc(0)
  for await (const chunk of file.source.chunks()) {
    const bytes = Buffer.concat([rest, chunk])
    let from = 0
    for (let at = bytes.indexOf(0); at >= 0; at = bytes.indexOf(0, from)) {
      yield decodeUtf8(bytes, from, Math.min(at, from + MAX_NAME_BYTES)).replace(/^\n/, '')
      from = at + 1
    }
    rest = bytes.subarray(from, Math.min(bytes.length, from + MAX_NAME_BYTES))
  }
  if (rest.length > 0) yield decodeUtf8(rest)
}
