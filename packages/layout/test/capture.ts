/** Side files for tests: from a folder of fixtures, in pieces of any size, or from text. */
import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { Diagnostics, type Diagnostic, type Source } from '@flushtrace/trace'
import { readLayout, sniffLayout, type DiskLayout } from '../src/index.ts'

export interface Read {
  readonly layout: DiskLayout
  readonly diagnostics: Diagnostic[]
  readonly unread: string[]
}

export async function readFiles(files: Readonly<Record<string, string | Buffer>>, piece = 1 << 16): Promise<Read> {
  const diagnostics = new Diagnostics()
  const all = Object.entries(files).map(([path, text]) => source(path, Buffer.from(text), piece))
  const known = all.flatMap((one) => {
    const kind = sniffLayout(one.head)
    return kind ? [{ source: one, kind }] : []
  })
  const unread = all.filter((one) => !known.some((other) => other.source === one)).map(({ path }) => path)
  return { layout: await readLayout(known, [], diagnostics), diagnostics: diagnostics.rows(), unread }
}

export function filesOf(folder: string): Record<string, Buffer> {
  const names = readdirSync(folder, { recursive: true, encoding: 'utf8' }).sort()
  return Object.fromEntries(
    names.filter((name) => /\.(?:txt|json)$/.test(name)).map((name) => [name, readFileSync(join(folder, name))]),
  )
}

function source(path: string, bytes: Buffer, piece: number): Source {
  async function* chunks(): AsyncGenerator<Uint8Array> {
    for (let at = 0; at < bytes.length; at += piece) yield bytes.subarray(at, at + piece)
  }
  return { path, bytes: bytes.length, compression: null, head: bytes.subarray(0, 1 << 16), chunks }
}
