import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { readScap } from '../src/index.ts'
import { fdList, machine, processList, section, str, type FdEntry } from './build.ts'
import { collect } from './collect.ts'

const lists = suite('process lists')

const CONTAINER = '25c8ce27e4e3a1b2c3d4e5f60718293a4b5c6d7e8f90a1b2c3d4e5f60718293a'
const entries = [
  { tid: 42, pid: 42, comm: 'postgres', exe: '/usr/bin/postgres', args: '-D\0/srv/pg data\0', cwd: '/srv/pg/' },
  { tid: 43, pid: 42, comm: 'wal', cgroups: `cpu=/system.slice/docker-${CONTAINER}.scope\0`, env: 'TOKEN=secret' },
]

async function read(...blocks: Uint8Array[]) {
  return collect(Buffer.concat([section(), machine(), ...blocks]), readScap)
}

for (let version = 1; version <= 9; version++) {
  for (const tail of version === 9 ? [0, 4, 29, 66, 68] : [0]) {
    lists(`version ${version}, ${tail} bytes of newer fields`, async () => {
      const result = await read(processList(version, entries, tail))
      const [first, second] = [...result.reading.processes.values()]
      assert.equal(first, {
        pid: 42,
        tgid: 42,
        comm: 'postgres',
        cmdline: ['/usr/bin/postgres', '-D', '/srv/pg data'],
        exe: version >= 7 ? '/usr/bin/exepath' : null,
        sid: version >= 6 ? 42 : null,
        vtid: null,
        cwd: '/srv/pg',
        fds: null,
        regions: null,
        container: null,
      })
      assert.is(second.tgid, 42)
      assert.is(second.container, version >= 4 ? CONTAINER.slice(0, 12) : null)
      assert.is(result.facts.damaged, 0)
      assert.equal(result.facts.listed, { tasks: 2, processes: 1, descriptors: 0 })
      assert.not.ok(JSON.stringify([...result.reading.processes]).includes('secret'))
    })
  }
}

const u32 = (value: number): Buffer => {
  const out = Buffer.alloc(4)
  out.writeUInt32LE(value)
  return out
}
const FDS: readonly (FdEntry & { target: string; flags?: number | null; deleted?: boolean; device?: string })[] = [
  { fd: 3, type: 1, payload: str('/srv/a b'), target: '/srv/a b' },
  { fd: 4, type: 16, payload: Buffer.concat([u32(3 + 128), str('/srv/wal')]), target: '/srv/wal', flags: 0o4010002 },
  { fd: 5, type: 2, payload: str('/srv'), target: '/srv', flags: 0o200000 },
  { fd: 6, type: 7, inode: 77, payload: str(''), target: 'pipe:[77]' },
  { fd: 7, type: 3, inode: 78, payload: Buffer.alloc(13), target: 'socket:[78]' },
  { fd: 8, type: 4, inode: 79, payload: Buffer.alloc(37), target: 'socket:[79]' },
  { fd: 9, type: 5, inode: 80, payload: Buffer.alloc(7), target: 'socket:[80]' },
  { fd: 10, type: 6, inode: 81, payload: Buffer.alloc(19), target: 'socket:[81]' },
  { fd: 11, type: 8, inode: 82, payload: Buffer.concat([Buffer.alloc(16), str('/run/x')]), target: 'socket:[82]' },
  { fd: 12, type: 12, payload: str('[eventpoll]'), target: 'anon_inode:[eventpoll]' },
  { fd: 13, type: 1, payload: str('/srv/gone (deleted)'), target: '/srv/gone', deleted: true },
]
const V2_FDS: typeof FDS = [
  {
    fd: 14,
    type: 16,
    payload: Buffer.concat([u32(1), str('/srv/dev'), u32(0xfd01)]),
    target: '/srv/dev',
    flags: 0,
    device: '253:1',
  },
  { fd: 15, type: 20, payload: str('mem'), target: '/memfd:mem', deleted: true },
  { fd: 16, type: 21, payload: str(''), target: 'anon_inode:[pidfd]' },
]

for (const v2 of [false, true]) {
  lists(`descriptors, version ${v2 ? 2 : 1}`, async () => {
    const known = v2 ? [...FDS, ...V2_FDS] : FDS
    const result = await read(processList(9, entries), fdList(42, known, v2))
    assert.is(result.facts.damaged, 0)
    const found = result.reading.processes.get(42)?.fds ?? []
    assert.is(found.length, known.length)
    for (const [k, { fd, target, flags = null, deleted = false, inode = 0, device = null }] of known.entries()) {
      assert.equal(found[k], { fd, target, deleted, flags, inode, device })
    }
  })
}

lists('a kind that is not known is stepped over by its length; without one the rest of the list is lost', async () => {
  const strange = { fd: 3, type: 99, payload: Buffer.alloc(5) }
  const known = { fd: 4, type: 1, payload: str('/srv/x') }
  const v2 = await read(processList(9, entries), fdList(42, [strange, known]))
  assert.equal(
    v2.reading.processes.get(42)?.fds?.map(({ fd }) => fd),
    [4],
  )
  assert.is(v2.facts.damaged, 0)
  const v1 = await read(processList(8, entries), fdList(42, [known, strange, known], false))
  assert.equal(
    v1.reading.processes.get(42)?.fds?.map(({ fd }) => fd),
    [4],
  )
  assert.is(v1.facts.damaged, 1)
})

lists('a later section does not take back what an earlier one said', async () => {
  const again = [{ ...entries[0], comm: 'other', cwd: '/' }]
  const bytes = Buffer.concat([section(), processList(9, entries), section(), processList(9, again)])
  const { reading } = await collect(bytes, readScap)
  assert.is(reading.processes.get(42)?.comm, 'postgres')
})

lists.run()
