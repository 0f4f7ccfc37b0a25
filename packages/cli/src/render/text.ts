/** Words and numbers for people, and text from traces made harmless. */

/** Of a longer text the middle is left out: no name of Linux is longer (PATH_MAX), but a trace may hold anything. */
const MOST_SHOWN = 4096

/**
 * Text from a trace, safe on a terminal: control characters, bidirectional overrides, line separators, what does not show
 * and bytes that were no UTF-8 (lone surrogates, see trace/bytes.ts) are shown as escapes.
 */
export function safe(text: string): string {
  const shown = text.length > MOST_SHOWN ? `${text.slice(0, MOST_SHOWN / 2)}…${text.slice(-MOST_SHOWN / 2)}` : text
  return escaped(shown)
}

/** The same, however long it is. */
export function escaped(text: string): string {
  if (PLAIN.test(text)) return text
  // Control characters, what reorders text or does not show (Cf; fillers and joiners, DI; the empty braille pattern), line
  // separators, lone surrogates; and more marks on one letter than any script has, which would cover the lines above.
  return text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}\p{DI}\u2800]|(?<=\p{M}{4})\p{M}/gu, escape)
}

/** Most texts are; of all the letters that the other pattern tells apart V8 makes tables, which takes it 2 ms. */
const PLAIN = /^[ -~]*$/

function escape(character: string): string {
  const code = character.codePointAt(0) ?? 0
  switch (character) {
    case '\n':
      return '\\n'
    case '\t':
      return '\\t'
    case '\r':
      return '\\r'
    default:
      break
  }
  // A byte that was not UTF-8.
  if (code >= 0xdc80 && code <= 0xdcff) return `\\x${(code - 0xdc00).toString(16)}`
  if (code < 0x100) return `\\x${code.toString(16).padStart(2, '0')}`
  return code < 0x10000 ? `\\u${code.toString(16).padStart(4, '0')}` : `\\u{${code.toString(16)}}`
}

/** The first ones, and how many more there are. */
export function listed(parts: readonly string[], most = 8): string {
  const more = parts.length - most
  return more > 0 ? `${parts.slice(0, most).join(', ')} and ${count(more)} more` : parts.join(', ')
}

/** Characters a terminal takes for it: wide East Asian ones count two, combining marks none. */
export function widthOf(text: string): number {
  let width = 0
  for (const character of text) {
    const code = character.codePointAt(0) ?? 0
    if (code >= 0x300 && MARK.test(character)) continue
    width += code >= 0x1100 && WIDE.test(character) ? 2 : 1
  }
  return width
}
const MARK = /[\p{Mn}\p{Me}]/u
const WIDE =
  /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{1f300}-\u{1faff}\u{20000}-\u{3fffd}]/u

/** Long paths lose their middle, never their end. */
export function shorten(text: string, width: number): string {
  if (widthOf(text) <= width) return text
  if (width <= 1) return '…'
  const characters = Array.from(text)
  const keep = Math.max(1, Math.floor((width - 1) * 0.7))
  let end = ''
  while (characters.length > 0 && widthOf(characters[characters.length - 1] + end) <= keep) end = characters.pop() + end
  let start = ''
  while (characters.length > 0 && widthOf(start + characters[0]) <= width - 1 - widthOf(end))
    start += characters.shift()
  return `${start}…${end}`
}

/** `140 ms`, `1.5 s`, `85 µs`: three digits. */
export function duration(ns: number): string {
  if (ns >= 100e9) return `${count(ns / 1e9)} s`
  if (ns >= 1e9) return `${digits(ns / 1e9)} s`
  if (ns >= 1e6) return `${digits(ns / 1e6)} ms`
  if (ns >= 1e3) return `${digits(ns / 1e3)} µs`
  return `${Math.round(ns)} ns`
}

/** Decimal units, as disks are sold: `696 B`, `1.9 MB`. */
export function bytes(n: number): string {
  for (const [size, unit] of BYTE_UNITS) if (n >= size) return `${digits(n / size)} ${unit}`
  return `${Math.round(n)} B`
}
const BYTE_UNITS: readonly [number, string][] = [
  [1e12, 'TB'],
  [1e9, 'GB'],
  [1e6, 'MB'],
  [1e3, 'kB'],
]

/** Whole numbers with thin groups: `26,913`. */
export function count(n: number): string {
  // Not by toLocaleString: loading the tables of languages is a tenth of what a short command takes.
  return String(Math.round(n)).replace(/\B(?=(?:\d{3})+$)/g, ',')
}

/** Per second: `15.5`, `0.03`. */
export function rate(n: number, ns: number): string {
  return digits((n * 1e9) / ns)
}

/** About three significant digits, never an exponent. */
function digits(n: number): string {
  if (n >= 100) return count(n)
  if (n >= 1) return n.toFixed(1)
  return n >= 0.1 ? n.toFixed(2) : n === 0 ? '0' : n.toFixed(3)
}

/** `1 file`, `2 files`, `12 processes`; small numbers in words. */
export function plural(n: number, one: string, many = `${one}s`): string {
  return `${inWords(n)} ${n === 1 ? one : many}`
}

/** As a sentence begins. */
export function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1)
}

/** `no`, `one` … `nine`, `10`. */
export function inWords(n: number): string {
  return WORDS[n] ?? count(n)
}
const WORDS = ['no', 'one', 'two', 'three', 'four', 'five', 'six', 'seven', 'eight', 'nine']
