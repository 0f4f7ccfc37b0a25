/**
 * The examples of the documents are real: every ```console block that begins with `$ flushtrace` is run here and must
 * print what stands below it. UPDATE=1 rewrites the documents.
 */
import { readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { flushtrace, shellWords } from './run.ts'

const BLOCK = /^```console\n\$ flushtrace ([^\n]*)\n([\s\S]*?)^```$/gm

function documents(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name)
    if (entry.isDirectory()) return documents(path)
    return entry.name.endsWith('.md') ? [path] : []
  })
}

const docs = suite('examples in documents')
let examples = 0

for (const path of ['README.md', ...documents('docs')]) {
  docs(path, async () => {
    const text = readFileSync(path, 'utf8')
    let rewritten = ''
    let from = 0
    for (const match of text.matchAll(BLOCK)) {
      examples++
      const { out } = await flushtrace(...shellWords(match[1]))
      const block = `\`\`\`console\n$ flushtrace ${match[1]}\n${shown(out, match[2])}\`\`\``
      rewritten += text.slice(from, match.index) + block
      from = match.index + match[0].length
    }
    rewritten += text.slice(from)
    if (process.env.UPDATE === '1') writeFileSync(path, rewritten)
    else assert.fixture(rewritten, text)
  })
}

/** A document may show the beginning of a long output: then its last line is `…`. */
function shown(out: string, before: string): string {
  const lines = out.replace(/\n+$/, '').split('\n')
  const told = before.split('\n')
  if (told[told.length - 2] !== '…') return `${lines.join('\n')}\n`
  return `${lines.slice(0, told.length - 2).join('\n')}\n…\n`
}

docs('hold examples at all', () => assert.ok(examples > 5, `${examples} examples`))

docs.run()
