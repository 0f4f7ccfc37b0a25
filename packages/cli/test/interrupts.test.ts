/** What ends the program from outside, and sources that are no plain files: run as a process of its own. */
import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { appendFileSync, cpSync, mkdtempSync, openSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { ended } from './child.ts'
import { program } from './program.ts'

const PROGRAM = await program()
const FIXTURE = 'fixtures/strace/libaio.txt'
const LINE = '7 1795173545.500000 fsync(3</srv/x>) = 0 <0.000021>\n'
const folder = mkdtempSync(join(tmpdir(), 'flushtrace-test-'))
const interrupts = suite('interrupts')
interrupts.after(() => rmSync(folder, { recursive: true }))

/** A GB of log in little space: gzip may have many members. Nothing repeats, so that a MiB of it is read in a moment. */
const ENDLESS = join(folder, 'endless.gz')
interrupts.before(() => {
  const digits = (): string => String(Math.random()).slice(2, 8).padEnd(6, '0')
  const lines = Array.from({ length: 100_000 }, () => LINE.replace('500000', digits()))
  const member = gzipSync(lines.join(''), { level: 1 })
  writeFileSync(ENDLESS, Buffer.concat(Array.from({ length: 200 }, () => member)))
})

function start(argv: readonly string[], stdin: 'ignore' | 'pipe' | number = 'ignore'): ChildProcess {
  return spawn(process.execPath, [PROGRAM, ...argv], { stdio: [stdin, 'pipe', 'pipe'] })
}

interrupts('a pipe that is closed ends the work at once, without a word', async () => {
  const child = start(['events', '-'], 'pipe')
  child.stdin?.on('error', () => {})
  const feeding = setInterval(() => child.stdin?.write(LINE.repeat(20_000)), 5)
  child.stdout?.once('data', () => child.stdout?.destroy())
  const { code, err } = await ended(child).finally(() => clearInterval(feeding))
  assert.equal([code, err], [141, ''])
})

const TRACE = ['fixtures/strace/fd-ext4', 'fixtures/clocks']
for (const argv of [
  ['inspect', ...TRACE],
  ['rank', ...TRACE, '--top', '0', '--json'],
  ['rank', FIXTURE, '--check'],
  ['locate', ...TRACE, '--csv'],
  ['explain', ...TRACE, '--process', '*'],
  ['recipe'],
]) {
  interrupts(`${argv.join(' ')} | true: ends as if a signal had, without a word`, async () => {
    const child = start(argv)
    child.stdout?.destroy()
    const { code, err } = await ended(child)
    assert.equal([code, err], [141, ''])
  })
}

/** So many functions that V8 compiles some whenever it ends, and a heap that is full then, or soon. */
const LEFT_HOT = `exports.main = async () => {
  const one = (i) => \`(a, o) => {
    let s = \${i}
    for (let k = 0; k < 20; k++) {
      s = (s * 31 + a + k) | 0
      if (s % 7 === 3) s += o.x
      else s ^= o.y
      o = { x: s, y: k, z: o.x }
      s += [s, k].length
    }
    return s
  }\`
  const functions = eval(\`[\${Array.from({ length: 120 }, (_, i) => one(i))}]\`)
  const kept = []
  for (let n = 0; n < process.argv[2]; n++) {
    functions[n % functions.length](n, { x: 1, y: 2 })
    if (n % 4 === 0) kept.push([n, { n }])
  }
  process.exit(7)
}`

interrupts('an end while V8 compiles does not wait for it for ever', async () => {
  const home = join(folder, 'hot')
  cpSync(join(PROGRAM, '../..'), home, { recursive: true })
  writeFileSync(join(home, 'dist/main.js'), LEFT_HOT)
  const env = { ...process.env, NODE_DISABLE_COMPILE_CACHE: '1' }
  for (let run = 0; run < 8; run++) {
    const argv = [join(home, 'bin/flushtrace.cjs'), String(4000 + 400 * run)]
    const { code, err } = await ended(spawn(process.execPath, argv, { env }))
    assert.equal([code, err], [7, ''])
  }
})

interrupts('an end without an answer is a failure', async () => {
  const home = join(folder, 'silent-end')
  cpSync(join(PROGRAM, '../..'), home, { recursive: true })
  const command = 'exports.default = class { static run() { return new Promise(() => {}) } }'
  writeFileSync(join(home, 'dist/commands/recipe.js'), command)
  const env = { ...process.env, NODE_DISABLE_COMPILE_CACHE: '1' }
  const child = spawn(process.execPath, [join(home, 'bin/flushtrace.cjs'), 'recipe'], { env })
  const { code, out, err } = await ended(child)
  assert.equal([code, out], [2, ''])
  assert.match(err, /^flushtrace: internal error: nothing was left to do, and there is no answer; .*\n$/)
})

interrupts('a full disk is told', async () => {
  const child = spawn(process.execPath, [PROGRAM, 'rank', FIXTURE], {
    stdio: ['ignore', openSync('/dev/full', 'w'), 'pipe'],
  })
  const { code, err } = await ended(child)
  assert.is(code, 2)
  assert.match(err, /^flushtrace: cannot write the output: ENOSPC.*\n$/)
})

interrupts('so is a file that may not be as large, and nothing is left of the copy', async () => {
  const out = join(folder, 'too-large')
  const line = 'ulimit -f 1; trap "" XFSZ; exec "$@"'
  const argv = [process.execPath, PROGRAM, 'inspect', 'fixtures/strace/fd-ext4', '--anonymize', out]
  const child = spawn('sh', ['-c', line, 'sh', ...argv], { stdio: ['ignore', 'pipe', 'pipe'] })
  const { code, err } = await ended(child)
  assert.is(code, 2)
  assert.match(err, /^flushtrace: --anonymize .*too-large: cannot write the copy: EFBIG: [^\n]*\n$/)
  assert.equal(
    readdirSync(folder).filter((name) => name.startsWith('too-large')),
    [],
  )
})

interrupts('Ctrl-C while it reads: the signal ends it, and nothing is printed', async () => {
  const child = start(['rank', '-'], 'pipe')
  child.stdin?.on('error', () => {})
  child.stdin?.write(LINE)
  setTimeout(() => child.kill('SIGINT'), 1000)
  const { signal, out, err } = await ended(child)
  assert.equal([signal, out, err], ['SIGINT', '', ''])
})

for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  interrupts(`${name} while it writes a copy leaves nothing of it`, async () => {
    const copies = join(folder, 'copies')
    const child = start(['inspect', ENDLESS, '--anonymize', copies])
    const unfinished = (): string[] => readdirSync(folder).filter((entry) => entry.startsWith('copies'))
    let seen: string[] = []
    const looking = setInterval(() => {
      seen = unfinished()
      if (seen.length === 0) return
      clearInterval(looking)
      child.kill(name)
    }, 20)
    const { signal, out } = await ended(child).finally(() => clearInterval(looking))
    assert.equal([signal, out], [name, ''])
    assert.match(seen[0], /^copies\.unfinished-/)
    assert.equal(unfinished(), [])
  })
}

const hasTerminal = spawnSync('script', ['--version']).status === 0
interrupts('Ctrl-C on a terminal: the bar goes, and the cursor is there again', async () => {
  if (!hasTerminal) return console.log('  (skipped: no script from util-linux)')
  const command = [process.execPath, PROGRAM, 'rank', ENDLESS].map((word) => `'${word}'`).join(' ')
  const child = spawn('script', ['-qec', command, join(folder, 'typescript')], { stdio: ['pipe', 'pipe', 'pipe'] })
  child.stdout.on('data', (piece: Buffer) => {
    if (piece.includes('reading')) child.stdin.write('\x03')
  })
  const { out } = await ended(child)
  assert.match(out, /reading/)
  assert.ok(out.lastIndexOf('\x1b[?25h') > out.lastIndexOf('\x1b[?25l'), JSON.stringify(out.slice(-200)))
  assert.not.match(out, /internal error|at async/)
})

interrupts('/dev/stdin: a file or a pipe', async () => {
  const { out } = await ended(start(['rank', FIXTURE]))
  assert.match(out, /^One flush/)
  const told = (text: string): string => text.replaceAll(/\S*(?:libaio\.txt|\/dev\/stdin)/g, 'X').replaceAll(/ +/g, ' ')
  assert.is(told((await ended(start(['rank', '/dev/stdin'], openSync(FIXTURE, 'r')))).out), told(out))
  const command = [process.execPath, PROGRAM, 'rank', '/dev/stdin'].map((word) => `'${word}'`).join(' ')
  const piped = spawn('sh', ['-c', `cat ${FIXTURE} | ${command}`])
  assert.is(told((await ended(piped)).out), told(out))
})

interrupts('standard input that is a folder', async () => {
  const { code, out, err } = await ended(start(['rank', '-'], openSync(folder, 'r')))
  assert.equal([code, out, err], [2, '', 'flushtrace: -: a folder; name it instead\n'])
})

interrupts('a FIFO', async () => {
  const fifo = join(folder, 'fifo')
  assert.is(spawnSync('mkfifo', [fifo]).status, 0)
  const child = start(['rank', fifo])
  const writer = spawn('sh', ['-c', 'cat "$0" > "$1"', FIXTURE, fifo])
  const [{ code, out }] = await Promise.all([ended(child), ended(writer)])
  assert.is(code, 0)
  assert.match(out, /^One flush/)
})

interrupts('Ctrl-C while it waits for a FIFO that nobody writes to', async () => {
  const fifo = join(folder, 'silent')
  assert.is(spawnSync('mkfifo', [fifo]).status, 0)
  const child = start(['rank', fifo])
  setTimeout(() => child.kill('SIGINT'), 3000)
  const { signal, out, err } = await ended(child)
  assert.equal([signal, out, err], ['SIGINT', '', `waiting for a writer of ${fifo}\n`])
  const quiet = start(['rank', fifo, '--quiet', '--json'])
  setTimeout(() => quiet.kill('SIGINT'), 3000)
  const told = await ended(quiet)
  assert.equal([told.out, told.err], ['', ''])
})

interrupts('a log that grows while it is read: up to the end that it finds', async () => {
  const path = join(folder, 'growing.txt')
  writeFileSync(path, LINE.repeat(100_000))
  const child = start(['rank', path, '--json'])
  const growing = setInterval(() => appendFileSync(path, LINE.repeat(10)), 5)
  const { code, out, err } = await ended(child).finally(() => clearInterval(growing))
  assert.equal([code, err], [0, ''])
  const { total } = JSON.parse(out) as { total: { flushes: { total: number } } }
  assert.ok(total.flushes.total >= 100_000, String(total.flushes.total))
})

interrupts.run()
