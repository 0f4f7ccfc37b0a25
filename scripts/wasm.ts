/**
 * Compiles what is written in AssemblyScript into the TypeScript that holds its code as text:
 *
 *     npm run wasm
 *
 * The compiler (100 MB) is fetched for that, and is no dependency: who only builds, tests or runs has no use for it.
 */
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const COMPILER = 'assemblyscript@0.28.20'
const OPTIONS = ['-O3', '--runtime', 'stub', '--noAssert']
const PROGRAMS = [
  { folder: 'packages/strace', name: 'sieve', options: ['--enable', 'simd', '--initialMemory', '40'] },
  { folder: 'packages/sysdig', name: 'sieve', options: ['--initialMemory', '376'] },
  { folder: 'packages/blktrace', name: 'runs', options: ['--importMemory'] },
]

const root = fileURLToPath(new URL('..', import.meta.url))
const folder = mkdtempSync(join(tmpdir(), 'wasm-'))
try {
  for (const program of PROGRAMS) compile(program)
} finally {
  rmSync(folder, { recursive: true })
}

function compile({ folder: home, name, options }: (typeof PROGRAMS)[number]): void {
  const sources = `${home}/${name}`
  const source = `${sources}/${name}.ts`
  const wasm = join(folder, `${name}.wasm`)
  const asc = ['-y', '-p', COMPILER, 'asc', source, ...OPTIONS, ...options, '-o', wasm]
  const { status } = spawnSync('npx', asc, { cwd: root, stdio: 'inherit' })
  if (status !== 0) throw new Error(`${source} was not compiled`)
  const text = readFileSync(wasm).toString('base64')
  const lines = text.match(/.{1,100}/g)?.map((line) => `  '${line}',`) ?? []
  // By its sum a test sees that the sources were not changed since.
  const hash = createHash('sha256')
  for (const file of readdirSync(join(root, sources)).sort()) hash.update(readFileSync(join(root, sources, file)))
  const code = `/** WebAssembly of ../${name}/${name}.ts (SHA-256 ${hash.digest('hex')}), by \`npm run wasm\`. */
export const ${name.toUpperCase()}_CODE = [
${lines.join('\n')}
].join('')
`
  writeFileSync(join(root, `${home}/src/${name}-code.ts`), code)
}
