/**
 * Installs what the workspace needs, with nothing but Node and npx: every npm script starts here. Plain JavaScript,
 * because it runs before tsx is there. Skips in a few milliseconds when nothing changed since the last install.
 * All output goes to stderr, so that a script's own output stays clean.
 */
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const PNPM = 'pnpm@10.34.9' // 11 needs a newer Node

const root = fileURLToPath(new URL('..', import.meta.url))
const stamp = join(root, 'node_modules', '.flushtrace-setup')

function fingerprint() {
  const manifests = readdirSync(join(root, 'packages')).map((name) => join('packages', name, 'package.json'))
  const hash = createHash('sha256').update(`${process.platform} ${process.arch} ${PNPM}`)
  for (const file of ['package.json', 'pnpm-workspace.yaml', 'pnpm-lock.yaml', ...manifests.sort()]) {
    const path = join(root, file)
    hash.update(`\n${file}\n`).update(existsSync(path) ? readFileSync(path) : '')
  }
  // A package whose node_modules went away (git clean) needs an install, too.
  for (const file of manifests) {
    const home = join(root, file, '..')
    if (existsSync(join(root, file))) hash.update(String(existsSync(join(home, 'node_modules'))))
  }
  return hash.digest('hex')
}

if (existsSync(stamp) && readFileSync(stamp, 'utf8') === fingerprint()) process.exit(0)

console.error('setting up (first run or changed dependencies) ...')
rmSync(stamp, { force: true })
const install = spawnSync('npx', ['-y', PNPM, 'install', '--frozen-lockfile', '--config.confirm-modules-purge=false'], {
  cwd: root,
  encoding: 'utf8',
  stdio: ['ignore', 'pipe', 'pipe'],
})
if (install.status !== 0) {
  console.error(install.error?.message ?? `${install.stdout}${install.stderr}`)
  console.error(`could not install; after a change of dependencies run: npx -y ${PNPM} install`)
  process.exit(1)
}
writeFileSync(stamp, fingerprint())
