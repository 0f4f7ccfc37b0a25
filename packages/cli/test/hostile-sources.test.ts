/**
 * Hostile names wherever a source may hold one, through every reader, every command and every form of its answer: nothing
 * raw, no formula, and JSON gives the names back.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { act, named, record } from '../../blktrace/test/source.ts'
import * as scap from '../../sysdig/test/build.ts'
import { flushtrace } from './run.ts'

const folder = mkdtempSync(join(tmpdir(), 'flushtrace-test-'))
const hostile = suite('hostile sources')
hostile.after(() => rmSync(folder, { recursive: true }))

/** At most 15 bytes, which is what the kernel keeps of a task's name. */
const NAMES = [
  '\u001b[2J',
  '\u009b31m',
  '\u202egpj.exe',
  '\u2028',
  '\u200b',
  '\u00ad\u{e0041}',
  'nul\0\u0001l',
  '\u007f',
  '\udcff\udcfe',
  '__proto__',
  'constructor',
  'toString',
  '=1+1',
  '+1',
  '-1',
  '@A1',
  'a"b,c',
  "'q'",
  '<b>',
  '%s%n',
]
const RAW = /[^\P{Cc}\n]|[\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/u

/** What is no UTF-8 stands for one byte. */
function bytesOf(text: string): Buffer {
  return Buffer.concat(
    Array.from(text, (character) => {
      const code = character.charCodeAt(0)
      return code >= 0xdc80 && code <= 0xdcff ? Buffer.of(code - 0xdc00) : Buffer.from(character)
    }),
  )
}

type Files = Record<string, string | Buffer>

const lines = (of: (name: string, k: number) => string): string => NAMES.map((name, k) => `${of(name, k)}\n`).join('')
const QUEUED = lines(
  (name, k) => `  7,0    0  ${k + 1}     0.00000000${k % 10}  ${k + 90}  Q  WS ${k * 8} + 8 [${name}]`,
)
const LSBLK = { 'maj:min': '7:0', type: 'loop', size: 1 << 30, fstype: 'ext4' }

/** `commands`: beside inspect, those that have something to answer. */
const SOURCES: Readonly<Record<string, { files: Files; commands: readonly string[]; names?: readonly string[] }>> = {
  strace: {
    files: {
      'strace.txt': lines(
        (name, k) =>
          `${k + 1}<${name.replaceAll('>', '\\76').replaceAll('<', '\\74')}> 17951735${10 + k}.5 fsync(3</srv/${name}>) = 0 <0.1>`,
      ),
    },
    commands: ['rank', 'explain', 'events'],
    names: NAMES.filter((name) => name !== '<b>'),
  },
  'saved processes': {
    files: {
      'strace.txt': lines((_, k) => `${k + 1} 17951735${10 + k}.5 fsync(3) = 0 <0.1>`),
      ...Object.fromEntries(NAMES.flatMap((name, k) => saved(`proc/${k + 1}`, name))),
    },
    commands: ['rank', 'explain', 'events'],
  },
  'strace -c': {
    files: {
      'strace.txt': `% time     seconds  usecs/call     calls    errors syscall
------ ----------- ----------- --------- --------- ----------------
${lines((name) => `  1.00    0.000010          10         1           ${name.replaceAll(' ', '')}`)}`,
    },
    commands: ['calls'],
    names: ['__proto__', 'constructor', 'toString'],
  },
  scap: {
    files: { 'capture.scap': scapOf(NAMES) },
    commands: ['rank', 'explain', 'events'],
    names: NAMES.filter((name) => !name.includes('\udcff')),
  },
  'sysdig text': {
    files: {
      'sysdig.txt': lines(
        (name, k) =>
          `${2 * k + 1} 10:00:00.${String(2 * k).padStart(9, '0')} 0 ${name} (${k + 1}) > write fd=3(<f>/srv/${name}) size=1\n` +
          `${2 * k + 2} 10:00:00.${String(2 * k + 1).padStart(9, '0')} 0 ${name} (${k + 1}) < write res=1 data=${name}`,
      ),
    },
    commands: ['rank', 'containers', 'events'],
  },
  'sysdig JSON': {
    files: {
      'sysdig.json': lines((name, k) =>
        ['>', '<']
          .map((direction, exit) =>
            JSON.stringify({
              'container.name': name,
              'evt.cpu': 0,
              'evt.dir': direction,
              'evt.info': exit === 0 ? `fd=3(<f>/srv/${name}) size=1 ` : `res=1 data=${name} `,
              'evt.num': 2 * k + exit,
              'evt.outputtime': 1.8e18,
              'evt.type': 'write',
              'proc.name': name,
              'thread.tid': k + 1,
            }),
          )
          .join('\n'),
      ),
    },
    commands: ['rank', 'containers', 'events'],
    names: NAMES.filter((name) => !name.includes('\udcff')),
  },
  'block trace, binary': {
    files: {
      'loop0.blktrace.0': Buffer.concat(
        NAMES.flatMap((name, k) => [
          named(k, k + 90, bytesOf(name).toString('latin1')),
          record({
            time: 100 + k,
            action: act(1, 'write', 'queue'),
            sector: 8 * k,
            bytes: 4096,
            pid: k + 90,
            sequence: k,
          }),
        ]),
      ),
    },
    commands: ['rank', 'locate', 'explain', 'events'],
    names: NAMES.filter((name) => !name.includes('\0')),
  },
  blkparse: { files: { 'blkparse.txt': QUEUED }, commands: ['rank', 'locate', 'explain', 'events'] },
  tracefs: {
    files: {
      'tracefs.txt': lines(
        (name, k) =>
          `${name.padStart(16)}-${k + 90}     [000] .....     1.0000${10 + k}: block_bio_queue: 7,0 WS ${k * 8} + 8 [${name}]`,
      ),
    },
    commands: ['rank', 'locate', 'events'],
  },
  'maps and device tables': {
    files: {
      'blkparse.txt': QUEUED.replace(/\[.*\]/g, '[dd]'),
      'lsblk.json': JSON.stringify({
        blockdevices: [
          {
            name: 'loop0',
            kname: 'loop0',
            ...LSBLK,
            mountpoints: NAMES.slice(0, 4).map((name) => `/mnt/${name}`),
            uuid: NAMES[2],
          },
        ],
      }),
      'filefrag.txt': `Filesystem type is: ef53
${lines(
  (name, k) => `File size of /mnt/${name} is 4096 (1 block of 4096 bytes)
 ext:     logical_offset:        physical_offset: length:   expected: flags:
   0:        0..       0:         ${k}..         ${k}:      1:             last,eof
/mnt/${name}: 1 extent found`,
)}`,
      'inodes.txt': NAMES.map((name, k) => `${k + 12} 4096 /mnt/${name}\0`).join(''),
    },
    commands: ['locate'],
  },
}

function saved(process: string, name: string): [string, string][] {
  return [
    [`${process}/comm`, `${name}\n`],
    [`${process}/cmdline`, `/bin/${name}\0${name}\0`],
    [`${process}/maps`, `7f0000000000-7f0000001000 rw-s 00000000 08:01 12    /srv/${name}\n`],
    [`${process}/fd`, `total 0\nlrwx------ 1 root root 64 Nov 20 12:00 3 -> /srv/${name}\n`],
  ]
}

function scapOf(names: readonly string[]): Buffer {
  const entries = names.map((name, k) => ({
    tid: k + 1,
    pid: k + 1,
    comm: name,
    exe: name,
    args: `${name}\0`,
    cwd: `/${name}`,
  }))
  const calls = names.flatMap((_, k) => {
    const options = { tid: k + 1, atNs: BigInt(k) }
    return [
      scap.event(scap.eventId('write', false), [scap.i64(3), scap.u32(1)], options),
      scap.event(scap.eventId('write', true), [scap.i64(1), Buffer.from('x')], options),
      scap.generic(72, null, false, options),
      scap.generic(72, null, true, options),
    ]
  })
  const lists = names.map((name, k) => scap.fdList(k + 1, [{ fd: 3, type: 1, payload: scap.str(`/srv/${name}`) }]))
  return Buffer.concat([scap.section(), scap.machine(), scap.processList(9, entries), ...lists, ...calls])
}

const ASKED: Readonly<Record<string, readonly (readonly string[])[]>> = {
  inspect: [['inspect']],
  rank: ['process', 'thread', 'file', 'call'].map((by) => ['rank', '--top', '0', '--by', by]),
  calls: [['rank', '--by', 'call']],
  containers: [['rank', '--by', 'container']],
  locate: [['locate', '--top', '0']],
  explain: [['explain', '--process', '*', '--top', '0']],
  events: [['events']],
}

for (const [kind, { files, commands, names = NAMES }] of Object.entries(SOURCES)) {
  hostile(kind, async () => {
    // Paths of sources stand in the answers, too.
    const capture = join(folder, `${kind}\u001b[2J\u202e`)
    for (const [name, content] of Object.entries(files)) {
      mkdirSync(dirname(join(capture, name)), { recursive: true })
      writeFileSync(join(capture, name), typeof content === 'string' ? bytesOf(content) : content)
    }
    const told: string[] = []
    for (const [command, ...flags] of ['inspect', ...commands].flatMap((one) => ASKED[one])) {
      const ask = (...form: string[]): Promise<string> => harmless([command, capture, ...flags, ...form])
      if (command === 'events') {
        for (const line of (await ask()).trim().split('\n')) told.push(...textsIn(JSON.parse(line)))
        continue
      }
      await ask()
      for (const cell of cellsOf(await ask('--csv'))) assert.not.match(cell, /^[=+\-@](?!\d+(?:\.\d+)?$)/, cell)
      told.push(...textsIn(JSON.parse(await ask('--json'))))
    }
    if (commands.includes('locate')) {
      for (const line of (await harmless(['locate', capture, '--events'])).trim().split('\n'))
        told.push(...textsIn(JSON.parse(line)))
    }
    await harmless(['inspect', capture, '--anonymize', `${capture}-copy`])
    for (const name of names)
      assert.ok(
        told.some((text) => text.includes(name)),
        `${JSON.stringify(name)} is not told`,
      )
  })
}

/** What a command prints, on a terminal that would obey it. */
async function harmless(argv: readonly string[]): Promise<string> {
  const { code, out, err } = await flushtrace(...argv)
  assert.is(code, 0, `${argv.join(' ')}: ${err}`)
  assert.not.match(out, RAW, argv.join(' '))
  assert.not.match(err, RAW, argv.join(' '))
  return out
}

/** Cells of text, without their quotes. */
function cellsOf(csv: string): string[] {
  const cells = [...csv.matchAll(/(?:"((?:[^"]|"")*)"|([^,"\n]*))[,\n]/g)]
  return cells.map(([, quoted, plain]) => quoted?.replaceAll('""', '"') ?? plain)
}

/** All texts of a document, its keys among them. */
function textsIn(value: unknown): string[] {
  if (typeof value === 'string') return [value]
  if (typeof value !== 'object' || value === null) return []
  return Object.entries(value).flatMap(([key, item]) => [key, ...textsIn(item)])
}

hostile.run()
