/** What was copied with other names, and what was not. */
import type { AnonymizeAnswer } from '@flushtrace/answers'
import { note, wrap } from './notes.ts'
import { plural, safe } from './text.ts'

const SHOWN = 8

/** What was copied, and what was not and why. */
export function renderAnonymize({ folder, files, left }: AnonymizeAnswer, width: number): string {
  const kinds = new Map<string, string[]>()
  for (const { source, why } of left) kinds.set(why, [...(kinds.get(why) ?? []), source])
  const notes = [...kinds].map(([why, sources]) => {
    const more = sources.length > SHOWN ? `, and ${sources.length - SHOWN} more` : ''
    return `${sources.slice(0, SHOWN).map(safe).join(', ')}${more}: ${why}.`
  })
  return [
    ...wrap(`${plural(files.length, 'file')} with other names in ${safe(folder)}.`, width),
    '',
    ...note('left out', notes, width),
    ...note('look', ['through the copy before you share it: numbers, times and sizes are as they were.'], width),
    '',
  ].join('\n')
}
