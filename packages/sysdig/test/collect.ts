/** What a reader makes of bytes, in a form that can be compared. */
import { readFileSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'
import { fileURLToPath } from 'node:url'
import { CALLS, Diagnostics, OUTCOMES, type CallBatch, type Diagnostic, type Source } from '@flushtrace/trace'
import { memorySource } from '@flushtrace/trace/memory-source'
import type { SysdigFacts, SysdigReading } from '../src/index.ts'

export interface Collected {
  rows: string[]
  facts: SysdigFacts
  reading: SysdigReading
  diagnostics: Diagnostic[]
}

const PHASES = ['', 'enter', 'exit']

export async function collect(
  bytes: Uint8Array,
  read: (source: Source, diagnostics: Diagnostics) => SysdigReading,
  pieces?: number,
): Promise<Collected> {
  const diagnostics = new Diagnostics()
  const reading = read(memorySource(bytes, 'test', pieces), diagnostics)
  const rows: string[] = []
  for await (const batch of reading.batches) for (let i = 0; i < batch.length; i++) rows.push(rowText(batch, i))
  return { rows, facts: reading.facts, reading, diagnostics: diagnostics.rows() }
}

/** `100 write fd=4 size=10 = 10 at 500 took 20`; what is not there is left out. */
function rowText(batch: CallBatch, i: number): string {
  const parts = [String(batch.tid[i]), CALLS[batch.call[i]].name]
  if (batch.phase[i] > 0) parts.push(PHASES[batch.phase[i]])
  const number = (name: string, value: number): void => {
    if (!Number.isNaN(value)) parts.push(`${name}=${value}`)
  }
  const fd = (name: string, value: number, decoration: number): void => {
    if (value === -1 && decoration < 0) return
    const said = decoration >= 0 ? batch.names[decoration] : null
    parts.push(`${name}=${value}${said ? `<${said.text}${said.deleted ? ' deleted' : ''}>` : ''}`)
  }
  fd('fd', batch.fd[i], batch.decoration[i])
  fd('fd2', batch.fd2[i], batch.decoration2[i])
  const path = batch.strings.textOrNull(batch.path[i])
  if (path !== null) parts.push(`path=${path}`)
  const path2 = batch.strings.textOrNull(batch.path2[i])
  if (path2 !== null) parts.push(`path2=${path2}`)
  number('addr', batch.addr[i])
  number('size', batch.size[i])
  number('offset', batch.offset[i])
  if (batch.flags[i] !== 0) parts.push(`flags=${batch.flags[i]}`)
  if (batch.flags2[i] !== 0) parts.push(`flags2=${batch.flags2[i]}`)
  const extra = batch.extra[i]
  if (extra?.kind === 'tasks') parts.push(`${extra.list.tasks.size}${extra.list.whole ? ' whole' : ''}`)
  else if (extra) parts.push(JSON.stringify(extra))
  if (batch.outcome[i] > 0) parts.push(OUTCOMES[batch.outcome[i]])
  const errno = batch.strings.textOrNull(batch.errno[i])
  if (errno !== null) parts.push(errno)
  if (!Number.isNaN(batch.result[i])) {
    const said = batch.decorationResult[i] >= 0 ? batch.names[batch.decorationResult[i]] : null
    parts.push(`= ${batch.result[i]}${said ? `<${said.text}>` : ''}`)
  }
  number('at', batch.atNs[i])
  number('took', batch.tookNs[i])
  return parts.join(' ')
}

/** Without times: what two recordings of the same calls have in common. */
export function withoutTimes(rows: readonly string[]): string[] {
  return rows.map((row) => row.replace(/ at=-?\d+/, '').replace(/ took=-?\d+/, ''))
}

export const FIXTURES = fileURLToPath(new URL('../../../fixtures/sysdig/', import.meta.url))

export function fixture(name: string): Uint8Array {
  const bytes = readFileSync(FIXTURES + name)
  return name.endsWith('.gz') ? gunzipSync(bytes) : bytes
}
