/**
 * Where a program writes to the file that strace's lines go to, its words stand inside the line of that very write, between
 * its last argument and its result, because strace prints the one before the call and the other after it:
 *
 *     write(1, "one\ntwo\n", 8one
 *     two
 *     )                       = 8
 *     write(2, "Save \"a\"? ", 10Save "a"? )    = 10
 *     write(1, "x\n", 2x
 *      <unfinished ...>
 *
 * The words are taken out. How long they are says the result: they may begin with a digit. Not done for writev, of which
 * only the first line would tell. The call is looked for behind a leader alone, or a long line would be gone over from each
 * `write(` in it.
 */
const WRITE =
  /^(.{0,300}?\bwrite\((?:fd=)?(?:\d+|0x[\da-f]+)(?:<.*?>)?, (?:buf=)?(?:"(?:[^"\\]|\\.)*"(?:\.\.\.)?|0x[\da-f]+), (?:count=)?)(0x[\da-f]+|\d+)(.*)$/s
const END = /\) += (0x[\da-f]+|\d+)(?: <\d+(?:\.\d+)?>)?$/
const MARK = ' <unfinished ...>'

/** A write that some words interrupt. */
export interface Interrupted {
  /** Its line up to its last argument. */
  readonly head: string
  /** Its last argument, with digits behind it that the words may begin with. */
  readonly size: string
  /** The words on its own line. */
  readonly words: string
}

export function interruptedWrite(line: string): Interrupted | null {
  const match = WRITE.exec(line)
  return match && { head: match[1], size: match[2], words: match[3] }
}

/** The line as it were without the words, where `line` ends the call; null where it does not. */
export function withoutWords({ head, size }: Interrupted, line: string): string | null {
  const end = END.exec(line)
  if (end) {
    const length = lengthOf(size, Number(end[1]))
    return length > 0 ? head + size.slice(0, length) + end[0] : null
  }
  return line.endsWith(MARK) && !line.includes('(') ? head + size + MARK : null
}

/** How many digits of `size` are the number `written`; 0 where it does not begin so. */
function lengthOf(size: string, written: number): number {
  for (let n = 1; n <= size.length; n++) if (Number(size.slice(0, n)) === written) return n
  return 0
}
