/** Against sysdig itself, where it is installed (0.29.3 in Debian): the same events by type. */
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { HIDDEN } from '../src/event-table.ts'
import { readScap } from '../src/index.ts'
import { event, generic, i64, machine, processList, section, u32 } from './build.ts'
import { collect, fixture, FIXTURES } from './collect.ts'

const installed = spawnSync('sysdig', ['--version']).status === 0
const against = suite('against sysdig')

/** What 0.29.3 calls otherwise, or does not know yet and leaves out. */
const RENAMED: Readonly<Record<string, string>> = { sigreturn: 'rt_sigreturn' }
const NEWER: ReadonlySet<string> = new Set(['newfstatat', 'epoll_create', 'memfd_create', 'close_range'])

function countBySysdig(path: string): Record<string, number> | null {
  const run = spawnSync('sysdig', ['-r', path, '-p', '*%evt.dir %evt.type'], { encoding: 'utf8', maxBuffer: 1 << 28 })
  if (run.status !== 0) return null
  const counts: Record<string, number> = {}
  for (const line of run.stdout.split('\n')) {
    if (line === '') continue
    const [direction, type] = line.split(' ')
    const key = `${direction} ${RENAMED[type] ?? type}`
    counts[key] = (counts[key] ?? 0) + 1
  }
  return counts
}

async function agree(path: string, bytes: Uint8Array): Promise<void> {
  const expected = countBySysdig(path)
  assert.ok(expected, `sysdig reads ${path}`)
  const { facts } = await collect(bytes, readScap)
  const found: Record<string, number> = {}
  for (const [type, { enter, exit }] of Object.entries(facts.types)) {
    if (HIDDEN.has(type) || NEWER.has(type)) continue
    if (enter > 0) found[`> ${type}`] = enter
    if (exit > 0) found[`< ${type}`] = exit
  }
  assert.equal(found, expected)
}

if (installed) {
  against('a capture of a running samba', () =>
    agree(`${FIXTURES}attach-samba.scap.gz`, fixture('attach-samba.scap.gz')),
  )

  against('a capture made by hand, of both generations of events', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'flushtrace-'))
    try {
      for (const type of [0x204, 0x216, 0x217]) {
        const list = processList(type === 0x204 ? 8 : 9, [{ tid: 100, pid: 100, comm: 'x', exe: 'x' }], 29)
        const bytes = Buffer.concat([
          section(),
          machine(),
          list,
          generic(72, 74, false, { type }),
          // The release at hand knows one parameter of the exit; v1 events have to fit its table.
          generic(72, null, true, { type, atNs: 5n }),
          event(8, [i64(4), u32(3)], { type, atNs: 6n }),
          event(9, [i64(3), Buffer.from('abc')], { type, atNs: 7n }),
        ])
        const path = join(folder, `${type}.scap`)
        writeFileSync(path, bytes)
        await agree(path, bytes)
      }
    } finally {
      rmSync(folder, { recursive: true })
    }
  })
} else {
  against.skip('sysdig is not installed (apt-get install sysdig)')
}

against.run()
