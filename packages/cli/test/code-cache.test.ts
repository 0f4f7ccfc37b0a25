import { execFileSync, spawn } from 'node:child_process'
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { codeFolder, keepCode, readCode } from '../src/code-cache.ts'
import { Modules } from '../src/modules.ts'
import { ended } from './child.ts'
import { program } from './program.ts'

const cache = suite<{ home: string; folder: string; file: string }>('code cache')
const CODE = new Map([
  ['main.js', Buffer.from('main\n')],
  ['chunks/a.js', Buffer.from('a')],
])

cache.before.each((context) => {
  context.home = mkdtempSync(join(tmpdir(), 'flushtrace-test-'))
  context.folder = join(context.home, 'flushtrace')
  context.file = join(context.folder, 'compiled-code')
})
cache.after.each(({ home }) => rmSync(home, { recursive: true }))

cache('what is kept is read again, by this user alone', ({ folder, file }) => {
  keepCode(folder, 'build', CODE)
  assert.equal([...readCode(folder, 'build')], [...CODE])
  assert.equal([lstatSync(folder).mode & 0o777, lstatSync(file).mode & 0o777], [0o700, 0o600])
  assert.equal(readdirSync(folder), ['compiled-code'])
})

cache('of another build nothing is read', ({ folder }) => {
  keepCode(folder, 'build', CODE)
  assert.is(readCode(folder, 'other').size, 0)
})

cache('of another Node nothing is read', async ({ folder }) => {
  keepCode(folder, 'build', CODE)
  const script = `import(${JSON.stringify(new URL('../src/code-cache.ts', import.meta.url).href)})
    .then(({ readCode }) => console.log(readCode(process.argv[1], 'build').size))`
  const seen = async (before: string): Promise<string> =>
    (await ended(spawn(process.execPath, ['--import', 'tsx', '-e', before + script, folder]))).out
  assert.is(await seen(''), '2\n')
  assert.is(await seen(`Object.defineProperty(process, 'version', { value: '${process.version}.1' });`), '0\n')
})

cache('damaged anywhere, or cut anywhere, nothing is read', ({ folder, file }) => {
  keepCode(folder, 'build', CODE)
  const whole = readFileSync(file)
  for (let at = 0; at < whole.length; at++) {
    const damaged = Buffer.from(whole)
    damaged[at] ^= 0x10
    writeFileSync(file, damaged)
    assert.is(readCode(folder, 'build').size, 0, `byte ${at}`)
    writeFileSync(file, whole.subarray(0, at))
    assert.is(readCode(folder, 'build').size, 0, `cut at ${at}`)
  }
})

cache('what others can write, or a link or a pipe, is not read', ({ home, folder, file }) => {
  keepCode(folder, 'build', CODE)
  for (const mode of [0o620, 0o602]) {
    chmodSync(file, mode)
    assert.is(readCode(folder, 'build').size, 0, mode.toString(8))
  }
  chmodSync(file, 0o600)
  assert.is(readCode(folder, 'build').size, 2)
  const elsewhere = join(home, 'elsewhere')
  mkdirSync(elsewhere)
  symlinkSync(file, join(elsewhere, 'compiled-code'))
  assert.is(readCode(elsewhere, 'build').size, 0)
  rmSync(file)
  execFileSync('mkfifo', [file])
  assert.is(readCode(folder, 'build').size, 0)
})

cache('what belongs to another user is neither read nor written', ({ home, folder, file }) => {
  keepCode(folder, 'build', CODE)
  const { geteuid } = process
  const uid = geteuid?.() ?? 0
  try {
    process.geteuid = () => uid + 1
    assert.is(readCode(folder, 'build').size, 0)
    rmSync(file)
    keepCode(folder, 'build', CODE)
    assert.not(existsSync(file))
    assert.is(codeFolder({ XDG_CACHE_HOME: home }), null)
  } finally {
    process.geteuid = geteuid
  }
  assert.is(codeFolder({ XDG_CACHE_HOME: home }), folder)
})

cache('nothing is written into a folder that others can write, nor through a link', ({ home, folder, file }) => {
  mkdirSync(folder)
  chmodSync(folder, 0o770)
  keepCode(folder, 'build', CODE)
  assert.not(existsSync(file))
  rmSync(folder, { recursive: true })
  const elsewhere = join(home, 'elsewhere')
  mkdirSync(elsewhere)
  symlinkSync(elsewhere, folder)
  keepCode(folder, 'build', CODE)
  assert.equal(readdirSync(elsewhere), [])
})

cache('what runs that were killed have left goes an hour later, and nothing else', ({ folder }) => {
  keepCode(folder, 'build', CODE)
  const hourAgo = new Date(Date.now() - 3_660_000)
  const others = ['autocomplete', 'compiled-code.1.2', 'compiled-code.x', 'my-compiled-code.3']
  for (const name of ['compiled-code.12', 'compiled-code.34', ...others]) {
    writeFileSync(join(folder, name), '')
    utimesSync(join(folder, name), hourAgo, hourAgo)
  }
  mkdirSync(join(folder, 'compiled-code.56'))
  utimesSync(join(folder, 'compiled-code.56'), hourAgo, hourAgo)
  writeFileSync(join(folder, 'compiled-code.78'), '')
  keepCode(folder, 'build', CODE)
  const left = ['compiled-code', 'compiled-code.56', 'compiled-code.78', ...others]
  assert.equal(readdirSync(folder).sort(), left.sort())
  assert.is(readCode(folder, 'build').size, 2)
})

cache('of a write that fails nothing is left', ({ folder, file }) => {
  mkdirSync(join(file, 'in-the-way'), { recursive: true, mode: 0o700 })
  keepCode(folder, 'build', CODE)
  assert.equal(readdirSync(folder), ['compiled-code'])
})

cache('where nothing can be written, nothing is said', ({ home }) => {
  writeFileSync(join(home, 'file'), '')
  keepCode(join(home, 'file', 'flushtrace'), 'build', CODE)
  assert.is(readCode(join(home, 'file', 'flushtrace'), 'build').size, 0)
})

cache('where it is kept', ({ home, folder }) => {
  assert.is(codeFolder({ XDG_CACHE_HOME: home }), folder)
  assert.is(codeFolder({ XDG_CACHE_HOME: join(home, 'none') }), null)
  assert.is(codeFolder({ XDG_CACHE_HOME: home, NODE_DISABLE_COMPILE_CACHE: '1' }), null)
  assert.ok(codeFolder({ XDG_CACHE_HOME: 'relative' })?.endsWith('/.cache/flushtrace') ?? true)
})

const modules = suite<{ folder: string }>('modules')
modules.before.each((context) => {
  const folder = mkdtempSync(join(tmpdir(), 'flushtrace-test-'))
  context.folder = folder
  mkdirSync(join(folder, 'chunks'))
  writeFileSync(join(folder, 'main.js'), `exports.a = require('./chunks/a.js'); exports.later = (id) => require(id)`)
  writeFileSync(join(folder, 'chunks/a.js'), `module.exports = [require('node:path').basename(__filename), __dirname]`)
  writeFileSync(join(folder, 'chunks/b.js'), `exports.a = require('./a.js')`)
})
modules.after.each(({ folder }) => rmSync(folder, { recursive: true }))

type Main = { a: unknown; later: (id: string) => { a: unknown } }

modules('they find each other, once each, and what Node has', ({ folder }) => {
  const { a, later } = new Modules(folder, new Map()).load('main.js') as Main
  assert.equal(a, ['a.js', join(folder, 'chunks')])
  assert.is(later('./chunks/b.js').a, a)
  assert.is(later(join(folder, 'chunks/a.js')), a)
  assert.throws(() => later('./chunks/none.js'), /ENOENT/)
})

modules('code of an earlier run is taken; of what it did not load there is something new', ({ folder }) => {
  const first = new Modules(folder, new Map())
  first.load('main.js')
  assert.ok(first.hasNew)
  const code = first.compiled()
  assert.equal([...code.keys()].sort(), ['chunks/a.js', 'main.js'])

  const second = new Modules(folder, code)
  const { later } = second.load('main.js') as Main
  assert.not(second.hasNew)
  later('./chunks/b.js')
  assert.ok(second.hasNew)
  assert.equal([...second.compiled().keys()].sort(), ['chunks/a.js', 'chunks/b.js', 'main.js'])

  const third = new Modules(folder, second.compiled())
  third.load('chunks/a.js')
  assert.not(third.hasNew)
  assert.equal([...third.compiled().keys()].sort(), ['chunks/a.js', 'chunks/b.js', 'main.js'])
})

modules('code that V8 does not want is compiled again', ({ folder }) => {
  const old = new Modules(folder, new Map())
  old.load('main.js')
  writeFileSync(
    join(folder, 'chunks/a.js'),
    `module.exports = 'longer than it was before, which V8 looks at: the length'`,
  )
  const now = new Modules(folder, old.compiled())
  assert.match((now.load('main.js') as Main).a as string, /^longer/)
  assert.ok(now.hasNew)
})

const start = suite('start')

start('the program is the same with code kept, damaged code, and nowhere to keep it', async () => {
  const home = mkdtempSync(join(tmpdir(), 'flushtrace-test-'))
  const file = join(home, 'flushtrace', 'compiled-code')
  const bin = await program()
  const run = async (folder = home): Promise<string> => {
    const env = { ...process.env, XDG_CACHE_HOME: folder, NODE_DISABLE_COMPILE_CACHE: '' }
    const child = spawn(process.execPath, [bin, 'rank', 'fixtures/strace/unfinished-resumed.txt'], { env })
    const { code, out } = await ended(child)
    assert.is(code, 0)
    return out
  }
  try {
    const first = await run()
    const kept = readFileSync(file)
    const half = kept.length >> 1
    assert.is(await run(), first)
    assert.equal(readFileSync(file), kept, 'nothing new to keep')
    writeFileSync(file, Buffer.from(kept).fill(0, half))
    assert.is(await run(), first)
    assert.ok(
      readFileSync(file)
        .subarray(half)
        .some((byte) => byte !== 0),
      'kept anew',
    )
    assert.is(await run(join(home, 'none')), first)
  } finally {
    rmSync(home, { recursive: true })
  }
})

cache.run()
modules.run()
start.run()
