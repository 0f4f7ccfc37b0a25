/**
 * The program as it is shipped, for tests that need a process of its own (signals, pipes, a terminal): built once, as a
 * start from source takes ten times as long.
 */
import { cpSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { buildCli } from '../../../scripts/build-cli.ts'

let built: Promise<string> | null = null

/** The path of what Node is to run. */
export function program(): Promise<string> {
  return (built ??= builtProgram())
}

async function builtProgram(): Promise<string> {
  const home = mkdtempSync(join(tmpdir(), 'flushtrace-program-'))
  process.on('exit', () => rmSync(home, { recursive: true }))
  const cli = fileURLToPath(new URL('..', import.meta.url))
  for (const name of ['package.json', 'bin']) cpSync(join(cli, name), join(home, name), { recursive: true })
  await buildCli(home)
  return join(home, 'bin/flushtrace.cjs')
}
