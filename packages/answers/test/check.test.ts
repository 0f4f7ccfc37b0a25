/** The second count: equal on every fixture, and really a count of its own. */
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { check } from '../src/check.ts'
import { recountStrace } from '../src/recount/strace.ts'
import { openSources, Diagnostics } from '@flushtrace/trace'

const FIXTURES = 'fixtures'
const folder = mkdtempSync(join(tmpdir(), 'flushtrace-test-'))
const second = suite('second count')
second.after(() => rmSync(folder, { recursive: true }))

/** Folders that hold one capture each, and samples that stand alone. */
function captures(): string[] {
  return ['strace', 'blktrace', 'sysdig']
    .flatMap((kind) => readdirSync(join(FIXTURES, kind)).map((name) => join(FIXTURES, kind, name)))
    .filter((path) => !/README|golden|truth|samba-format/.test(path))
}

for (const path of captures()) {
  second(`${path}: no difference`, async () => {
    const { differences } = await check([path])
    assert.equal(differences, [])
  })
}

second('some are really compared', async () => {
  assert.is((await check([join(FIXTURES, 'strace/attach-samba')])).cells, 2)
  assert.ok((await check([join(FIXTURES, 'blktrace/partition')])).cells >= 3)
  assert.ok((await check([join(FIXTURES, 'sysdig/fd-ext4.scap')])).cells >= 4)
  assert.ok(existsSync(join(FIXTURES, 'sysdig/attach-samba.json')))
  for (const name of ['sysdig/attach-samba.json', 'sysdig/attach-samba.txt', 'blktrace/discard/tracefs.txt']) {
    const { cells, left } = await check([join(FIXTURES, name)])
    assert.ok(cells > 0, name)
    assert.equal(left, [])
  }
  assert.is((await check([join(FIXTURES, 'blktrace/tables/btrace-s.txt')])).left.length, 1)
})

async function recount(text: string, name = 'strace.txt'): Promise<Record<string, number | string>> {
  const path = join(folder, name)
  writeFileSync(path, text)
  const { sources } = await openSources([path], new Diagnostics())
  const { cells } = await recountStrace(sources)
  const told = [...cells.values()].map(({ task, what, least, most }) => [
    `${task} ${what}`,
    least === most ? least : `${least} to ${most}`,
  ])
  return Object.fromEntries(told)
}

second('a plain reading of strace', async () => {
  const log = `\
7 1795173545.000001 fsync(3</a) = -1 x>) = 0 <0.1>
7 1795173545.000002 fsync(3) = -1 EIO (Input/output error) <0.1>
7 1795173545.000003 fsync(3) = ? ERESTARTSYS (To be restarted)
7 1795173545.000004 fsync(3) = 0 (INJECTED)
7 1795173545.000005 read(1, "fsync(3) = 0", 12) = 12
7 1795173545.000006 msync(0x1000, 4096, MS_ASYNC) = 0
7 1795173545.000007 msync(0x1000, 4096, MS_SYNC <unfinished ...>
8 1795173545.000008 fdatasync(3 <unfinished ...>
7 1795173545.000009 <... msync resumed>) = 0
8 1795173545.000010 <... fdatasync resumed>) = 0 <0.1>
8 1795173545.000011 msync(0x1000, 4096, 0x4) = 0
`
  assert.equal(await recount(log), { '7 fsync': 1, '7 fsync failed': 1, '7 msync': 1, '8 fdatasync': 1, '8 msync': 1 })
  assert.equal(await recount('[pid  9] 10:00:00 sync() = 0\nsyncfs(3) = 0\n'), { '9 sync': 1, ' syncfs': 1 })
  assert.equal(await recount('sync() = 0\n', 'strace.77'), { '77 sync': 1 })
})

second('synchronous writes, by what was opened, copied and shared', async () => {
  const log = `\
7 1795173545.000001 openat(AT_FDCWD</srv>, "a", O_WRONLY|O_SYNC|O_CLOEXEC) = 3</srv/a>
7 1795173545.000002 write(3</srv/a>, "x, 5) = 0", 9) = 9
7 1795173545.000003 dup2(3</srv/a>, 5) = 5</srv/a>
7 1795173545.000004 write(3, "x", 1) = -1 EIO (Input/output error)
7 1795173545.000005 openat(AT_FDCWD, "b", 0x101001) = 4
7 1795173545.000006 clone(child_stack=NULL, flags=CLONE_VM|CLONE_FILES) = 8
8 1795173545.000007 pwritev(4, [{iov_base="x", iov_len=1}], 1, 0) = 1
8 1795173545.000008 close(4) = 0
7 1795173545.000009 write(4, "x", 1) = 1
7 1795173545.000010 fork() = 9
9 1795173545.000011 execve("/bin/x", ["x"], 0x7f /* 3 vars */) = 0
9 1795173545.000012 write(3, "x", 1) = 1
9 1795173545.000013 write(5, "x", 1 <unfinished ...>
7 1795173545.000014 openat(AT_FDCWD, "c", O_RDWR) = 6
9 1795173545.000015 <... write resumed>) = 1
7 1795173545.000016 pwritev2(6, [{iov_base="x", iov_len=1}], 1, 0, RWF_DSYNC) = 1
7 1795173545.000017 write(6, "x", 1) = 1
7 1795173545.000018 openat(AT_FDCWD, "/dev/null", O_WRONLY|O_DSYNC) = 10
7 1795173545.000019 write(10, "x", 1) = 1
7 1795173545.000020 copy_file_range(6, NULL, 5, NULL, 4096, 0) = 4096
`
  assert.equal(await recount(log), { '7 syncWrite': '3 to 5', '8 syncWrite': 1, '9 syncWrite': '1 to 2' })
  const { left } = await check([join(FIXTURES, 'strace/fd-ext4-noy/strace.txt')])
  assert.equal(left, [], 'its synchronous writes are compared')
})

second('close-on-exec that an ioctl sets and clears', async () => {
  const log = `\
7 openat(AT_FDCWD, "a", O_WRONLY|O_SYNC|O_CLOEXEC) = 3
7 openat(AT_FDCWD, "b", O_WRONLY|O_SYNC) = 4
7 ioctl(3</srv/a>, FIONCLEX) = 0
7 ioctl(4, 0x5451 /* FIOCLEX */) = 0
7 execve("/bin/x", ["x"], 0x7f /* 3 vars */) = 0
7 write(3, "x", 1) = 1
7 write(4, "x", 1) = 1
`
  assert.equal(await recount(log), { '7 syncWrite': '1 to 2' }, 'nobody knows what 4 is now')
})

second('of several logs together synchronous writes are not counted again, and that is said', async () => {
  const log = '7 1795173545.1 openat(AT_FDCWD, "a", O_WRONLY|O_SYNC) = 3\n7 1795173545.2 write(3, "x", 1) = 1\n'
  for (const name of ['log.7', 'log.8']) writeFileSync(join(folder, name), log.replaceAll(/^7/gm, name.slice(-1)))
  const { left } = await check([join(folder, 'log.7'), join(folder, 'log.8')])
  assert.equal(
    left.map(({ why }) => why),
    ['synchronous writes: 2'],
  )
})

async function differences(name: string, text: string): Promise<number[]> {
  writeFileSync(join(folder, name), text)
  const answer = await check([join(folder, name)])
  assert.equal(answer.differences, [], JSON.stringify(answer))
  return [answer.cells, answer.left.length]
}

second('JSON of sysdig in any layout', async () => {
  const event = (direction: string, more = ''): string =>
    `{ "evt.dir" : "${direction}",\t"evt.num": 1, "evt.outputtime": 1481211698416541555, "evt.type" :"fsync", "proc.name": "a\\"}{b"${more}, "thread.tid" : 7 }`
  const pair = [event('>'), event('<')]
  assert.equal(await differences('blanks.json', `${pair.join('\n')}\n`), [1, 0])
  assert.equal(await differences('array.json', `[${pair.join(',\n')}]\n`), [1, 0])
  assert.equal(await differences('line.json', `[${[...pair, ...pair].join(' , ')}]\n`), [1, 0])
  assert.equal(await differences('names.json', `${pair.join('\n').replaceAll('}{b', String.raw`\r\u2028`)}\n`), [1, 0])
  assert.equal(await differences('lines.json', `[${pair.join()}\n,${pair.join()},\n${pair.join()}]\n`), [1, 0])
  assert.equal(await differences('tid.json', `${pair.join('\n')}\n${pair[0].replace('7 }', '"x" }')}\n`), [1, 0])
  const undirected = pair.map((text) => text.replace(/"evt.dir" : "."/, '"evt.cpu": 0')).join('\n')
  assert.equal(await differences('undirected.json', `${undirected}\n`), [0, 1])
  const nobody = pair.map((text) => text.replace('"thread.tid" : 7', '"evt.cpu": 0')).join('\n')
  assert.equal(await differences('nobody.json', `${nobody}\n`), [1, 0])
})

second('what ends lines elsewhere, in names; lines that lost their ends', async () => {
  const head = '11:52:19.378199211 0 a\r\u2028b (5)'
  assert.equal(await differences('names.txt', `1 ${head} > fsync \n2 ${head} < fsync \n`), [1, 0])
  assert.equal(
    await differences('joined.txt', `1 ${head} > fsync \n2 ${head} < fsync 3 ${head} < fsync \n4 ${head} < fsync \n`),
    [1, 0],
  )
  assert.equal(
    await differences('data.txt', `1 ${head} > read size=5 data=x (6) > fsync\n4 ${head} < fsync \n`),
    [1, 0],
  )
  const name = 'evil\rname'
  const queued = `${name}-12 [000] ..... 1.000001: block_bio_queue: 7,0 WS 0 + 8 [${name}]\n`
  assert.equal(await differences('ftrace.txt', queued), [2, 0])
  assert.equal(await differences('blkparse.txt', `  7,0 0 1 0.000000001 12 Q WS 0 + 8 [${name}]\n`), [2, 0])
})

second('a long run of blanks costs no square of its length', async () => {
  const blanks = ' '.repeat(60_000)
  const before = process.cpuUsage()
  const log = `7 1795173545.1 fsync(3) = 0\n7 ${blanks}x\n7 1795173545.2${blanks}fsync(3)${blanks}= 0\n`
  assert.equal(await recount(log), { '7 fsync': 2 })
  const event = '{"evt.dir":"<","evt.outputtime":1481211698416541555,"evt.type":"fsync","thread.tid":7}'
  assert.equal(
    await differences('blanks-between.json', `${event}\n${blanks}x\n{${blanks}${event.slice(1)}${blanks}\n`),
    [1, 0],
  )
  // By the square each takes seconds.
  assert.ok(process.cpuUsage(before).user < 2e6)
})

second('what comes through a pipe is not read twice', async () => {
  try {
    await check(['-'])
    assert.unreachable()
  } catch (error) {
    assert.match((error as Error).message, /save it to a file first/)
  }
})

second.run()
