/**
 * The scripts of `flushtrace recipe`: in order for shellcheck whatever is asked for, and one of them run on a small file
 * system of its own, ended by Ctrl-C, and answered from. What this machine has not is skipped, with a message.
 */
import { spawn, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { RECIPE_FILE_SYSTEMS, RECIPE_TOOLS, recipe, type RankAnswer, type RecipeOptions } from '@flushtrace/answers'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { ended } from './child.ts'
import { flushtrace } from './run.ts'

const scripts = suite('recipe')

/** Every file system with every set of tools, with and without names that a shell could trip over. */
function* everyRecipe(): Generator<RecipeOptions> {
  for (const fs of [undefined, ...RECIPE_FILE_SYSTEMS]) {
    for (let set = 1; set < 1 << RECIPE_TOOLS.length; set++) {
      const tools = RECIPE_TOOLS.filter((_, k) => set & (1 << k))
      yield { fs, tools }
      yield { fs, tools, device: "/srv/it's; *", processes: ['a b', "(x)'&", '-x', '42'] }
    }
  }
}

scripts('pass shellcheck and a POSIX shell', () => {
  const shellcheck = runs('shellcheck', '--version')
  if (!shellcheck) console.log('  skipped: shellcheck is not installed')
  for (const [number, options] of [...everyRecipe()].entries()) {
    const input = recipe(options)
    const parsed = spawnSync('sh', ['-n'], { input, encoding: 'utf8' })
    assert.is(parsed.stderr, '', JSON.stringify(options))
    // Slow: of each pair without and with names it gets one, in turn, so that every file system and tool has both.
    if (!shellcheck || number % 4 === 1 || number % 4 === 2) continue
    const checked = spawnSync('shellcheck', ['-s', 'sh', '-'], { input, encoding: 'utf8' })
    assert.is(checked.stdout, '', JSON.stringify(options))
  }
})

scripts('hold only what the file system and the tools need', () => {
  const xfs = recipe({ fs: 'xfs', tools: ['strace'] })
  assert.match(xfs, 'xfs_db')
  assert.not.match(xfs, /btrfs|dumpe2fs|zdb|blktrace -|sysdig -|during-/)
  const any = recipe({ tools: ['blktrace'] })
  for (const part of ['dump-tree', 'dumpe2fs', 'xfs_db', 'zdb', 'during-', 'blktrace -D']) assert.match(any, part)
  assert.not.match(any, 'strace -f')
  assert.match(recipe({ device: "it's $(x)" }), String.raw`where='it'\''s $(x)'`)
})

/** What a shell, or a program that it starts, might take for something else than a name. */
const HOSTILE = [
  "'; touch MARK; '",
  '"; touch MARK; "',
  '$(touch MARK)',
  '`touch MARK`',
  '; touch MARK',
  '| touch MARK',
  '& touch MARK',
  "a'\\''; touch MARK #",
  '\\',
  "\\'; touch MARK",
  '> MARK',
  '-x',
  '--help',
  '-rf /',
  '*',
  '~root',
  '${IFS}',
  'a b',
  '__proto__',
  '%s%n',
  '#',
  '!!',
  'é=ü',
  '',
]

function sh(script: string, cwd: string, env: NodeJS.ProcessEnv = process.env): string {
  const { stdout, stderr } = spawnSync('sh', ['-c', script], { cwd, env, encoding: 'utf8' })
  return stdout + stderr
}

scripts('hold what they were given as one quoted word, and run nothing of it', () => {
  const folder = mkdtempSync(join(tmpdir(), 'recipe-'))
  try {
    const stubs = join(folder, 'stubs')
    mkdirSync(stubs)
    writeFileSync(join(stubs, 'id'), '#!/bin/sh\necho 0\n', { mode: 0o755 })
    writeFileSync(join(stubs, 'lsblk'), `#!/bin/sh\nprintf '%s\\n' "$@" >lsblk\n`, { mode: 0o755 })
    const env = { ...process.env, PATH: `${stubs}:${process.env.PATH}` }
    for (const word of HOSTILE) {
      for (const given of word === '' ? (['device'] as const) : (['device', 'process'] as const)) {
        const made = (name: string): string => recipe(given === 'device' ? { device: name } : { processes: [name] })
        const script = made(word)
        const [before, after] = made('HARMLESS').split('HARMLESS')
        assert.ok(script.startsWith(before) && script.endsWith(after), word)
        const quoted = script.slice(before.length, script.length - after.length)
        assert.is(sh(`set -f; printf '%s\\n' ${quoted}`, folder), `${word}\n`)
      }
      assert.match(sh(recipe({ device: word }), folder, { ...env, PWD: folder }), /No mounted/)
      if (word !== '')
        assert.match(readFileSync(join(folder, 'lsblk'), 'utf8'), /^-n\n-r\n-o\nKNAME,MOUNTPOINT\n\/dev\/.*\n$/)
      if (word !== '') {
        assert.match(sh(`${targetsOf({ processes: [word, '42'] })}\ntargets`, folder), /^(?:\d*\n)*42\n$/)
      }
      assert.is(existsSync(join(folder, 'MARK')), false, word)
    }
  } finally {
    rmSync(folder, { recursive: true })
  }
})

/** The functions of a script that say which programs are traced. */
function targetsOf(asked: RecipeOptions): string {
  return /^is_ours\(\) \{[^]*?^targets\(\) \{[^]*?^\}/m.exec(recipe(asked))?.[0] ?? ''
}

scripts('leave out what records: its trace would make it write the next line', () => {
  const script = `running=' 41' tracer=43\n${targetsOf({ processes: ['41', '42', '43', '4', '431'] })}\ntargets`
  assert.is(sh(script, tmpdir()), '42\n4\n431\n')
  const busy = `${targetsOf({})}
    written() { n=$((n + 1)); for pid in 41 42 43 $$; do echo "$pid $n"; done; }
    sleep() { :; }; readlink() { :; }`
  assert.is(sh(`n=0 running=' 41' tracer=43\n${busy}\ntargets`, tmpdir()), '42\n')
})

scripts('refuse a program without a name', () => {
  assert.throws(() => recipe({ processes: [''] }), /^--process '': give a name or a pid$/)
})

/** What the script says it records, on a machine with this mount; `devices` are a btrfs's. */
function recorded(mount: string, devices: string, asked: RecipeOptions = {}): string {
  const folder = mkdtempSync(join(tmpdir(), 'recipe-'))
  try {
    const mounts = join(folder, 'mounts')
    writeFileSync(mounts, mount)
    const [disk, mountpoint] = mount.split(' ')
    const show = devices.replace(/\S+/g, (name) => `\tdevid 1 size 1GiB used 1GiB path ${name}\n`)
    const stubs = { id: '0', lsblk: `${disk.replace('/dev/', '')} ${mountpoint}`, btrfs: `Label: none\n${show}` }
    for (const [name, says] of Object.entries(stubs))
      writeFileSync(join(folder, name), `#!/bin/sh\ncat <<'END'\n${says}\nEND\n`, { mode: 0o755 })
    const script = recipe({ ...asked, tools: ['strace'] }).split('# save FILE')[0]
    return sh(script.replaceAll('/proc/mounts', mounts), folder, {
      ...process.env,
      PATH: `${folder}:${process.env.PATH}`,
    })
  } finally {
    rmSync(folder, { recursive: true })
  }
}

scripts('take a file system that has no map but filefrag’s, and name all disks of one', () => {
  assert.is(recorded('/dev/sdz1 /data f2fs rw 0 0\n', ''), 'Recording f2fs on /data, which lies on sdz1.\n')
  assert.match(recorded('/dev/sdz1 /data f2fs rw 0 0\n', '', { fs: 'ext4' }), 'No mounted ext4 found there')
  const two = recorded('/dev/sdy /srv btrfs rw 0 0\n', '/dev/sdy /dev/sdz')
  assert.is(two, 'Recording btrfs on /srv, which lies on sdy sdz.\n')
  // Without its tools.
  assert.is(recorded('/dev/sdy /srv btrfs rw 0 0\n', ''), 'Recording btrfs on /srv, which lies on sdy.\n')
})

scripts('refuse what does not show, and choices that are none', async () => {
  const bad = ['\u001b[2J', 'a\nb', '\u202egpj', 'a\u200bb', '\u2028', '\u009b31m', '\udcff']
  const asked = [
    ...bad.flatMap((word) => [
      ['--device', word],
      ['--process', word],
    ]),
    ...[...bad, ...HOSTILE].flatMap((word) => ['fs', 'tools', 'seconds'].map((flag) => [`--${flag}=${word}`])),
  ]
  for (const argv of asked) {
    const { code, out, err } = await flushtrace('recipe', ...argv)
    assert.equal([code, out], [2, ''], JSON.stringify(argv))
    assert.match(err, /^[^\p{C}\p{Zl}\p{Zp}]+\n$/u)
  }
})

scripts('record a file system, end at Ctrl-C, and are answered from', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'recipe-'))
  const mount = join(folder, 'mount')
  mkdirSync(mount)
  const image = join(folder, 'image')
  const ready =
    process.getuid?.() === 0 &&
    runs('strace', '-o', join(folder, 'try'), 'true') &&
    runs('truncate', '-s', '32M', image) &&
    runs('mkfs.ext4', '-q', '-F', image) &&
    runs('mount', '-o', 'loop', image, mount)
  const writer = ready ? spawn(process.execPath, ['-e', WRITER, join(mount, 'data.db')]) : null
  try {
    if (!writer) return console.log('  skipped: needs root, strace, and a loop device')
    const out = join(folder, 'capture')
    const script = recipe({ tools: ['strace'], seconds: 300, processes: [String(writer.pid)] })
    await interrupted(script, [mount, out], () => DONE.test(textOf(join(out, 'strace.txt'))))

    for (const when of ['before', 'after']) assert.match(textOf(join(out, 'maps', when, 'clock.txt')), `when ${when}`)
    assert.match(textOf(join(out, 'maps/after/filefrag.txt')), 'data.db')
    assert.match(textOf(join(out, 'maps/after/inodes.txt')), /\d+ 4096 \S+data\.db\0/)
    assert.match(textOf(join(out, 'clock.txt')), /^wall_ns \d{19}\nwithin_ns \d+\nmonotonic_ns \d+\nmonotonic_source /m)
    const { code, out: printed } = await flushtrace('rank', out, '--json')
    assert.is(code, 0)
    const { rows, total } = JSON.parse(printed) as RankAnswer
    assert.ok(total.flushes.total > 0)
    assert.is(rows.length, 1)
    assert.is(rows[0].process?.pid, writer.pid)
    assert.equal(
      rows[0].topFiles?.map(({ path }) => path),
      [join(mount, 'data.db')],
    )
  } finally {
    if (writer) {
      const ended = new Promise((resolve) => writer.on('close', resolve))
      writer.kill('SIGKILL')
      await ended
    }
    if (ready) runs('umount', mount)
    rmSync(folder, { recursive: true, force: true })
  }
})

/** On a busy machine the first one may still be under way when strace is told to end. */
const DONE = /fdatasync\(.*= 0 </

const WRITER = `
const fs = require('node:fs')
const fd = fs.openSync(process.argv[1], 'w')
setInterval(() => { fs.writeSync(fd, Buffer.alloc(4096), 0, 4096, 0); fs.fdatasyncSync(fd) }, 20)`

/** Runs a script until `enough`, then sends what Ctrl-C sends: SIGINT to all of its group. */
async function interrupted(script: string, args: string[], enough: () => boolean): Promise<void> {
  const shell = spawn('sh', ['-s', ...args], { detached: true, stdio: ['pipe', 'ignore', 'pipe'] })
  let said = ''
  shell.stderr.on('data', (text: Buffer) => (said += text.toString()))
  shell.stdin.end(script)
  const timer = setInterval(() => {
    if (!said.includes('Ctrl-C ends it') || !enough()) return
    clearInterval(timer)
    process.kill(-shell.pid!, 'SIGINT')
  }, 50)
  const { code } = await ended(shell).finally(() => clearInterval(timer))
  assert.is(code, 0, said)
  assert.match(said, 'Done: ')
}

function textOf(path: string): string {
  return existsSync(path) ? readFileSync(path, 'utf8') : ''
}

function runs(command: string, ...args: string[]): boolean {
  return spawnSync(command, args, { stdio: 'ignore' }).status === 0
}

scripts.run()
