// oxlint-disable-next-line no-control-regex -- colours begin with one
const COLOUR = /\x1b\[[\d;]*m/g

/** Text as it was before a terminal coloured it (`ESC [ … m`). */
export function withoutColour(text: string): string {
  return text.includes('\x1b') ? text.replace(COLOUR, '') : text
}
