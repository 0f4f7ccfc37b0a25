/**
 * Runs every test file in one process on uvu's own queue, and ends with the line `N passed, N failed`.
 *
 *   npm test                     all tests
 *   npm test -- strace lines     the files whose path contains one of these words
 *
 * uvu's own runner exits 0 when there are no files, no tests, a forgotten `.run()`, or a `before` hook that throws (its
 * suite is then silently not run). Each of these is a failure here.
 */
import { existsSync, readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'

/** What uvu queues for a suite at its `.run()`; errors is the formatted text, or true when there are none. */
type Runner = () => Promise<[errors: string | true, passed: number, skipped: number, total: number]>

declare global {
  var UVU_DEFER: number
  var UVU_QUEUE: Runner[][]
  var UVU_INDEX: number
}

const root = fileURLToPath(new URL('..', import.meta.url))

function findTests(): string[] {
  const packages = readdirSync(join(root, 'packages')).map((name) => join('packages', name))
  return [...packages.flatMap((path) => [join(path, 'src'), join(path, 'test')]), 'scripts']
    .filter((folder) => existsSync(join(root, folder)))
    .flatMap((folder) =>
      readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' }).map((name) => join(folder, name)),
    )
    .filter((path) => path.endsWith('.test.ts'))
    .sort()
}

/** Suites of the file that are never run, and (in CI) an `.only` left behind, which hides the other tests. */
function mistakes(path: string): string[] {
  const text = readFileSync(join(root, path), 'utf8')
  const suites = [...text.matchAll(/^const (\w+) = suite\b/gm)].map((match) => match[1])
  if (/import \{[^}]*\btest\b[^}]*\} from 'uvu'/.test(text)) suites.push('test')
  const found = suites.filter((name) => !text.includes(`${name}.run()`)).map((name) => `\`${name}.run()\` is missing`)
  if (process.env.CI && /^\s*\w+\.only\(/m.test(text)) found.push('`.only` hides the other tests of its suite')
  return found
}

let passed = 0
let failed = 0
let skipped = 0
let running: string | null = null
/** Told again at the end, where a long output is not cut. */
const failures: string[] = []

function tellFailure(text: string, count: number): void {
  failed += count
  failures.push(text)
  console.log(text)
}

function fail(path: string, reason: unknown, count = 1): void {
  tellFailure(`\n  FAIL ${path}: ${reason instanceof Error ? reason.stack : String(reason)}\n`, count)
}

async function runFile(path: string): Promise<void> {
  console.log(path)
  for (const mistake of mistakes(path)) fail(path, mistake)
  const queue: Runner[] = []
  globalThis.UVU_QUEUE = [queue]
  await import(pathToFileURL(join(root, path)).href)
  if (queue.length === 0) fail(path, 'no suite was run; does the file end in `test.run()`?')
  let total = 0
  for (const run of queue) {
    const [errors, ran, skips, all] = await run()
    total += all
    passed += ran
    skipped += skips
    if (typeof errors === 'string') {
      tellFailure(`\n${errors}`, all - ran)
    } else if (ran < all) {
      // uvu swallows what a `before` hook throws; the missing tests give it away.
      fail(path, 'a `before` hook threw', all - ran)
    }
  }
  if (queue.length > 0 && total === 0) fail(path, 'no tests in this file')
}

globalThis.UVU_DEFER = 1 // before uvu is loaded: files must not start by themselves
globalThis.UVU_INDEX = 0

const words = process.argv.slice(2)
const all = findTests()
const files = all.filter((path) => words.length === 0 || words.some((word) => path.includes(word)))
if (all.length === 0) fail('packages/*/{src,test}', 'no test files found')
for (const word of words) if (!all.some((path) => path.includes(word))) fail(word, 'no test files found')

// A promise nobody awaits and a `process.exit` in the code under test must not look like success.
process.on('unhandledRejection', (reason) => fail(running ?? 'after the tests', reason))
process.on('exit', () => {
  if (running) fail(running, 'the process ended before its tests did (a promise that never settles, or process.exit)')
  if (failures.length > 0) console.log(`\nAll failures again:\n${failures.join('')}`)
  if (skipped > 0) console.log(`\n${skipped} skipped`)
  console.log(`\n${passed} passed, ${failed} failed`)
  if (failed > 0) process.exitCode = 1
})

for (const path of files) {
  running = path
  const from = performance.now()
  try {
    await runFile(path)
  } catch (error) {
    fail(path, error)
  }
  const seconds = (performance.now() - from) / 1000
  if (seconds >= 1) console.log(`  ${seconds.toFixed(1)} s`)
}
running = null
