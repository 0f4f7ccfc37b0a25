/** The first line of rank is what a colleague is sent: it claims no more than the trace shows. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { flushtrace } from './run.ts'

const folder = mkdtempSync(join(tmpdir(), 'flushtrace-test-'))
const firstLine = suite('first line')
firstLine.after(() => rmSync(folder, { recursive: true }))

/** The lines above the table, as one. */
async function rank(lines: readonly string[], ...flags: string[]): Promise<string> {
  const path = join(folder, 'strace.txt')
  writeFileSync(path, lines.map((line) => `${line}\n`).join(''))
  const { code, out } = await flushtrace('rank', path, ...flags)
  assert.is(code, 0)
  return out.slice(0, out.indexOf('\n\n')).replaceAll('\n', ' ')
}

const START = '12 1700000000.000000 execve("/bin/x", ["x"], 0x7ffe /* 9 vars */) = 0 <0.000200>'
const OPEN = '12 1700000000.001000 openat(AT_FDCWD, "/srv/a", O_WRONLY|O_CREAT, 0644) = 3 <0.000020>'
const PID = '12 1700000001.000000 getpid() = 12 <0.000001>'
const FSYNC = (fd: number): string => `12 1700000000.500000 fsync(${fd}) = 0 <0.001000>`

firstLine('no flush in a trace that shows everything', async () => {
  assert.is(await rank([START, OPEN, PID]), 'No flush in 1.0 s: nothing here made data durable.')
})

firstLine('flushes of files that nothing names; one write', async () => {
  const write = '12 1700000000.400000 write(3, "x", 1) = 1 <0.000010>'
  const flushed = await rank([START, FSYNC(7), FSYNC(7), PID])
  assert.is(flushed, '2 flushes in 1.0 s (2.0 a second), all fsync, all by one process.')
  assert.is(
    await rank([START, OPEN, write, PID]),
    'No flush in 1.0 s: nothing here made data durable; 1 write of 1 B in all.',
  )
})

firstLine('no flush in a trace that does not: what io_uring did is unknown', async () => {
  const enter = '12 1700000000.400000 io_uring_enter(4, 8, 8, IORING_ENTER_GETEVENTS, NULL, 8) = 8 <0.000100>'
  assert.is(
    await rank([START, OPEN, enter, PID]),
    'No flush was seen in 1.0 s; the trace does not show everything (see unseen).',
  )
})

firstLine('calls without a flush beside a block trace: the disks were asked, but by none of these', async () => {
  writeFileSync(join(folder, 'calls.txt'), [START, OPEN, PID, ''].join('\n'))
  const { out } = await flushtrace('rank', join(folder, 'calls.txt'), 'fixtures/blktrace/partition/blkparse-head.txt')
  assert.match(
    out,
    /^No flush call was seen in 1\.0 s; who else asked the disks is in the table\.\nFor the disks that was/,
  )
  assert.match(out, /one flush request/)
})

firstLine('a table of strace -c beside a block trace: it counts flushes, which nothing else shows', async () => {
  const rows = [
    '100.00    0.100000        1000       100           fdatasync',
    '100.00    0.100000        1000       100           total',
  ]
  const head = [
    '% time     seconds  usecs/call     calls    errors syscall',
    '------ ----------- ----------- --------- --------- ----------------',
  ]
  const table = join(folder, 'table.txt')
  writeFileSync(table, [...head, rows[0], head[1], rows[1], ''].join('\n'))
  const { out } = await flushtrace('rank', table, 'fixtures/blktrace/partition/blkparse-head.txt')
  assert.match(out.replaceAll('\n', ' '), `Of calls there is a table of strace -c alone: flushtrace rank ${table} `)
  assert.match((await flushtrace('rank', table)).out, /^100 flushes/)
})

firstLine('flushes of files that the trace does not name are not of those it names', async () => {
  const text = await rank([START, OPEN, FSYNC(3), FSYNC(7), FSYNC(7), PID])
  assert.match(text, /^3 flushes in 1\.0 s \(3\.0 a second\), all fsync, all by one process, on one known file\. /)
  assert.match(text, /The trace does not name the files of two flushes\.$/)
})

firstLine('one flush is not all of them', async () => {
  assert.is(await rank([START, OPEN, FSYNC(3), PID]), 'One flush in 1.0 s (1.0 a second) by one process on one file.')
})

firstLine('one guess among facts does not make all of them guesses', async () => {
  const memory = '12 1700000000.600000 msync(0x7f0000000000, 4096, MS_SYNC) = 0 <0.000010>'
  const map = '12 1700000000.100000 mmap(NULL, 4096, PROT_READ, MAP_SHARED, 3, 0) = 0x7e0000000000 <0.000010>'
  const text = await rank([START, OPEN, map, FSYNC(3), memory, PID], '--by', 'file')
  assert.match(text, /on one file\.$/)
})

firstLine('a flush of a file system is no flush of the file whose descriptor names it', async () => {
  const syncfs = '12 1700000000.700000 syncfs(3) = 0 <0.002000>'
  writeFileSync(join(folder, 'syncfs.txt'), [START, OPEN, FSYNC(3), syncfs, ''].join('\n'))
  const { out } = await flushtrace('rank', join(folder, 'syncfs.txt'), '--by', 'file', '--json')
  const { rows } = JSON.parse(out) as { rows: { scope: string; file: { path: string }; flushes: unknown }[] }
  assert.equal(
    rows.map(({ scope, file, flushes }) => [scope, file.path, flushes]),
    [
      ['filesystem', '/srv/a', { total: 1, byCall: { syncfs: 1 } }],
      ['file', '/srv/a', { total: 1, byCall: { fsync: 1 } }],
    ],
  )
})

firstLine('what a filter leaves out is not said to be missing', async () => {
  assert.is(await rank([START, OPEN, FSYNC(3), PID], '--process', 'y'), 'No flush of y was seen in 1.0 s.')
  assert.is(await rank([START, OPEN, FSYNC(3), PID], '--file', '*.db'), 'No flush on *.db was seen in 1.0 s.')
})

/** A process that makes `flushes` fsyncs. */
function run(pid: number, program: string, flushes: number): string[] {
  return [
    `${pid} 1700000000.000000 execve("/bin/${program}", ["${program}"], 0x7ffe /* 9 vars */) = 0 <0.000200>`,
    `${pid} 1700000000.001000 openat(AT_FDCWD, "/srv/${pid}", O_WRONLY|O_CREAT, 0644) = 3 <0.000020>`,
    ...Array.from({ length: flushes }, () => `${pid} 1700000001.000000 fsync(3) = 0 <0.001000>`),
  ]
}

firstLine('many processes of one program are one, none of them is named', async () => {
  const loop = Array.from({ length: 12 }, (_, k) => run(20 + k, 'sqlite3', k === 0 ? 3 : 2)).flat()
  assert.match(await rank(loop), / all fsync, by 12 processes, all sqlite3, on 12 files\.$/)
  assert.match(await rank([...loop, ...run(50, 'rpm', 3)]), / 13 files; 89\.3 % by sqlite3 \(12 processes\)\.$/)
})

firstLine('one process is named where it flushes more than its likes together', async () => {
  const lines = [...run(20, 'postgres', 5), ...run(21, 'postgres', 2), ...run(22, 'sync', 2)]
  assert.match(await rank(lines), /; 55\.6 % by postgres \[20\]\.$/)
})

firstLine('where nobody stands out, nobody is named, however the table is sorted', async () => {
  const lines = ['a', 'b', 'c', 'd', 'e'].flatMap((program, k) => run(20 + k, program, k === 2 ? 3 : 2))
  assert.match(await rank([...lines, ...run(30, 'f', 2)]), / by six processes on six files\.$/)
  const few = [...run(20, 'a', 4), ...run(21, 'b', 1)]
  assert.match(await rank(few, '--sort', 'failed', '--top', '1'), /; 80 % by a \[20\]\.$/)
  assert.match(await rank([...run(20, 'a', 2), ...run(21, 'b', 2)]), / by two processes on two files\.$/)
})

firstLine('the rate of a part is that of the part', async () => {
  const lines = [START, OPEN, FSYNC(3), FSYNC(3), PID]
  assert.match(
    await rank(lines, '--since', '0.2', '--until', '0.6'),
    /^2 flushes since 0\.2 s until 0\.6 s \(5\.0 a second\),/,
  )
  assert.match(await rank(lines, '--until', '9'), /^2 flushes until 9 s \(2\.0 a second\),/)
  assert.match(
    await rank(lines, '--since', '2023-11-14T22:13:20Z'),
    /^2 flushes since 2023-11-14T22:13:20Z, all fsync,/,
  )
})

firstLine('failures in a table of strace -c, which names no errno', async () => {
  const told = await rank([
    '% time     seconds  usecs/call     calls    errors syscall',
    '------ ----------- ----------- --------- --------- ----------------',
    ' 80.00    0.001000          10       100         2 fsync',
    '------ ----------- ----------- --------- --------- ----------------',
    '100.00    0.001000          10       100         2 total',
  ])
  assert.is(told, '98 flushes. Two flushes failed.')
})

/** Of a trace without queue events, of a file system that marks nothing as metadata. */
const SENT = [
  '  8,48   0        1     0.000000000   275  D   W 80000 + 8 [z_wr_int_0]',
  '  8,48   0        2     0.000100000     0  C   W 80000 + 8 [0]',
  '  8,48   0        3     0.000200000   275  D   W 90000 + 8 [z_wr_int_0]',
  '  8,48   0        4     0.000250000   276  D   W 90000 + 8 [kworker/0:1H]',
  '  8,48   0        5     0.000300000     0  C   W 90000 + 8 [0]',
]

firstLine('requests of which nothing tells who asked, nor what they are', async () => {
  const path = join(folder, 'sent.txt')
  writeFileSync(path, `${SENT.join('\n')}\n`)
  const { out: ranked } = await flushtrace('rank', path)
  assert.match(ranked, /^2 block writes of 8\.2 kB in all, no flush requests and no FUA writes in /)
  assert.match(ranked, /8\.2 kB +2 +unknown tasks \[\?\]/)
  assert.match(ranked, /unseen +The block trace does not show when requests were queued \(8:48\)/)
  const { out: located } = await flushtrace('locate', path)
  assert.match(
    located,
    /^8\.2 kB went to 8:48 in 2 writes: nothing here tells file data from metadata\.\nWith it came no/,
  )
  assert.match(located, /located +0 % of the bytes\./)
})

firstLine('a block trace of reads alone offers nothing that it cannot answer', async () => {
  const path = join(folder, 'reads.txt')
  writeFileSync(path, SENT.map((line) => line.replace('  W ', '  R ')).join('\n'))
  const { out: ranked } = await flushtrace('rank', path)
  assert.match(ranked, /^No block write and no flush request in /)
  assert.not.match(ranked, /flushtrace locate/)
  assert.match((await flushtrace('locate', path)).out, /next +flushtrace inspect [^\n]*\n$/)
})

firstLine('explain says whose flushes these are, and on what; what to ask next keeps the filters', async () => {
  const path = join(folder, 'two.txt')
  const other = [OPEN, FSYNC(3)].map((line) => line.replace(/^12 /, '13 '))
  const exec = START.replace(/^12 /, '13 ')
  writeFileSync(path, [START, exec, OPEN, other[0], FSYNC(3), other[1], PID, ''].join('\n'))
  const headline = async (...flags: string[]): Promise<string> =>
    (await flushtrace('explain', path, ...flags)).out.split(';')[0].replaceAll('\n', ' ')
  assert.is(await headline('--process', 'x'), '2 flushes of x (two processes) took 2.0 ms')
  assert.is(await headline('--file', 'a'), '2 flushes by two processes on a took 2.0 ms')
  assert.is(await headline('--process', '12', '--file', 'a'), 'One flush of x [12] on a took 1.0 ms')
  const next = async (...line: string[]): Promise<string> =>
    (await flushtrace(...line)).out.split('next ')[1].replaceAll(/\s+/g, ' ').trim()
  const filters = ['--file', 'a', '--since', '0.1']
  assert.is(
    await next('explain', path, '--process', 'x', ...filters),
    `flushtrace explain ${path} --flush 2 flushtrace rank ${path} --by process --process x --file a --since 0.1`,
  )
  assert.is(
    await next('rank', path, '--process', '13', ...filters),
    `flushtrace rank ${path} --by file --process 13 --file a --since 0.1 flushtrace events ${path} --process 13 --file a --since 0.1`,
  )
})

firstLine.run()
