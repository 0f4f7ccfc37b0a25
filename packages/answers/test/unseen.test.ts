/** What a log cannot show because of how it was recorded. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { inspect, rank } from '../src/index.ts'

const folder = mkdtempSync(join(tmpdir(), 'flushtrace-test-'))
const unseen = suite('unseen')
unseen.after(() => rmSync(folder, { recursive: true }))

let sets = 0

/** Of a -ff set: how many tasks exited silently, as it is told; null: nothing is. */
async function silent(...files: readonly string[]): Promise<string | null> {
  const place = join(folder, `${++sets}`)
  mkdirSync(place)
  for (const [k, text] of files.entries()) writeFileSync(join(place, `log.${k + 7}`), text)
  const { diagnostics } = await rank([place])
  const told = diagnostics.find(({ code }) => code === 'strace/hidden-in-set')
  return told ? told.message.replace(/.*: (\d+) tasks.*/, '$1') : null
}

const FSYNC = '1795173545.1 fsync(3) = 0 <0.1>\n'
const EXITED = '1795173545.3 +++ exited with 0 +++\n'
const SIGNAL = '1795173545.2 --- SIGCHLD {si_signo=SIGCHLD, si_code=CLD_EXITED, si_pid=8} ---\n'

unseen('a -ff set whose tasks exit without a call that ends one: strace -P, or -e', async () => {
  assert.is(await silent(SIGNAL + EXITED, FSYNC + EXITED, FSYNC + EXITED), '3')
  assert.is(await silent(FSYNC + EXITED, FSYNC), null, 'of one task: it may be that only it was traced')
  // Threads are ended by another one's exit_group or execve; who is killed calls nothing more.
  for (const ends of ['exit_group(0) = ?\n', 'exit_group(0 <unfinished ...>\n', 'execve("/x", [], []) = 0\n'])
    assert.is(await silent(FSYNC + EXITED, FSYNC + EXITED, `${FSYNC}1795173545.2 ${ends}`), null, ends)
  const killed = '1795173545.3 +++ killed by SIGKILL +++\n'
  assert.is(await silent(FSYNC + killed, FSYNC + killed), null)
})

unseen('captures of several machines share one space of numbers: told by the names in them', async () => {
  const capture = readFileSync('fixtures/sysdig/fd-ext4.scap')
  const of = (host: string): string => {
    const path = join(folder, `${host}.scap`)
    const bytes = Buffer.from(capture)
    // The machine is the block behind the head of the section.
    bytes.write(host, 28 + 8 + 20)
    writeFileSync(path, bytes)
    return path
  }
  const told = async (...paths: readonly string[]): Promise<string[]> =>
    (await inspect(paths)).diagnostics.flatMap(({ code, message }) =>
      code === 'sysdig/several-machines' ? [message] : [],
    )
  assert.equal(await told(of('web1'), of('web2')), [
    'The captures are of several machines (web1, web2): equal numbers of processes, names and devices count as one here, and may be of any of them.',
  ])
  assert.equal(await told(of('web1'), 'fixtures/sysdig/fd-ext4.scap'), [])
})

/** A flush in each second, and requests from `from` to `until`. */
function besideBlocks(name: string, from: number, until: number): string {
  const place = join(folder, name)
  mkdirSync(place)
  const calls = [1, 2, 3, 4].map((s) => `7 179517354${s}.1 fsync(3</mnt/a>) = 0 <0.1>\n`)
  const queued = (at: number): string =>
    `  app-7 [000] ..... ${at.toFixed(6)}: block_bio_queue: 7,0 WS ${at * 8} + 8 [app]\n`
  writeFileSync(join(place, 'strace.txt'), calls.join(''))
  writeFileSync(join(place, 'tracefs.txt'), `${queued(from)}${queued(until)}`)
  return place
}

unseen('requests of a longer time than the calls’ are told, and have a rate of their own', async () => {
  const longer = besideBlocks('longer', 10, 30)
  const code = 'block/longer'
  const { diagnostics, conditions } = await rank([longer], { failIf: ['block-writes-per-second > 1'] })
  assert.match(diagnostics.find((row) => row.code === code)?.message ?? '', 'is of 20.0 s, the calls are of 3.0 s: ')
  assert.is(conditions?.[0].measured, 0.1)
  const alike = await rank([besideBlocks('alike', 10, 13)])
  assert.is(
    alike.diagnostics.find((row) => row.code === code),
    undefined,
  )
})

unseen.run()
