/** Beyond each bound of the state and of what is made of it: docs/limits.md. */
import {
  ACTION,
  BlockBatch,
  CallBatch,
  Diagnostics,
  StringTable,
  callIndex,
  flags as F,
  type Iocb,
} from '@flushtrace/trace'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { BlockAnchors, CallAnchors } from '../src/alignment/anchors.ts'
import { isSure } from '../src/alignment/offset.ts'
import { twinOffset } from '../src/alignment/twin-offset.ts'
import { windowOffset } from '../src/alignment/window-offset.ts'
import { FdTable, describe } from '../src/descriptors.ts'
import { CORRELATE } from '../src/diagnostics.ts'
import { FileTree, TracedFile } from '../src/files.ts'
import { FlushWaits } from '../src/flush-waits.ts'
import { RequestTimes, RequestTracker } from '../src/index.ts'
import { AddressSpace } from '../src/mappings.ts'
import { SeenLayers } from '../src/seen-layers.ts'
import { RemapChains } from '../src/remap-chains.ts'
import { RequestTable } from '../src/request-table.ts'
import { FileBook } from '../src/attribution/file-book.ts'
import { Story } from './block-events.ts'
import { Capture } from './attribution/capture.ts'
import { Trace, fds } from './trace.ts'

const limits = suite('limits of the state')
const { O_RDWR } = F

function begun(): Trace {
  const t = new Trace()
  t.exec(10, '/bin/prog')
  t.open(10, '/a', O_RDWR, 3)
  return t
}

// Tasks ---------------------------------------------------------------------------------------------------------------

limits('children that run before their fork returns: so many wait for it', () => {
  const t = begun()
  t.enter(10, 'fork')
  for (let child = 100; child < 165; child++) t.call(child, 'fsync', { fd: 3 })
  assert.equal(t.byProcess, ['164 fsync unknown'], 'the 65th is not waited for')
  t.exit(10, 'fork', { result: 100 })
  assert.is(t.byProcess[1], '100 fsync /a')
  assert.is(t.byProcess.length, 65)
})

limits('a child that does much before its fork returns is no longer waited for', () => {
  const rowsHeld = 64 * 64
  const t = begun()
  t.enter(10, 'fork')
  for (let k = 0; k < rowsHeld; k++) t.call(100, 'fsync', { fd: 3 })
  assert.is(t.flushes.length, 0)
  t.call(100, 'fsync', { fd: 3 })
  assert.is(t.flushes.length, rowsHeld + 1, 'none is lost')
})

limits('children without number: the oldest go, the parent stays', () => {
  const most = 1 << 17
  const t = begun()
  for (let child = 100; child < 100 + most - 1; child++) {
    if (t.rows.batch.full) t.rows.batch.clear()
    t.fork(10, child)
  }
  assert.is(t.system.knows(100), true)
  t.fork(10, 99 + most)
  assert.equal(
    [10, 100, 99 + most].map((tid) => t.system.knows(tid)),
    [true, false, true],
  )
  assert.ok(t.count(CORRELATE.tooManyTasks) > 0)
  t.call(10, 'fsync', { fd: 3 })
  assert.equal(t.flushes, ['fsync /a'])
})

// Descriptors, names, mappings ----------------------------------------------------------------------------------------

limits('more descriptors of one process than a kernel allows: said, and unknown', () => {
  const table = new FdTable(true)
  const what = describe(null, 'pipe', 'none', { rule: 'open', source: 0, record: 0 })
  for (let fd = 0; fd < 1 << 20; fd++) table.set(fd, what, false)
  assert.equal([table.set(1 << 20, what, false), table.set(5, what, false)], [false, true])
  assert.is(table.get(1 << 20), null)
})

limits('more unknown directories than are told apart', () => {
  const table = new FdTable(true)
  const tree = new FileTree()
  const make = () => tree.resolve(`/${Math.random()}`, tree.root)
  const first = table.unknownDirectory(0, make)
  for (let fd = 1; fd < 1024; fd++) table.unknownDirectory(fd, make)
  assert.is(table.unknownDirectory(0, make), first)
  table.unknownDirectory(1024, make)
  assert.is.not(table.unknownDirectory(0, make), first)
})

limits('descriptors that are sent and never received: the oldest message goes', () => {
  // How the file was opened is known of the message alone.
  const received = (messages: number): string[] => {
    const t = begun()
    t.open(10, '/first', O_RDWR | F.O_SYNC, 4)
    t.call(10, 'sendmsg', { fd: 9, extra: fds([4, '/first']) })
    for (let k = 1; k < messages; k++) t.call(10, 'sendmsg', { fd: 9, extra: fds([3, '/a']) })
    t.exec(20, '/bin/other')
    t.call(20, 'recvmsg', { fd: 9, extra: fds([7, '/first']) })
    t.call(20, 'write', { fd: 7, size: 1, result: 1 })
    return t.flushes
  }
  assert.equal(received(1024), ['syncWrite /first'])
  assert.equal(received(1025), [])
})

limits('names that were looked up are looked up again: nothing is lost', () => {
  const tree = new FileTree()
  const first = tree.resolve('/srv/0', tree.root)
  for (let k = 1; k <= 1 << 15; k++) tree.resolve(`/srv/${k}`, tree.root)
  assert.is(tree.resolve('/srv/0', tree.root), first)
})

limits('more mappings of one process than a kernel allows: said, and unknown', () => {
  const space = new AddressSpace(true)
  const region = (k: number) =>
    ({
      start: k * 8192,
      end: k * 8192 + 4096,
      file: new TracedFile('/a'),
      fileOffset: 0,
      writable: true,
      shared: true,
    }) as unknown as Parameters<AddressSpace['map']>[0]
  for (let k = 0; k < 1 << 18; k++) assert.ok(space.map(region(k)))
  assert.is(space.map(region(1 << 18)), false)
})

limits('asynchronous writes beyond those that are followed', () => {
  const t = begun()
  const iocb = (k: number): Iocb => ({
    opcode: 'IOCB_CMD_PWRITE',
    fd: { fd: 3, name: null },
    data: String(k),
    bytes: 512,
    offset: 0,
    flags: 0,
  })
  const most = 1 << 17
  for (let k = 0; k <= most; k += 4096) {
    const iocbs = Array.from({ length: 4096 }, (_, n) => iocb(k + n))
    t.call(10, 'io_submit', { extra: { kind: 'iocbs', iocbs }, result: 4096 })
  }
  assert.ok(t.diagnostics.count(CORRELATE.tooManyAio) > 0)
  const ended = (k: number): number => {
    t.call(10, 'io_getevents', { extra: { kind: 'events', events: [{ data: String(k), result: 512 }] }, result: 1 })
    return t.of('write').length
  }
  assert.equal([ended(0), ended(most - 1), ended(most)], [1, 2, 2])
})

// Block requests ------------------------------------------------------------------------------------------------------

function requests(
  count: number,
  fill: (batch: BlockBatch, i: number, k: number) => void,
): { tracker: RequestTracker; diagnostics: Diagnostics } {
  const diagnostics = new Diagnostics()
  const tracker = new RequestTracker(diagnostics)
  const batch = new BlockBatch(new StringTable(), count)
  for (let k = 0; k < count; k++) {
    const i = batch.add(ACTION.queue, 1, 1, k, k + 1)
    batch.flags[i] = 2
    batch.sector[i] = k * 8
    batch.bytes[i] = 4096
    fill(batch, i, k)
  }
  tracker.apply(batch)
  return { tracker, diagnostics }
}

limits('requests of more devices than are followed are said not to be counted', () => {
  const { tracker, diagnostics } = requests(4100, (batch, i, k) => (batch.device[i] = k + 1))
  assert.is(tracker.summaries().length, 4096)
  assert.is(diagnostics.rows().find(({ code }) => code.endsWith('too-many-devices'))?.count, 4)
})

limits('requests of more tasks than are told apart are charged to no task, and that is said', () => {
  const { tracker, diagnostics } = requests((1 << 16) + 3, (batch, i, k) => (batch.tid[i] = k + 1))
  const [device] = tracker.summaries()
  assert.is(device.tasks.length, (1 << 16) + 1)
  assert.equal(
    device.tasks.slice(0, 2).map(({ tid, writes }) => [tid, writes]),
    [
      [null, 3],
      [1, 1],
    ],
  )
  assert.is(diagnostics.rows().find(({ code }) => code.endsWith('too-many-submitters'))?.count, 3)
})

limits('open requests beyond those that are kept have no times', () => {
  const table = new RequestTable()
  const batch = new BlockBatch(new StringTable(), 1 << 18)
  for (let k = 0; k < 1 << 18; k++) {
    const i = batch.add(ACTION.queue, 1, 1, k, k + 1)
    batch.flags[i] = 2
    batch.sector[i] = k * 8
    batch.bytes[i] = 4096
    assert.not(table.full)
    table.queue(batch, i, -1)
  }
  assert.ok(table.full)
  assert.is(table.forget(), 1 << 18)
  assert.equal([table.open, table.forgotten], [0, 1 << 18])
  const { tracker, diagnostics } = requests((1 << 18) + 1, () => {})
  assert.is(diagnostics.rows().find(({ code }) => code.endsWith('too-many-open'))?.count, 1 << 18)
  assert.is(tracker.summaries()[0].unfinished, (1 << 18) + 1)
})

limits('errors of one device beyond those that Linux has are said not to be counted', () => {
  const { tracker, diagnostics } = requests(4098, (batch, i, k) => {
    batch.action[i] = ACTION.complete
    batch.error[i] = -1 - k
  })
  assert.is(Object.keys(tracker.summaries()[0].errors).length, 4095)
  assert.is(diagnostics.rows().find(({ code }) => code.endsWith('too-many-errors'))?.count, 3)
})

limits('chains of remaps: of so many tasks, over so many layers, so many parked', () => {
  const chains = new RemapChains()
  const batch = new BlockBatch(new StringTable(), 1 << 19)
  const remap = (tid: number, from: number, to: number, sector = tid): void => {
    const i = batch.add(ACTION.remap, to, tid, 0, 1)
    batch.sector[i] = batch.fromSector[i] = sector
    batch.fromDevice[i] = from
    chains.apply(batch, i)
  }
  const queued = (tid: number, device: number, sector = tid) => {
    const i = batch.add(ACTION.queue, device, tid, 0, 1)
    batch.sector[i] = sector
    batch.bytes[i] = 4096
    return chains.apply(batch, i)
  }
  remap(1, 100, 101)
  for (let tid = 2; tid <= 1 << 16; tid++) remap(tid, 100, 101)
  assert.is(queued(1, 101)?.originDevice, 100)
  remap(1, 100, 101)
  remap((1 << 16) + 1, 100, 101)
  assert.is(queued(1, 101), null, 'forgotten')
  for (let k = 0; k < 64; k++) remap(7, 200 + k, 201 + k)
  assert.is(queued(7, 264)?.above.length, 64)
  for (let k = 0; k < 65; k++) remap(7, 200 + k, 201 + k)
  assert.is(queued(7, 265)?.above.length, 1, 'begun anew')
  for (let sector = 1; sector <= (1 << 16) + 2; sector++) remap(8, 300, 301, sector)
  assert.is(queued(9, 301, 1), null, 'the oldest are gone')
  assert.is(queued(9, 301, 1 << 16)?.originDevice, 300)
})

limits('flushes that an array passes on: to so many members', () => {
  const story = new Story()
  for (let k = 1; k <= 1025; k++)
    story.at('A W 16+8', 0, { device: k, from: [5000, 8] }).at('Q W 16+8', 0, { device: k })
  story.at('Q FWS', 1, { device: 5000 })
  for (const device of [1024, 1025]) story.at('Q FW', 2, { device })
  const chains = new RemapChains()
  const led = Array.from({ length: story.batch.length }, (_, i) => chains.apply(story.batch, i))
  assert.equal(
    led.slice(-2).map((chain) => chain?.originDevice),
    [5000, undefined],
  )
})

limits('of more layers than any machine has, the first ones are seen', () => {
  const story = new Story()
  for (let k = 0; k < 1025; k++) story.at('A W 16+8', 0, { from: [k, 8] })
  const diagnostics = new Diagnostics()
  const layers = new SeenLayers(diagnostics)
  for (let i = 0; i < story.batch.length; i++) layers.apply(story.batch, i)
  assert.is(layers.all.length, 1024)
  assert.ok((diagnostics.rows().find(({ code }) => code.endsWith('too-many-layers'))?.count ?? 0) > 0)
})

limits('flushes whose ends never come are forgotten', () => {
  const { batch } = new Story().at('Q FN', 1).at('C WS 0', 9).at('Q FWS 8+8', 2).at('Q FWS 16+8', 2).at('C WS 8', 9)
  const [bare, end, write, other, endOfWrite] = [0, 1, 2, 3, 4]
  const took = (waiting: number): number => {
    const waits = new FlushWaits()
    for (let k = 0; k < waiting; k++) waits.queued(batch, bare)
    for (let k = 0; k < waiting; k++) waits.ended(batch, end)
    return waits.q2c.count
  }
  assert.equal([took(0), took(4096), took(4097)], [0, 4096, 1])
  const bySector = new FlushWaits()
  bySector.queued(batch, write)
  for (let k = 1; k <= 4096; k++) {
    batch.sector[other] = 8 + 8 * k
    bySector.queued(batch, other)
  }
  bySector.ended(batch, endOfWrite)
  assert.is(bySector.q2c.count, 0, 'the first one is forgotten')
})

limits('flush requests that wait for ever do not pile up', () => {
  const times = new RequestTimes()
  const story = new Story()
  for (let k = 0; k < 4096; k++) story.at('Q FWS', k)
  times.add(story.batch, 0, [0])
  times.add(new Story().at('Q FWS', 5000).at('C WS 0', 5002).batch, 0, [1])
  const done = [...times.doneNs.values]
  assert.equal([done.length, done[0], done[4096]], [4097, NaN, 5002], 'only the one after the bound is waited for')
})

// Clocks --------------------------------------------------------------------------------------------------------------

function flushes(count: number, tidOf: (k: number) => number): CallAnchors {
  const batch = new CallBatch(new StringTable(), [], count)
  for (let k = 0; k < count; k++) batch.tookNs[batch.add(0, callIndex('fsync'), tidOf(k), k * 100, k + 1)] = 10
  const anchors = new CallAnchors()
  anchors.add(batch)
  return anchors
}

limits('clocks are aligned by so many flushes, of one task by fewer', () => {
  assert.is(flushes(20_000, () => 7).windows.get(7)?.startNs.length, 1 << 14)
  const all = flushes((1 << 17) + 5, (k) => 1 + (k % 16))
  assert.is(all.full, true)
  assert.is(
    [...all.windows.values()].reduce((sum, { startNs }) => sum + startNs.length, 0),
    1 << 17,
  )
})

limits('clocks are aligned by so many requests, of one range by fewer', () => {
  const anchors = new BlockAnchors()
  const batch = new BlockBatch(new StringTable(), 1 << 18)
  for (let k = 0; k < (1 << 17) + 100; k++) {
    const i = batch.add(ACTION.queue, 1, 1 + (k % 16), k, k + 1)
    batch.flags[i] = 2
    batch.sector[i] = k < 100 ? 8 : k * 8
    batch.bytes[i] = 4096
    batch.tid[i] = k < 100 ? 1 : batch.tid[i]
  }
  anchors.add(batch)
  assert.is(anchors.full, true)
  assert.is(anchors.requests.get('1 8 4096 1')?.length, 64)
  assert.is(
    [...anchors.requests.values()].reduce((sum, times) => sum + times.length, 0),
    1 << 17,
  )
  assert.is(
    [...anchors.points().values()].reduce((sum, times) => sum + times.length, 0),
    1 << 17,
  )
})

limits('of one request that is written again and again, sixteen times of each trace are compared', () => {
  const times = (from: number, count: number): number[] => Array.from({ length: count }, (_, k) => from + k * 1e9)
  const found = twinOffset(new Map([['a', times(0, 100)]]), new Map([['a', times(500, 100)]]))
  assert.equal([found?.matched, found?.offsetNs], [16, 500])
})

limits('a clock known less closely than to five milliseconds is not used', () => {
  const found = { offsetNs: 0, matched: 1000, lead: 1 }
  assert.equal([isSure({ ...found, residualNs: 5e6 }), isSure({ ...found, residualNs: 5e6 + 1 })], [true, false])
})

limits('of very many pairs of flushes and requests only some look for the offset', () => {
  // Two requests a flush: every fourth, and no other, came three milliseconds early.
  const found = (flushes: number): number | undefined => {
    const startNs = Array.from({ length: flushes }, (_, k) => k * 1e7 + ((k * 7919) % 1000) * 1000)
    const endNs = startNs.map((ns) => ns + 1e6)
    const atNs = startNs
      .flatMap((ns, k) => [ns + (k % 2 === 0 ? -3e6 : 0) + 50_000, ns + 150_000])
      .map((ns) => ns - 3e9)
    return windowOffset([{ startNs, endNs, atNs }], 1000)?.offsetNs
  }
  const near = (offset: number | undefined): number => Math.round((offset ?? NaN) / 1e6)
  assert.is(near(found(500)), 3000, 'all of 500,000 pairs: what most say')
  assert.is(near(found(1000)), 3003, 'of two million every fourth request')
})

limits('of very many flushes all judge', () => {
  const startNs = Array.from({ length: 3000 }, (_, k) => k * 1e7 + ((k * 7919) % 1000) * 1000)
  const series = { startNs, endNs: startNs.map((ns) => ns + 1e6), atNs: startNs.map((ns) => ns + 50_000 - 3e9) }
  const found = windowOffset([series], 1000)
  assert.ok(found && Math.abs(found.offsetNs - 3e9) < 1e6)
  assert.is(found?.matched, 3000)
})

// Whose block ---------------------------------------------------------------------------------------------------------

function dirtied(files: number, on: (k: number) => string): Capture {
  const c = new Capture({ mountpoints: ['/mnt'] })
  c.calls.exec(10, '/bin/prog')
  for (let k = 0; k < files; k++) {
    c.calls.open(10, on(k), O_RDWR, 10 + k, { atNs: 1 })
    c.calls.call(10, 'write', { fd: 10 + k, size: 1, result: 1, atNs: 2, tookNs: 1 })
  }
  c.blocks.at('Q W 80+8', 300, { tid: 99, comm: 'kworker/u8:0' })
  return c
}

limits('candidates beyond eight are not named', () => {
  const located = (files: number): string => dirtied(files, (k) => `/mnt/${k}`).locate()[0]
  assert.match(located(8), /ambiguous one-of/)
  assert.match(located(9), /unknown none/)
})

limits('with more dirty files than are looked through, none is named', () => {
  // One of them lies on the disk.
  const located = (files: number): string => dirtied(files, (k) => (k === 0 ? '/mnt/a' : `/other/${k}`)).locate()[0]
  assert.match(located(256), /\/mnt\/a inferred only-dirty/)
  assert.match(located(257), /unknown none/)
})

limits('announcements beyond 64 of a task: the oldest is forgotten', () => {
  const located = (announced: number): string => {
    const c = new Capture({ type: 'xfs' })
    for (let k = 0; k < announced; k++) {
      const pages = k === 0 ? 2 : 3
      c.inode('placed', 12, { atNs: 1000 + k, tid: 10, page: 3 + k, pages, event: 'xfs_map_blocks_alloc' })
    }
    c.blocks.at('Q WS 80+16', 14_000, { tid: 10, comm: 'writer' })
    return c.locate()[0]
  }
  assert.match(located(64), /announced/)
  assert.not.match(located(65), /announced/)
})

limits('names of one inode beyond sixteen', () => {
  const book = new FileBook()
  const file = new TracedFile('/a')
  let id = -1
  for (let k = 0; k < 20; k++) id = book.traced(file, `/mnt/${k}`)
  assert.is(book.at(id).names.length, 16)
})

limits('renewals of the places of one inode beyond sixty-four', () => {
  const known = (renewals: number): string => {
    const book = new FileBook()
    const file = book.traced(new TracedFile('/a'), '/a')
    const inode = book.inode(0, null, 12)
    book.join(inode, 100, file)
    // Each is explained: a call freed the blocks in between.
    for (let k = 0; k < renewals; k++) {
      book.free(file, 205 + 10 * k, 0)
      book.renew(inode, 200 + 10 * k, 208 + 10 * k)
    }
    return book.whose(inode, 1e6).known
  }
  assert.is(known(64), 'called')
  assert.is(known(65), 'doubtful')
})

limits.run()
