/** What holds for any bytes: tried through the commands, as users run them, and through the reader alone. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { explainSchema, inspectSchema, locateSchema, rankSchema, type InspectAnswer } from '@flushtrace/answers'
import { flushtrace } from '../../packages/cli/test/run.ts'
import { mapsOf, rowsOf, type Rows } from './rows.ts'
import type { Case } from './case.ts'

/** Throws with what was broken. `folder` is empty and the caller's to remove. */
export async function checkCase(one: Case, folder: string): Promise<void> {
  await checkCommands(one, folder)
  await sameInPieces(one)
}

async function checkCommands(one: Case, folder: string): Promise<void> {
  for (const [name, content] of Object.entries({ ...one.beside, [one.place]: one.bytes })) {
    const path = join(folder, name)
    mkdirSync(dirname(path), { recursive: true })
    writeFileSync(path, content)
  }
  const said = await json('inspect', folder, ...one.flags)
  if (said) {
    const inspected = inspectSchema.parse(said)
    reconcile(inspected)
    const lines = (await run('events', folder, ...one.flags)).split('\n')
    for (const line of lines) if (line !== '') JSON.parse(line)
    const [[command, ...flags], schema] = QUESTIONS[one.question % QUESTIONS.length]
    // By process is how rank groups unasked, and what it can't do for a table that names none: it is left to choose.
    const by = command === 'rank' && one.by !== 'process' ? ['--by', one.by] : []
    const asked = [command, folder, ...flags, ...by, ...one.flags]
    const answer = await json(...asked)
    if (answer) schema.parse(answer)
    else if (command === 'rank' && one.by === 'process' && isUsable(inspected)) fail('inspect answers, rank does not')
    await text(...asked)
    await text(...asked, '--csv')
  }
}

/** Whether rank must answer: not for maps alone, nor for traces of which no record can be read. */
function isUsable({ rows }: InspectAnswer): boolean {
  const traces = rows.flatMap(({ kind, lines }) => (lines && kind !== 'layout' && kind !== 'proc' ? [lines] : []))
  const read = traces.some(({ used, counted, signals, exits }) => used + counted + signals + exits > 0)
  return read || (traces.length > 0 && traces.every(({ foreign, damaged }) => foreign + damaged === 0))
}

export const QUESTIONS: readonly [argv: readonly string[], schema: { parse(answer: unknown): unknown }][] = [
  [['rank', '--top', '0'], rankSchema],
  [['locate', '--top', '0'], locateSchema],
  [['explain', '--process', '*'], explainSchema],
  [['explain', '--flush', '1'], explainSchema],
  [['inspect'], inspectSchema],
]

function fail(what: string): never {
  throw new Error(what)
}

/** What may move, colour or reorder a terminal's text, or is half a character. */
const RAW = /[^\P{Cc}\n]|[\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/u

async function run(...argv: string[]): Promise<string> {
  const { code, out, err } = await flushtrace(...argv)
  if (code !== 0 && code !== 2) fail(`${argv.join(' ')}: exit code ${code}`)
  if (/internal error/.test(out + err)) fail(`${argv.join(' ')}: ${(out + err).trim()}`)
  if (code === 2 && err.trim().split('\n').length > 1) fail(`${argv.join(' ')}: more than one line: ${err}`)
  if (RAW.test(err)) fail(`raw ${JSON.stringify(err)}`)
  return code === 2 ? '' : out
}

/** Null where nothing usable was found. */
async function json(...argv: string[]): Promise<unknown> {
  const out = await run(...argv, '--json')
  return out === '' ? null : JSON.parse(out)
}

async function text(...argv: string[]): Promise<void> {
  const out = await run(...argv)
  const raw = RAW.exec(out)
  if (raw) fail(`${argv.join(' ')}: raw ${JSON.stringify(raw[0])} in ${JSON.stringify(out.slice(0, 300))}`)
}

/** Nothing is lost without a word: the parts of every source add up to its records. */
export function reconcile({ rows }: InspectAnswer): void {
  let binary = 0
  for (const { path, kind, lines } of rows) {
    if (kind === 'blktrace') binary++
    if (!lines) {
      // The files of one binary trace are read together: their records stand with the first.
      if (kind !== 'unknown' && !(kind === 'blktrace' && binary > 1))
        fail(`${path} (${kind}): no account of its records`)
      continue
    }
    const { total, ...parts } = lines
    const sum = Object.values(parts).reduce((a, b) => a + b, 0)
    if (sum !== total) fail(`${path} (${kind}): ${total} records, but ${JSON.stringify(parts)}`)
  }
}

/** Throws where the size of the pieces makes a difference to a reader. */
export async function sameInPieces({ place, bytes, beside, flags, piece }: Case): Promise<void> {
  same(await rowsOf(bytes, undefined, flags), await rowsOf(bytes, piece, flags), piece)
  const files = Object.entries({ ...beside, [place]: bytes }).map(([name, file]) => [name, Buffer.from(file)] as const)
  const maps = Object.fromEntries(files.filter(([name]) => !name.endsWith('.gz')))
  same(await mapsOf(maps, 1 << 20), await mapsOf(maps, piece), piece)
}

function same(whole: Rows | null, pieces: Rows | null, piece: number): void {
  if (!whole || !pieces) return whole || pieces ? fail(`read as a whole or in pieces of ${piece}, not both`) : undefined
  for (const part of ['facts', 'diagnostics', 'rows'] as const) {
    const difference = differs(whole[part], pieces[part])
    if (difference) fail(`${part} in pieces of ${piece}: ${difference}`)
  }
}

function differs(a: Rows[keyof Rows], b: Rows[keyof Rows]): string | null {
  const [one, two] = [JSON.stringify(a), JSON.stringify(b)]
  if (one === two) return null
  let at = 0
  while (one[at] === two[at]) at++
  return `${one.slice(Math.max(0, at - 100), at + 100)} and ${two.slice(Math.max(0, at - 100), at + 100)}`
}
