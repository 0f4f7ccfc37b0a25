/** Rows as CSV (RFC 4180): one line a row, nested keys joined by dots. */
import { escaped } from './text.ts'

export function renderCsv(rows: readonly object[]): string {
  const objects = new Set<string>()
  const flat = rows.map((row) => flatten(row, objects))
  const keys = [...new Set(flat.flatMap((row) => Object.keys(row)))]
  // What is an object in one row and null in another has its columns already.
  const heads = keys.filter((key) => !objects.has(key))
  const lines = [heads, ...flat.map((row) => heads.map((head) => row[head] ?? null))]
  return lines.map((cells) => `${cells.map(cell).join(',')}\n`).join('')
}

type Scalar = string | number | boolean | null

/** `objects`: the names of those that have columns of their own. */
function flatten(value: object, objects: Set<string>, prefix = ''): Record<string, Scalar> {
  // No prototype: a key that a trace chose (an errno, a call) may be `__proto__`.
  const out = Object.create(null) as Record<string, Scalar>
  for (const [key, item] of Object.entries(value) as [string, unknown][]) {
    const name = prefix === '' ? key : `${prefix}.${key}`
    if (Array.isArray(item)) out[name] = item.map((part) => JSON.stringify(part)).join(' ')
    else if (typeof item === 'object' && item !== null) {
      const inner = flatten(item, objects, name)
      if (Object.keys(inner).length > 0) objects.add(name)
      Object.assign(out, inner)
    } else out[name] = (item ?? null) as Scalar
  }
  return out
}

/** Text that a spreadsheet would run as a formula is disarmed with an apostrophe; control characters are escaped. */
function cell(value: Scalar): string {
  if (value === null) return ''
  if (typeof value !== 'string') return String(value)
  const text = escaped(value)
  const harmless = /^[=+\-@\t\r]/.test(text) ? `'${text}` : text
  return /[",\n]/.test(harmless) || harmless !== harmless.trim() ? `"${harmless.replaceAll('"', '""')}"` : harmless
}
