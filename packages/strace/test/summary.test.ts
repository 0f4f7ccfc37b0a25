import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { SummaryTable, isSummaryHead, parseSummaryHead, parseSummaryRow, type SummaryRow } from '../src/summary.ts'
import { read } from './source.ts'

const summaries = suite('summary')

/** The rows of a table, and how many of its lines were taken. */
function table(text: string): { rows: SummaryRow[]; lines: number } {
  const reader = new SummaryTable()
  const rows: SummaryRow[] = []
  const lines = text.split('\n').filter((line) => reader.line(line, rows)).length
  return { rows, lines }
}

const PLAIN = `\
% time     seconds  usecs/call     calls    errors syscall
------ ----------- ----------- --------- --------- ----------------
 83.52    0.000512          51        10           fdatasync
  9.71    0.000135          45         3         2 fsync
  0.50    0.000007           3         1           ???
------ ----------- ----------- --------- --------- ----------------
100.00    0.000613          40        14         2 total`

summaries('the table without -U', () => {
  assert.equal(table(PLAIN), {
    lines: 7,
    rows: [
      { call: 'fdatasync', calls: 10, errors: 0, seconds: 0.000512 },
      { call: 'fsync', calls: 3, errors: 2, seconds: 0.000135 },
      { call: '???', calls: 1, errors: 0, seconds: 0.000007 },
      { call: 'total', calls: 14, errors: 2, seconds: 0.000613 },
    ],
  })
})

summaries('nothing after the total belongs to it', () => {
  assert.is(table(`${PLAIN}\n 83.52    0.000512          51        10           fdatasync`).lines, 7)
})

summaries('a decimal comma', () => {
  const text = PLAIN.replace(/(\d)\.(\d)/g, '$1,$2')
  assert.equal(table(text), table(PLAIN))
})

summaries('columns in another order', () => {
  const { rows } = table(`\
syscall              calls    errors % time shortest  longest
---------------- --------- --------- ------ -------- --------
read                     5         2   0.00 0.000000 0.000002
fdatasync               24             0.00 0.000000 0.000001
---------------- --------- --------- ------ -------- --------
total                   29         2 100.00 0.000000 0.000002`)
  assert.equal(rows, [
    { call: 'read', calls: 5, errors: 2, seconds: null },
    { call: 'fdatasync', calls: 24, errors: 0, seconds: null },
    { call: 'total', calls: 29, errors: 2, seconds: null },
  ])
})

summaries('few columns', () => {
  const { rows, lines } = table(`\
    calls    errors syscall
--------- --------- ----------------
        5         2 read
        3           fsync
--------- --------- ----------------
        8         2 total`)
  assert.is(lines, 6)
  assert.equal(rows.slice(0, 2), [
    { call: 'read', calls: 5, errors: 2, seconds: null },
    { call: 'fsync', calls: 3, errors: 0, seconds: null },
  ])
})

summaries('wall-clock columns (7.1)', () => {
  const { rows } = table(`\
% time     seconds  wall-total wall-min wall-max    wall-avg     calls    errors syscall
------ ----------- ----------- -------- -------- ----------- --------- --------- ----------------
 66.75    0.003708    1.203708 0.000001 0.500000         306      3922           read
------ ----------- ----------- -------- -------- ----------- --------- --------- ----------------
100.00    0.003708    1.203708 0.000001 0.500000         306      3922           total`)
  assert.equal(rows[0], { call: 'read', calls: 3922, errors: 0, seconds: 0.003708 })
})

summaries('columns without a number of calls: known, but nothing to count', () => {
  const text = `\
% time     seconds syscall
------ ----------- ----------------
 60.00    0.000003 read
------ ----------- ----------------
100.00    0.000005 total`
  assert.equal(table(text), { rows: [], lines: 5 })
  assert.not(isSummaryHead('% time     seconds syscall'))
})

summaries('the total of older versions has a blank column', () => {
  const { rows, lines } = table(`\
% time     seconds  usecs/call     calls    errors syscall
------ ----------- ----------- --------- --------- ----------------
  0.00    0.000000           0         8           read
------ ----------- ----------- --------- --------- ----------------
100.00    0.000000                    99         9 total`)
  assert.is(lines, 5)
  assert.equal(rows[1], { call: 'total', calls: 99, errors: 9, seconds: 0 })
})

summaries('several tables are added up', () => {
  const { rows, lines } = table(
    `System call usage summary for 64 bit mode:\n${PLAIN}\nSystem call usage summary for 32 bit mode:\n${PLAIN}`,
  )
  assert.is(lines, 16)
  assert.equal(rows[1], { call: 'fsync', calls: 6, errors: 4, seconds: 0.00027 })
})

summaries('what is no head, and no row', () => {
  assert.ok(isSummaryHead('% time     seconds  usecs/call     calls    errors syscall'))
  for (const line of ['', 'syscall', 'calls', 'the calls of a syscall', 'time calls syscall', '% time']) {
    assert.is(parseSummaryHead(line), null, line)
  }
  for (const line of [
    '',
    '------ -----------',
    '1 2 3 4 5',
    'fsync',
    ' 83.52 x 51 10 fdatasync',
    'a b c d e f',
    '1 2 3 4 5 6 7 read',
  ]) {
    assert.is(parseSummaryRow(line), null, line)
  }
})

summaries('counts calls whose result was unavailable, and none that never ended', async () => {
  const { facts } = await read(
    `7 read(3,  <unfinished ...>
7 <... read resumed>) = ? <unavailable>
7 close(3) = ? <unavailable>
7 +++ killed by SIGKILL +++
8 fsync(3 <unfinished ...>) = ?
8 +++ killed by SIGKILL +++
% time     seconds  usecs/call     calls    errors syscall
------ ----------- ----------- --------- --------- ----------------
 50.00    0.000005           5         1           read
 50.00    0.000005           5         1           close
------ ----------- ----------- --------- --------- ----------------
100.00    0.000010           5         2           total
`,
  )
  assert.is(facts.summaryAgrees, true)
  assert.equal(facts.calls, { read: 1, close: 1 })
})

summaries('in a log: agreeing', async () => {
  const { facts, diagnostics } = await read(
    'fsync(3) = 0\nfsync(9) = -1 EBADF (Bad file descriptor)\nexit_group(0) = ?\n+++ exited with 0 +++\n% time     seconds  usecs/call     calls    errors syscall\n------ ----------- ----------- --------- --------- ----------------\n100.00    0.000005           2         2         1 fsync\n------ ----------- ----------- --------- --------- ----------------\n100.00    0.000005           2         2         1 total\n',
  )
  assert.is(facts.summaryAgrees, true)
  assert.is(facts.foreign, 0)
  assert.ok(facts.options.includes('-C'))
  assert.equal(diagnostics, [])
})

summaries('in a log: differing', async () => {
  const { facts, diagnostics } = await read(`fsync(3) = 0\n${PLAIN}\n`)
  assert.is(facts.summaryAgrees, false)
  assert.equal(
    diagnostics.map(({ code, count }) => [code, count]),
    [['strace/summary-differs', 3]],
  )
  assert.match(diagnostics[0].message, 'fdatasync 0 in the lines, 10 in the table')
})

summaries('in a log of -z: the failed calls have no lines', async () => {
  const { diagnostics } = await read(
    `fsync(3) = 0\n% time     seconds  usecs/call     calls    errors syscall\n------ ----------- ----------- --------- --------- ----------------\n100.00    0.000005           2         3         2 fsync\n`,
  )
  assert.equal(
    diagnostics.map(({ code }) => code),
    ['strace/status-filter'],
  )
})

summaries.run()
