/** JSON that is safe to look at, too: what JSON.stringify leaves raw and a terminal may obey is escaped. The value is the same. */
export function json(document: unknown, indent?: number): string {
  return JSON.stringify(document, null, indent).replace(
    RAW,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}

/** DEL, the C1 controls (U+009B begins an escape sequence), marks that reorder or hide text, line separators. */
const RAW = /[\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g
