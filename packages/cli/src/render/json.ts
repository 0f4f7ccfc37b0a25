/** JSON that is safe to look at, too: what JSON.stringify leaves raw and a terminal may obey is escaped. The value is the same. */
export function json(document: unknown, indent?: number): string {
  return JSON.stringify(document, null, indent).replace(RAW, (character) =>
    // Beyond the first 65,536 characters JSON has no escape but for the two halves.
    character.replace(/[^]/g, (half) => `\\u${half.charCodeAt(0).toString(16).padStart(4, '0')}`),
  )
}

/** DEL, the C1 controls (U+009B begins an escape sequence), what reorders text or does not show (Cf), line separators. */
const RAW = /[\u007f-\u009f\p{Cf}\p{Zl}\p{Zp}]/gu
