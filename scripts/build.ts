/**
 * Builds what is published.
 *
 *   npm run build            everything
 *   npm run build -- cli     only the command line, which is all that running it takes
 *
 * - the packages: JavaScript and declarations by tsc, into packages/<name>/dist
 * - the command line: one bundle by esbuild, an entry per command and shared chunks, with everything inside, so that it
 *   starts fast and installs without dependencies; then oclif's manifest, which spares loading every command for help
 */
import { spawnSync } from 'node:child_process'
import { copyFileSync, readdirSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { buildCli } from './build-cli.ts'

const root = fileURLToPath(new URL('..', import.meta.url))
const cli = join(root, 'packages/cli')

function buildPackages(): void {
  const out = join(root, 'dist')
  rmSync(out, { recursive: true, force: true })
  const tsc = spawnSync('tsc', ['-p', 'tsconfig.build.json', '--outDir', out], { cwd: root, stdio: 'inherit' })
  if (tsc.status !== 0) process.exit(1)
  // One program writes them all; each package gets its own part.
  for (const name of readdirSync(out)) {
    const dist = join(root, 'packages', name, 'dist')
    rmSync(dist, { recursive: true, force: true })
    renameSync(join(out, name, 'src'), dist)
    copyFileSync(join(root, 'LICENSE'), join(root, 'packages', name, 'LICENSE'))
  }
  rmSync(out, { recursive: true, force: true })
}

const words = process.argv.slice(2)
await buildCli(cli)
for (const name of ['LICENSE', 'README.md']) copyFileSync(join(root, name), join(cli, name))
if (!words.includes('cli')) buildPackages()
