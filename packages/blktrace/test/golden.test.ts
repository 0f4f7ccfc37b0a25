/** Every folder of fixtures/blktrace against its golden.json; a new folder is a new test. UPDATE=1 writes them anew. */
import { existsSync, readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Diagnostics } from '@flushtrace/trace'
import { memorySource } from '@flushtrace/trace/memory-source'
import {
  readBlkparse,
  readBlktrace,
  readBtraceSummary,
  readTracefs,
  sniffBlkparse,
  sniffBlktrace,
  sniffTracefs,
} from '../src/index.ts'
import { collect, digest, fixture, type Read } from './source.ts'

const golden = suite('fixtures/blktrace')
const folder = fileURLToPath(new URL('../../../fixtures/blktrace/', import.meta.url))
const SHOWN = 12
const CHUNKS = [1, 7, 65_536]
/** What blkparse was given for `blkparse-f.txt`. */
const FORMAT = '%D %2c %8s %5T.%9t %5p %2a %3d %S %N [%C]\\n'

function summary(result: Read): unknown {
  const { rows, inodes, facts, codes, clock, origin } = result
  return {
    facts,
    codes,
    clock,
    origin,
    rows: rows.slice(0, SHOWN),
    all: digest(rows),
    inodes: inodes.slice(0, SHOWN),
    allInodes: digest(inodes),
  }
}

/** What each text file, and the binary files together, are read as. */
async function readFolder(name: string, chunk: number): Promise<Record<string, unknown>> {
  const files = readdirSync(join(folder, name)).filter((file) => file !== 'golden.json')
  const sources = files.sort().map((file) => memorySource(fixture(`${name}/${file}`), file, chunk))
  const binary = sources.filter(({ head }) => sniffBlktrace(head) === 'blktrace')
  const results: Record<string, unknown> = {}
  if (binary.length > 0) {
    const diagnostics = new Diagnostics()
    results['blktrace'] = summary(await collect(readBlktrace(binary, diagnostics), diagnostics))
  }
  for (const source of sources) {
    if (binary.includes(source)) continue
    const diagnostics = new Diagnostics()
    const format = source.path === 'blkparse-f.txt' ? FORMAT : null
    const kind = sniffBlkparse(source.head, format) ?? sniffTracefs(source.head)
    switch (kind) {
      case 'blkparse':
        results[source.path] = summary(await collect(readBlkparse(source, diagnostics, { format }), diagnostics))
        break
      case 'tracefs':
        results[source.path] = summary(await collect(readTracefs(source, diagnostics), diagnostics))
        break
      case 'btrace-summary':
        results[source.path] = await readBtraceSummary(source, diagnostics)
        break
      case null:
        assert.unreachable(`${source.path} is nothing`)
    }
  }
  return results
}

for (const name of readdirSync(folder, { withFileTypes: true }).filter((entry) => entry.isDirectory())) {
  golden(name.name, async () => {
    const path = join(folder, name.name, 'golden.json')
    const found = JSON.stringify(await readFolder(name.name, 1 << 20), null, 1)
    if (process.env.UPDATE || !existsSync(path)) writeFileSync(path, `${found}\n`)
    assert.is(found, readFileSync(path, 'utf8').trimEnd())
  })

  golden(`${name.name} in pieces of ${CHUNKS.join(', ')} bytes`, async () => {
    const whole = JSON.stringify(await readFolder(name.name, 1 << 20))
    for (const chunk of CHUNKS) assert.is(JSON.stringify(await readFolder(name.name, chunk)), whole, `chunk ${chunk}`)
  })
}

golden.run()
