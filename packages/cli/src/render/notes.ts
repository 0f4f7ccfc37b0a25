/** The lines below every table: what was not seen, where the answer comes from, what to ask next. */
import { shellWord, type DocumentHead } from '@flushtrace/answers'
import { capital, count, safe, widthOf } from './text.ts'

const LABEL = 10
/** What is counted of a source that is no text. */
const RECORDS: Readonly<Record<string, string>> = { scap: 'events', blktrace: 'records' }

/** `label     text`, wrapped at `width`, further lines under the text. */
export function note(label: string, texts: readonly string[], width: number): string[] {
  const indent = Math.max(LABEL, label.length + 1)
  return texts.flatMap((text, k) =>
    wrap(text, Math.max(30, width - indent)).map(
      (line, n) => (k === 0 && n === 0 ? label.padEnd(indent) : ' '.repeat(indent)) + line,
    ),
  )
}

/** What is missing or damaged, as sentences, and what to do about it. */
export function gapNotes({ diagnostics }: Pick<DocumentHead, 'diagnostics'>): string[] {
  return diagnosticNotes(diagnostics.filter(({ note: isNote }) => !isNote))
}

/** How the answer was made where something had to be decided: nothing is missing because of it. */
export function readingNotes({ diagnostics }: DocumentHead): string[] {
  return diagnosticNotes(diagnostics.filter(({ note: isNote }) => isNote))
}

function diagnosticNotes(diagnostics: DocumentHead['diagnostics']): string[] {
  return diagnostics
    .filter(({ code }) => code !== 'source/unknown')
    .map(({ message, count: n, fix }) => {
      const told = `${n > 1 ? `${count(n)} × ` : ''}${safe(message)}`
      // "nothing: …" says that there is nothing to do: no advice for a reader.
      return fix.startsWith('nothing: ') ? told : `${told} ${sentence(safe(fix))}`
    })
}

/** What the answer is made of: the first sources by name, the folder that they share said once. */
export function sourceNotes({ sources }: DocumentHead): string[] {
  const folder = commonFolder(sources.map(({ path }) => path))
  const read = sources.filter(({ kind }) => kind !== 'unknown')
  const skipped = sources.length - read.length
  const shown = read.slice(0, 6).map(({ path, kind, records }) => {
    const size =
      kind === 'proc'
        ? `${count(records)} saved files`
        : records > 0
          ? `${count(records)} ${RECORDS[kind] ?? 'lines'}`
          : ''
    return `${safe(path.slice(folder.length))} (${kind}${size === '' ? '' : `, ${size}`})`
  })
  if (read.length > 6) shown.push(`and ${read.length - 6} more`)
  if (skipped > 0) shown.push(`${skipped} other file${skipped > 1 ? 's' : ''} skipped: see flushtrace inspect`)
  return folder === '' ? shown : [`in ${safe(folder)}:`, ...shown]
}

/** Sources that show system calls. */
export const CALL_KINDS: ReadonlySet<string> = new Set([
  'strace',
  'strace-summary',
  'scap',
  'sysdig-text',
  'sysdig-json',
])

/** The folder, with its slash, that all of several paths lie in; empty for one path. */
export function commonFolder(paths: readonly string[]): string {
  if (paths.length < 2) return ''
  let folder = paths[0].slice(0, paths[0].lastIndexOf('/') + 1)
  while (folder !== '' && !paths.every((path) => path.startsWith(folder))) {
    folder = folder.slice(0, folder.slice(0, -1).lastIndexOf('/') + 1)
  }
  return folder
}

function sentence(text: string): string {
  const begun = capital(text)
  return /[.?!]$/.test(begun) ? begun : `${begun}.`
}

/** Breaks text into lines of at most `width` columns, at blanks. */
export function wrap(text: string, width: number): string[] {
  const lines: string[] = []
  let line = ''
  for (const word of text.split(' ')) {
    if (line !== '' && widthOf(line) + 1 + widthOf(word) > width) {
      lines.push(line)
      line = word
    } else line = line === '' ? word : `${line} ${word}`
  }
  lines.push(line)
  return lines
}

/** Filters that the next question keeps, as flags. */
export function filterWords(
  filter: Readonly<Record<'process' | 'file' | 'device' | 'since' | 'until', string | null>>,
  ...left: (keyof typeof filter)[]
): string {
  return Object.entries(filter)
    .filter(([flag, text]) => text !== null && !left.some((one) => one === flag))
    .map(([flag, text]) => ` --${flag} ${shellWord(safe(text ?? ''))}`)
    .join('')
}

/** Sources as a command line takes them: one whose name begins with a dash is no flag. */
export function sourceWords(paths: readonly string[]): string {
  return paths.map((path) => shellWord(safe(/^-./.test(path) ? `./${path}` : path))).join(' ')
}
