/**
 * Compiles packages/strace/sieve/sieve.ts, which is AssemblyScript, into packages/strace/src/sieve-code.ts:
 *
 *     npm run sieve
 *
 * The compiler (100 MB) is fetched for that, and is no dependency: who only builds, tests or runs has no use for it.
 */
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const COMPILER = 'assemblyscript@0.28.20'
const OPTIONS = ['-O3', '--runtime', 'stub', '--enable', 'simd', '--noAssert', '--initialMemory', '5']

const root = fileURLToPath(new URL('..', import.meta.url))
const folder = mkdtempSync(join(tmpdir(), 'sieve-'))
const wasm = join(folder, 'sieve.wasm')
const SOURCE = 'packages/strace/sieve/sieve.ts'
const asc = ['-y', '-p', COMPILER, 'asc', SOURCE, ...OPTIONS, '-o', wasm]
const { status } = spawnSync('npx', asc, { cwd: root, stdio: 'inherit' })
if (status !== 0) process.exit(1)
const text = readFileSync(wasm).toString('base64')
rmSync(folder, { recursive: true })
const lines = text.match(/.{1,100}/g)?.map((line) => `  '${line}',`) ?? []
// By its sum a test sees that the source was not changed since.
const sum = createHash('sha256')
  .update(readFileSync(join(root, SOURCE)))
  .digest('hex')
const code = `/** WebAssembly of ../sieve/sieve.ts (SHA-256 ${sum}), by \`npm run sieve\`. */
export const SIEVE_CODE = [
${lines.join('\n')}
].join('')
`
writeFileSync(join(root, 'packages/strace/src/sieve-code.ts'), code)
