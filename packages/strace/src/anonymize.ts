/**
 * A line of strace with other names: strings and `<…>` are renamed, what was written or read, environments and addresses
 * are blanked, everything else but colours stays, byte for byte. A line that is not strace's (the program's own output) is blanked.
 *
 *     7813<samba> openat(AT_FDCWD</srv/x>, "names.tdb", O_RDWR) = 7</srv/x/names.tdb>
 *     7813<qhwro> openat(AT_FDCWD</srv/m>, "rfkqd.tdb", O_RDWR) = 7</srv/m/rfkqd.tdb>
 */
import { CALLS, blank, renameEscaped, withoutColour, type Renamer } from '@flushtrace/trace'
import { TAIL_ROOM } from './notices.ts'
import { interruptedWrite } from './program-output.ts'
import { endOfDecoration, endOfString, opensDecoration } from './scanner.ts'
import { SummaryTable } from './summary.ts'

/** What may stand before a call: task, times, `[ 257]` of -n, `[00007f…]` of -i. */
const LEADER = String.raw`^\s*(?:\[pid +\d+(?:<.*?>)?\] *|\d{1,7}(?:<.*?>)? +)?(?:(?:[\d:.+T-]+|\(\+ *[\d.]+\)|\[[ \w?]*\]) +)*`
const CALL = new RegExp(String.raw`${LEADER}(?:<\.\.\. )?([a-z_]\w*)(?:\(| resumed>| .*?resuming)`)
/** Signals, ends of tasks, notes; then the rest of a call that another line cut in two; lines below a call. */
const OWN = new RegExp(String.raw`${LEADER}(?:--- |\+\+\+ |strace: |Process \d+ |\[ Process |<\.\.\. |$)`)
const REST = /^(?:\) *= |, | <| => |")/
/** Of those, what is free text: errors that name files and users, a program's own `--- a/x.c`. */
const FREE = new RegExp(
  String.raw`(${LEADER}(?:strace: (?!Process \d|\[ Process )|--- (?!SIG|\{|stopped by )|\+\+\+ (?!exited |killed |superseded )|Process \d+ (?!attached|detached|suspended|resumed)))(.*)$`,
)
/** What strace says in the middle of the program's output, at its end; the end of the write that wrote that, too. */
const NOTICE =
  /(?:(?:strace: )?Process \d+ (?:attached|detached)|\[ Process PID=\d+ runs in \w+ bit mode\. \]|\) += \d+(?: <[\d.]+>)?)$/
/** Where strace lies. */
const FOLDER = /\.{0,2}\/[^\s"'<>(){}[\],=]*(?=strace[\w.+-]*: Process \d+ (?:attached|detached)$)/
const STACK = /^ > /
const DUMP = /^ \| /

/** Calls whose strings are names. Of all others nobody knows what they hold. */
const NAMING = new Set([
  ...CALLS.filter(({ slots }) => slots.some((slot) => /^(?:path|extra:argv)/.test(slot))).map(({ name }) => name),
  ...'stat stat64 lstat lstat64 statx statfs statfs64 access faccessat faccessat2 readlink readlinkat mkdir mkdirat'.split(
    ' ',
  ),
  ...'mknod mknodat chmod fchmodat chown lchown fchownat utime utimes futimesat utimensat symlink symlinkat'.split(' '),
  ...'inotify_add_watch name_to_handle_at getdents getdents64 swapon swapoff mount umount umount2 open_tree'.split(' '),
])
const EXEC = /^execve/
/** Behind descriptors that are no files: kinds and numbers, no names. */
const NO_NAME = /^(?:anon_inode:|(?:socket|pipe|pidfd|net|mnt|user|pid|ipc|uts|cgroup|time):\[|char |block )/

function foreign(line: string): string {
  const at = line.search(NOTICE)
  return at < 0 ? blank(line) : blank(line.slice(0, at)) + line.slice(at)
}

/** Rewrites the lines of one log, in their order. One char per byte. */
export class StraceAnonymizer {
  readonly #renamer: Renamer
  readonly #summary = new SummaryTable()
  /** The call that the last line was of: a line may be cut in two. */
  #call = ''

  constructor(renamer: Renamer) {
    this.#renamer = renamer
  }

  line(line: string): string {
    const plain = withoutFolder(withoutColour(line))
    const call = CALL.exec(plain)?.[1]
    if (call !== undefined) this.#call = call
    else if (STACK.test(plain)) return this.#renamer.text(plain)
    else if (DUMP.test(plain)) return blank(plain)
    else if (!OWN.test(plain) && !REST.test(plain)) return this.#summary.line(plain, []) ? plain : foreign(plain)
    const free = call === undefined ? FREE.exec(plain) : null
    if (free) return free[1] + foreign(free[2])
    const write = call === 'write' ? interruptedWrite(plain) : null
    if (!write || /^(?:\)|$)|<unfinished \.\.\.>$/.test(write.words)) return this.#rewrite(plain)
    return this.#rewrite(write.head) + write.size + foreign(write.words)
  }

  #rewrite(line: string): string {
    const bytes = Buffer.from(line, 'latin1')
    let renamed = ''
    let from = 0
    let called = false
    let lists = 0
    const put = (start: number, end: number, text: string): void => {
      renamed += line.slice(from, start) + text
      from = end
    }
    for (let p = 0; p < bytes.length; p++) {
      if (line[p] === '(') called = true
      else if (line[p] === '[' && called) lists++
      else if (line[p] === '"') {
        const end = endOfString(bytes, p, bytes.length)
        put(p, end, this.#string(line.slice(p, end), lists))
        p = end - 1
      } else if (line[p] === '<' && p > 0 && opensDecoration(bytes, p, bytes[p - 1])) {
        const end = endOfDecoration(bytes, p, bytes.length)
        put(p, end, this.#decoration(line.slice(p, end)))
        p = end - 1
      }
    }
    return renamed + line.slice(from)
  }

  /** `lists`: brackets opened before it: of execve the first holds the arguments, the second the environment. */
  #string(quoted: string, lists: number): string {
    const names = NAMING.has(this.#call) && !(EXEC.test(this.#call) && lists > 1)
    return renameEscaped(quoted, names ? (text) => this.#renamer.text(text) : blank)
  }

  #decoration(bracketed: string): string {
    // `</dev/loop0<block 7:0>>`
    const inner = bracketed.search(/<(?:char|block) [\d:]+>>$/)
    const end = inner > 0 ? inner : bracketed.length
    const renamed = renameEscaped(bracketed.slice(1, end), (text) => {
      if (NO_NAME.test(text)) return text
      return text.startsWith('/') ? this.#renamer.text(text) : this.#renamer.task(text)
    })
    return `<${renamed}${bracketed.slice(end)}`
  }
}

/** Looked for at the end alone: from each `/` of a long line it would be looked for in the rest of it. */
function withoutFolder(line: string): string {
  const at = Math.max(0, line.length - TAIL_ROOM)
  return line.slice(0, at) + line.slice(at).replace(FOLDER, '')
}
