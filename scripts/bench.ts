/**
 * Runs packages/<name>/bench/*.ts, each in a process of its own so that one does not warm up or fill the heap of the
 * next. Each prints its part of docs/benchmarks.md as Markdown, which stands there between marks.
 *
 *   npm run bench                        all
 *   npm run bench -- strace start-up     those whose path contains one of these words
 *   npm run bench -- --size 0.02         with inputs of this share of the documented size; --rounds N as well
 *   UPDATE=1 npm run bench               also rewrites those parts of docs/benchmarks.md
 */
import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { buildCli } from './measure-command.ts'

const root = fileURLToPath(new URL('..', import.meta.url))
const document = join(root, 'docs/benchmarks.md')
const { values, positionals: words } = parseArgs({
  options: { size: { type: 'string' }, rounds: { type: 'string' } },
  allowPositionals: true,
})
const files = readdirSync(join(root, 'packages'))
  .map((name) => join('packages', name, 'bench'))
  .filter((folder) => existsSync(join(root, folder)))
  .flatMap((folder) => readdirSync(join(root, folder)).map((name) => join(folder, name)))
  .filter((path) => path.endsWith('.ts') && (words.length === 0 || words.some((word) => path.includes(word))))

if (files.length === 0) {
  console.error('no benchmark found in packages/*/bench')
  process.exitCode = 1
} else buildCli()
for (const path of files) {
  console.error(path)
  const options = Object.entries(values).flatMap(([name, value]) => [`--${name}`, value])
  const { status, stdout } = spawnSync(process.execPath, ['--conditions=dev', '--import', 'tsx', path, ...options], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'inherit'],
    encoding: 'utf8',
  })
  const name = path.replace(/^packages\/(.*)\/bench\/(.*)\.ts$/, '$1/$2')
  const part = `<!-- npm run bench -- ${name.replace('/', '/bench/')} -->\n${stdout.trim()}\n<!-- end -->`
  console.log(`${part}\n`)
  if (status !== 0) process.exitCode = 1
  else if (process.env.UPDATE === '1') put(part)
}

/** Replaces the part of the document that begins with the same mark. */
function put(part: string): void {
  const text = readFileSync(document, 'utf8')
  const from = text.indexOf(part.slice(0, part.indexOf('\n') + 1))
  const end = '<!-- end -->'
  const to = text.indexOf(end, from) + end.length
  if (from < 0 || to < from) throw new Error(`docs/benchmarks.md has no place for ${part.split('\n')[0]}`)
  writeFileSync(document, text.slice(0, from) + part + text.slice(to))
}
