import { execFileSync, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import {
  appendFileSync,
  chmodSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  symlinkSync,
  truncateSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import * as zlib from 'node:zlib'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { decompress } from '../src/compression.ts'
import { Diagnostics } from '../src/diagnostics.ts'
import { TraceError } from '../src/errors.ts'
import { openSources, type Source } from '../src/source.ts'

const LINE = '6920  1795175435.438954 fsync(3</srv/x>) = 0 <0.000021>\n'
/** Larger than one piece of reading, and not a multiple of it. */
const LARGE = LINE.repeat(60_000)

const sources = suite<{ folder: string }>('sources')

type Add = (name: string, test: (context: { folder: string }) => Promise<void>) => void

sources.before((context) => {
  context.folder = mkdtempSync(join(tmpdir(), 'flushtrace-source-'))
})
sources.after(({ folder }) => rmSync(folder, { recursive: true, force: true }))

async function contents(source: Source): Promise<Buffer> {
  const pieces: Buffer[] = []
  for await (const piece of source.chunks()) pieces.push(Buffer.from(piece))
  return Buffer.concat(pieces)
}

async function openOne(path: string): Promise<{ source: Source; diagnostics: Diagnostics }> {
  const diagnostics = new Diagnostics()
  const opened = await openSources([path], diagnostics)
  assert.is(opened.sources.length, 1)
  return { source: opened.sources[0], diagnostics }
}

/** Node has no call for it. */
function makePipe(path: string): void {
  execFileSync('sh', ['-c', 'mkfifo "$0"', path])
}

function codes(diagnostics: Diagnostics): string[] {
  return diagnostics.rows().map(({ code }) => code)
}

sources('a file: its head, its size, all its bytes, as often as asked', async ({ folder }) => {
  const path = join(folder, 'large.txt')
  writeFileSync(path, LARGE)
  const { source, diagnostics } = await openOne(path)
  assert.is(source.path, path)
  assert.is(source.bytes, LARGE.length)
  assert.is(source.compression, null)
  assert.is(source.head.length, 1 << 16)
  assert.ok(Buffer.from(source.head).equals(Buffer.from(LARGE.slice(0, 1 << 16))))
  assert.ok((await contents(source)).equals(Buffer.from(LARGE)))
  assert.ok((await contents(source)).equals(Buffer.from(LARGE)))
  assert.equal(diagnostics.rows(), [])
})

sources('a file that grows while it is read: what is there when its end is reached', async ({ folder }) => {
  const path = join(folder, 'growing')
  writeFileSync(path, 'one\n')
  const { source, diagnostics } = await openOne(path)
  appendFileSync(path, 'two\n')
  assert.is((await contents(source)).toString(), 'one\ntwo\n')
  await contents(source)
  assert.equal(
    diagnostics.rows().map(({ code, count }) => [code, count]),
    [['source/grown', 1]],
  )
})

sources('a file that is gone before it is read, or shorter', async ({ folder }) => {
  const gone = join(folder, 'gone')
  const shorter = join(folder, 'shorter')
  for (const path of [gone, shorter]) writeFileSync(path, 'x'.repeat(100_000))
  const diagnostics = new Diagnostics()
  const opened = await openSources([gone, shorter], diagnostics)
  unlinkSync(gone)
  truncateSync(shorter, 10)
  const error = await contents(opened.sources[0]).then(
    () => null,
    (reason: TraceError) => reason,
  )
  assert.is(error?.code, 'source/unreadable')
  assert.match(error?.message ?? '', /gone: no such file/)
  assert.is((await contents(opened.sources[1])).length, 10)
  assert.equal(codes(diagnostics), ['source/shrunk'])
  assert.match(diagnostics.rows()[0].message, 'shorter: 10 bytes instead of 100000.')
})

sources('a consumer may stop early', async ({ folder }) => {
  const path = join(folder, 'large-stopped.txt')
  writeFileSync(path, LARGE)
  const { source } = await openOne(path)
  for await (const piece of source.chunks()) {
    assert.ok(piece.length > 0)
    break
  }
  assert.is((await contents(source)).length, LARGE.length)
})

sources('an empty file is a source that says so', async ({ folder }) => {
  const path = join(folder, 'empty')
  writeFileSync(path, '')
  const { source, diagnostics } = await openOne(path)
  assert.is(source.bytes, 0)
  assert.is(source.head.length, 0)
  assert.is((await contents(source)).length, 0)
  assert.equal(codes(diagnostics), ['source/empty'])
})

sources('what the kernel makes up when it is read has no size, and is read once', async () => {
  const { source, diagnostics } = await openOne('/proc/self/status')
  assert.is(source.bytes, null)
  assert.match(source.head.toString(), /^Name:/)
  assert.match((await contents(source)).toString(), `Pid:\t${process.pid}\n`)
  assert.equal(codes(diagnostics), [])
})

sources('a missing file throws one line that names it', async ({ folder }) => {
  const path = join(folder, 'no-such-file')
  try {
    await openSources([path], new Diagnostics())
    assert.unreachable()
  } catch (error) {
    assert.instance(error, TraceError)
    assert.is((error as TraceError).code, 'source/missing')
    assert.is((error as TraceError).path, path)
    assert.match((error as TraceError).message, `${path}: no such file or directory`)
  }
})

sources('a directory is walked in order; links are data and not followed', async ({ folder }) => {
  const root = join(folder, 'walk')
  mkdirSync(join(root, 'b', 'deep'), { recursive: true })
  mkdirSync(join(root, 'proc', '42', 'fd'), { recursive: true })
  for (const name of ['b/2', 'b/10', 'b/deep/1', 'a', 'c', 'B']) writeFileSync(join(root, name), name)
  symlinkSync('/srv/x (deleted)', join(root, 'proc', '42', 'fd', '3'))
  symlinkSync('..', join(root, 'b', 'loop'))
  const { sources: found, links } = await openSources([root], new Diagnostics())
  assert.equal(
    found.map(({ path }) => path),
    ['B', 'a', 'b/10', 'b/2', 'b/deep/1', 'c'].map((name) => join(root, name)),
  )
  assert.equal(links, [
    { path: join(root, 'b', 'loop'), target: '..' },
    { path: join(root, 'proc', '42', 'fd', '3'), target: '/srv/x (deleted)' },
  ])
})

/** The folder's own descriptor, by which it is listed, is closed before its link is read. */
const onLinux: Add = (name, test) => (process.platform === 'linux' ? sources(name, test) : sources.skip(name, test))

onLinux('a link that is gone before it is read is a diagnostic, the others are kept', async () => {
  const diagnostics = new Diagnostics()
  const { links } = await openSources(['/proc/self/fd'], diagnostics)
  assert.ok(links.some(({ path }) => path === '/proc/self/fd/0'))
  assert.equal(codes(diagnostics), ['source/unreadable'])
  assert.match(diagnostics.rows()[0].message, /fd\/\d+: no such file/)
})

sources('a pipe in a folder is passed over, and that is told', async ({ folder }) => {
  const root = join(folder, 'with-pipe')
  mkdirSync(root)
  writeFileSync(join(root, 'a'), LINE)
  makePipe(join(root, 'pipe'))
  const diagnostics = new Diagnostics()
  const { sources: found } = await openSources([root], diagnostics)
  assert.equal(
    found.map(({ path }) => path),
    [join(root, 'a')],
  )
  assert.equal(codes(diagnostics), ['source/unreadable'])
})

sources('a link that is named on purpose is followed', async ({ folder }) => {
  writeFileSync(join(folder, 'real'), LINE)
  symlinkSync('real', join(folder, 'link'))
  const { source } = await openOne(join(folder, 'link'))
  assert.is((await contents(source)).toString(), LINE)
  mkdirSync(join(folder, 'real-folder'))
  writeFileSync(join(folder, 'real-folder', 'x'), LINE)
  symlinkSync('real-folder', join(folder, 'link-to-folder'))
  const opened = await openSources([join(folder, 'link-to-folder')], new Diagnostics())
  assert.equal(
    opened.sources.map(({ path }) => path),
    [join(folder, 'link-to-folder', 'x')],
  )
})

sources('gzip is told by its bytes, and can be read twice', async ({ folder }) => {
  const path = join(folder, 'trace') // no .gz
  writeFileSync(path, zlib.gzipSync(LARGE))
  const { source, diagnostics } = await openOne(path)
  assert.is(source.compression, 'gzip')
  assert.ok(Buffer.from(source.head).equals(Buffer.from(LARGE.slice(0, 1 << 16))))
  assert.ok((await contents(source)).equals(Buffer.from(LARGE)))
  assert.ok((await contents(source)).equals(Buffer.from(LARGE)))
  assert.equal(diagnostics.rows(), [])
})

sources('a small packed file is decoded in small pieces: a set has thousands of them', async () => {
  const packed = zlib.gzipSync(LINE)
  async function* once(): AsyncGenerator<Buffer> {
    yield packed
  }
  for (const [bytes, small] of [
    [packed.length, true],
    [null, false],
  ] as const) {
    for await (const piece of decompress('gzip', once(), 'log.1.gz', null, bytes)) {
      assert.is(piece.toString(), LINE)
      // Of small pieces Node 24 cuts several from 64 KiB.
      assert.is(piece.buffer.byteLength <= 1 << 16, small)
    }
  }
})

sources('gzip in several members', async ({ folder }) => {
  const path = join(folder, 'members.gz')
  writeFileSync(path, Buffer.concat([zlib.gzipSync('one\n'), zlib.gzipSync('two\n')]))
  assert.is((await contents((await openOne(path)).source)).toString(), 'one\ntwo\n')
})

sources('many compressed files do not keep as many files open', async ({ folder }) => {
  const root = join(folder, 'many')
  mkdirSync(root)
  const packed = zlib.gzipSync(LINE)
  for (let k = 0; k < 300; k++) writeFileSync(join(root, `t.${k}`), packed)
  const { sources: found } = await openSources([root], new Diagnostics())
  assert.is(found.length, 300)
  if (process.platform === 'linux') {
    const open = execFileSync('ls', ['-l', `/proc/${process.pid}/fd`], { encoding: 'utf8' })
    assert.not.match(open, root)
  }
  for (const source of found.slice(0, 3)) assert.is((await contents(source)).toString(), LINE)
})

/** Bytes that hardly compress, so that a cut leaves most of them. */
function noise(length: number): string {
  let state = 1
  let text = ''
  while (text.length < length) {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0
    text += state.toString(36)
  }
  return text
}

for (const size of [2_000, 5_000_000]) {
  sources(`a cut gzip of ${size} bytes gives what stands before the cut, and a diagnostic`, async ({ folder }) => {
    const text = noise(size)
    const packed = zlib.gzipSync(text)
    const cut = packed.subarray(0, Math.floor(packed.length * 0.9))
    const path = join(folder, `cut-${size}.gz`)
    writeFileSync(path, cut)
    const { source, diagnostics } = await openOne(path)
    const got = (await contents(source)).toString()
    const { Z_SYNC_FLUSH: finishFlush } = zlib.constants
    assert.ok(got === zlib.gunzipSync(cut, { finishFlush }).toString(), `${got.length} of ${size}`)
    assert.equal(codes(diagnostics), ['source/cut'])
    assert.match(diagnostics.rows()[0].message, path)
  })
}

sources('a damaged gzip gives what stands before the damage, and a diagnostic', async ({ folder }) => {
  const text = noise(1_000_000)
  const packed = zlib.gzipSync(text)
  packed.fill(0xaa, 400_000, 400_100)
  const path = join(folder, 'damaged.gz')
  writeFileSync(path, packed)
  const { source, diagnostics } = await openOne(path)
  const got = (await contents(source)).toString()
  assert.ok(got.length > 500_000, String(got.length))
  assert.ok(text.startsWith(got.slice(0, 500_000)))
  assert.equal(codes(diagnostics), ['source/cut'])
})

/** One wrong byte, or bytes too many: `zcat` gives the same, and complains. */
for (const size of [3_000, 3_000_000]) {
  const text = noise(size)
  const packed = zlib.gzipSync(text)
  const wrongAt = (at: number): Buffer => {
    const bytes = Buffer.from(packed)
    bytes[at] ^= 0xff
    return bytes
  }
  const damages: [string, Buffer][] = [
    ['a wrong checksum', wrongAt(packed.length - 6)],
    ['something after its end', Buffer.concat([packed, Buffer.from('garbage')])],
  ]
  for (const [damage, bytes] of damages) {
    sources(`gzip of ${size} bytes with ${damage} gives all of them, and a diagnostic`, async ({ folder }) => {
      const path = join(folder, 'wrong.gz')
      writeFileSync(path, bytes)
      const { source, diagnostics } = await openOne(path)
      assert.is(source.head.length, Math.min(size, 1 << 16))
      assert.ok((await contents(source)).toString() === text)
      assert.equal(codes(diagnostics), ['source/cut'])
    })
  }

  sources(`gzip of ${size} bytes with a wrong byte gives all before it`, async ({ folder }) => {
    const path = join(folder, 'wrong-byte.gz')
    const at = packed.length >> 1
    writeFileSync(path, wrongAt(at))
    const got = (await contents((await openOne(path)).source)).toString()
    const { Z_SYNC_FLUSH: finishFlush } = zlib.constants
    const before = zlib.gunzipSync(packed.subarray(0, at), { finishFlush }).toString()
    assert.ok(before.length > size / 3 && got.startsWith(before), `${got.length} of ${before.length}`)
  })
}

sources('gzip magic with nothing behind it', async ({ folder }) => {
  const path = join(folder, 'magic')
  writeFileSync(path, Buffer.from([0x1f, 0x8b]))
  const { source, diagnostics } = await openOne(path)
  assert.is(source.head.length, 0)
  assert.ok(codes(diagnostics).includes('source/cut'))
})

const hasZstd = spawnSync('zstd', ['--version']).status === 0
/** Skipped (the runner says how many) where the zstd program is missing. */
const withZstd: Add = (name, test) => (hasZstd ? sources(name, test) : sources.skip(name, test))

withZstd('zstd, by this Node or by the zstd program', async ({ folder }) => {
  const path = join(folder, 'trace.zst')
  writeFileSync(path, execFileSync('zstd', ['-q', '-c'], { input: LARGE, maxBuffer: 1 << 30 }))
  const { source, diagnostics } = await openOne(path)
  assert.is(source.compression, 'zstd')
  assert.ok((await contents(source)).equals(Buffer.from(LARGE)))
  assert.equal(diagnostics.rows(), [])
})

withZstd('zstd with a wrong checksum gives all bytes, and a diagnostic', async ({ folder }) => {
  const bytes = execFileSync('zstd', ['-q', '-c'], { input: LINE.repeat(9) })
  bytes[bytes.length - 1] ^= 0xff
  const path = join(folder, 'wrong.zst')
  writeFileSync(path, bytes)
  const { source, diagnostics } = await openOne(path)
  assert.is((await contents(source)).toString(), LINE.repeat(9))
  assert.equal(codes(diagnostics), ['source/cut'])
  assert.not.match(diagnostics.rows()[0].message, 'stdin')
})

withZstd('a cut zstd gives what stands before the cut, and a diagnostic', async ({ folder }) => {
  const text = noise(3_000_000)
  const packed = execFileSync('zstd', ['-q', '-c'], { input: text, maxBuffer: 1 << 30 })
  const path = join(folder, 'cut.zst')
  writeFileSync(path, packed.subarray(0, Math.floor(packed.length * 0.9)))
  const { source, diagnostics } = await openOne(path)
  const got = (await contents(source)).toString()
  assert.ok(got.length > 1_000_000, String(got.length))
  assert.ok(text.startsWith(got))
  assert.equal(codes(diagnostics), ['source/cut'])
})

/** Node since 22.15 does it by itself. */
const byChild: Add = (name, test) => ('createZstdDecompress' in zlib ? sources.skip(name, test) : sources(name, test))

byChild('zstd without a way to unpack it says what to do', async ({ folder }) => {
  const path = join(folder, 'nozstd.zst')
  writeFileSync(path, Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0x24, 0x00, 0x01, 0x00, 0x00]))
  const { PATH } = process.env
  process.env.PATH = '/nowhere'
  try {
    const diagnostics = new Diagnostics()
    const opened = await openSources([path], diagnostics)
    for (const source of opened.sources) await contents(source)
    assert.match(diagnostics.rows()[0].message, 'install zstd')
  } finally {
    process.env.PATH = PATH
  }
})

sources('a pipe is read once, in order', async ({ folder }) => {
  const path = join(folder, 'fifo')
  makePipe(path)
  const writer = spawn('sh', ['-c', 'head -c 3000000 /dev/zero > "$0"', path])
  const { source } = await openOne(path)
  assert.is(source.bytes, null)
  assert.is(source.head.length, 1 << 16)
  assert.is((await contents(source)).length, 3_000_000)
  if (writer.exitCode === null) await once(writer, 'exit')
})

sources('a compressed pipe', async ({ folder }) => {
  const path = join(folder, 'fifo.gz')
  makePipe(path)
  writeFileSync(join(folder, 'packed'), zlib.gzipSync(LARGE))
  spawn('sh', ['-c', 'cat "$0" > "$1"', join(folder, 'packed'), path])
  const { source } = await openOne(path)
  assert.is(source.compression, 'gzip')
  assert.ok((await contents(source)).equals(Buffer.from(LARGE)))
})

sources('a damaged compressed pipe: what stands well before the damage, and how much is lost', async ({ folder }) => {
  const path = join(folder, 'damaged-fifo.gz')
  makePipe(path)
  const text = noise(1_000_000)
  const packed = zlib.gzipSync(text)
  packed.fill(0xaa, 400_000, 400_100)
  writeFileSync(join(folder, 'damaged'), packed)
  spawn('sh', ['-c', 'cat "$0" > "$1"', join(folder, 'damaged'), path])
  const { source, diagnostics } = await openOne(path)
  const got = (await contents(source)).toString()
  assert.ok(got.length > 400_000, String(got.length))
  assert.ok(text.startsWith(got.slice(0, 400_000)))
  assert.match(diagnostics.rows()[0].message, /up to 64 KiB of compressed data before that place are lost, too/)
})

sources('a pipe in a directory is left alone', async ({ folder }) => {
  const root = join(folder, 'with-fifo')
  mkdirSync(root)
  makePipe(join(root, 'fifo'))
  writeFileSync(join(root, 'trace'), LINE)
  const opened = await openSources([root], new Diagnostics())
  assert.equal(
    opened.sources.map(({ path }) => path),
    [join(root, 'trace')],
  )
})

sources('a device is no source', async () => {
  const diagnostics = new Diagnostics()
  const opened = await openSources(['/dev/null'], diagnostics)
  assert.equal(opened.sources, [])
  assert.equal(codes(diagnostics), ['source/unreadable'])
})

/** Root may read everything. */
const asUser: Add = (name, test) => (process.getuid?.() === 0 ? sources.skip(name, test) : sources(name, test))

asUser('a file that may not be read is a diagnostic, the others are used', async ({ folder }) => {
  const root = join(folder, 'secret')
  mkdirSync(root)
  writeFileSync(join(root, 'a'), LINE)
  writeFileSync(join(root, 'b'), LINE)
  chmodSync(join(root, 'a'), 0)
  const diagnostics = new Diagnostics()
  const opened = await openSources([root], diagnostics)
  assert.is(opened.sources.length, 1)
  assert.equal(codes(diagnostics), ['source/unreadable'])
  assert.match(diagnostics.rows()[0].message, 'permission denied')
})

sources('standard input', () => {
  const script = `
    import { Diagnostics } from ${JSON.stringify(new URL('../src/diagnostics.ts', import.meta.url).href)}
    import { openSources } from ${JSON.stringify(new URL('../src/source.ts', import.meta.url).href)}
    const { sources } = await openSources(['-'], new Diagnostics())
    let length = 0
    for await (const piece of sources[0].chunks()) length += piece.length
    console.log(sources[0].path, sources[0].bytes, sources[0].head.length, length)
  `
  const result = spawnSync(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', script], {
    input: LARGE,
    encoding: 'utf8',
    cwd: fileURLToPath(new URL('.', import.meta.url)),
    timeout: 60_000,
  })
  assert.is(result.stderr, '')
  assert.is(result.stdout, `- null ${1 << 16} ${LARGE.length}\n`)
})

sources('tells how far it is', async ({ folder }) => {
  const path = join(folder, 'progress')
  writeFileSync(path, LARGE)
  const seen: [number, number | null][] = []
  const onProgress = (...step: [done: number, total: number | null]): unknown => seen.push(step)
  const opened = await openSources([path], new Diagnostics(), { onProgress })
  await contents(opened.sources[0])
  assert.equal(seen.at(-1), [LARGE.length, LARGE.length])
  const packed = zlib.gzipSync(LARGE)
  writeFileSync(`${path}.gz`, packed)
  seen.length = 0
  const again = await openSources([`${path}.gz`], new Diagnostics(), { onProgress })
  await contents(again.sources[0])
  assert.equal(seen.at(-1), [packed.length, packed.length])
})

sources('a writer that can take no more holds the reading back', async ({ folder }) => {
  const path = join(folder, 'paced.txt')
  writeFileSync(path, LARGE)
  const waits: (() => void)[] = []
  const pace = (): Promise<void> => new Promise((resolve) => waits.push(resolve))
  const opened = await openSources([path], new Diagnostics(), { pace })
  let pieces = 0
  const reading = (async () => {
    for await (const piece of opened.sources[0].chunks()) pieces += piece.length > 0 ? 1 : 0
  })()
  const turn = (): Promise<unknown> => new Promise((resolve) => setTimeout(resolve, 5))
  for (let k = 0; pieces * (1 << 20) < LARGE.length; k++) {
    while (waits.length === k) await turn()
    await turn()
    assert.equal([pieces, waits.length], [k, k + 1])
    waits[k]()
    while (pieces === k) await turn()
  }
  await reading
})

sources.run()
