/**
 * Runs packages/<name>/bench/*.ts, each in a process of its own so that one does not warm up or fill the heap of the
 * next.
 *
 *   npm run bench                all
 *   npm run bench -- strace      the files whose path contains one of these words
 */
import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const words = process.argv.slice(2)
const files = readdirSync(join(root, 'packages'))
  .map((name) => join('packages', name, 'bench'))
  .filter((folder) => existsSync(join(root, folder)))
  .flatMap((folder) => readdirSync(join(root, folder)).map((name) => join(folder, name)))
  .filter((path) => path.endsWith('.ts') && (words.length === 0 || words.some((word) => path.includes(word))))

if (files.length === 0) {
  console.error('no benchmark found in packages/*/bench')
  process.exitCode = 1
}
for (const path of files) {
  console.log(path)
  const { status } = spawnSync(process.execPath, ['--conditions=dev', '--import', 'tsx', path], {
    cwd: root,
    stdio: 'inherit',
  })
  if (status !== 0) process.exitCode = 1
}
