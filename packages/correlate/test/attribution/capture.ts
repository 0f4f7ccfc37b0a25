/**
 * A recording by story: calls, block requests, events that name inodes and saved maps, and what the attribution makes of
 * them. All clocks are the same one, unless `locate` is told otherwise; an ext4 file system lies on 7:0 unless `fs` says otherwise.
 *
 *     const c = new Capture()
 *     c.calls.open(10, '/mnt/a', O_RDWR, 3, { atNs: 0 })
 *     c.calls.call(10, 'fsync', { fd: 3, atNs: 100, tookNs: 50 })
 *     c.blocks.at('Q WS 80+8', 120, { tid: 10 })
 *     assert.equal(c.locate(), ['0+4096 /mnt/a inferred own-call flush 10'])
 */
import { type DiskLayout, type FileSystem, type FsType, type InodeName, type LayoutMap } from '@flushtrace/layout'
import { INODE_EVENT, INODE_UNIT, InodeBatch, makeDevice, type Instant } from '@flushtrace/trace'
import { Actors } from '../../src/attribution/actors.ts'
import { Attribution } from '../../src/attribution/attribution.ts'
import { BlockLog } from '../../src/attribution/block-log.ts'
import { CallLog } from '../../src/attribution/call-log.ts'
import { FileBook } from '../../src/attribution/file-book.ts'
import { InodeLog } from '../../src/attribution/inode-log.ts'
import { Story } from '../block-events.ts'
import { Trace } from '../trace.ts'

const DISK = makeDevice(7, 0)

/** `[path or inode, first byte, end, offset in the file, EXTENT bits]`. */
type Extent = readonly [file: string | number, start: number, end: number, fileOffset?: number, flags?: number]

export interface MapStory {
  readonly when: 'before' | 'after' | 'during'
  /** When it was begun and complete; not told: nothing tells. */
  readonly taken?: readonly [fromNs: number, untilNs: number]
  readonly extents?: readonly Extent[]
  /** `[index in AREAS, first byte, end]`. */
  readonly areas?: readonly (readonly [area: number, start: number, end: number])[]
}

export interface FsStory {
  readonly type?: FsType
  readonly mountpoints?: readonly string[]
  readonly journalsData?: boolean
  readonly allocatesEarly?: boolean
  /** btrfs: what all chunks hold. */
  readonly holds?: 'data' | 'metadata' | null
  readonly clusterBytes?: number | null
  readonly maps?: readonly MapStory[]
  /** Names that a list of inodes, taken afterwards, gives. */
  readonly names?: Readonly<Record<number, string>>
}

const INODE_KIND = {
  dirty: INODE_EVENT.dirty,
  placed: INODE_EVENT.placed,
  sync: INODE_EVENT.syncEnter,
  announce: INODE_EVENT.writePages,
  lost: INODE_EVENT.lost,
} as const

export interface InodeStory {
  readonly atNs: number
  readonly tid: number
  readonly comm?: string
  /** In pages. */
  readonly page?: number
  readonly pages?: number
  /** Byte on the device. */
  readonly at?: number
  /** `pages` counts clusters. */
  readonly clusters?: boolean
  /** Without a place: what is about to be written. */
  readonly event?: string
}

/** Of calls and block traces; `apart`: of block traces only; `other`: of calls and another block trace. */
export type Clocks = 'joined' | 'apart' | 'other' | 'unknown'

export class Capture {
  /** Where there is no memory to go on. */
  look: (() => void) | undefined
  readonly actors = new Actors()
  readonly book = new FileBook()
  readonly callLog = new CallLog(this.book, this.actors)
  readonly calls = new Trace({ onActivity: (activity) => this.callLog.add(activity, activity.atNs) })
  readonly blocks = new Story()
  readonly inodes = new InodeBatch(this.blocks.batch.strings)
  readonly blockLog = new BlockLog()
  /** How far the clocks of calls and requests may be apart. */
  doubtNs = 0
  /** Which trace the inode events are of; requests are of 0. */
  inodeTrace = 0
  readonly #layout: DiskLayout
  #attribution: Attribution | null = null

  constructor(fs: FsStory = {}) {
    this.#layout = layoutOf(fs)
  }

  inode(
    kind: keyof typeof INODE_KIND,
    inode: number,
    { atNs, tid, comm, page, pages = 1, at, clusters, event }: InodeStory,
  ): void {
    const { strings } = this.inodes
    const named = strings.add(event ?? 'ext4_event')
    const i = this.inodes.add(INODE_KIND[kind], named, tid, comm ? strings.add(comm) : -1, atNs, this.inodes.length + 1)
    this.inodes.device[i] = DISK
    this.inodes.inode[i] = inode
    this.inodes.unit[i] = clusters ? INODE_UNIT.clusters : INODE_UNIT.pages
    if (page !== undefined) this.inodes.position[i] = page
    this.inodes.span[i] = pages
    if (kind === 'dirty') this.inodes.span[i] = NaN
    if (at !== undefined) this.inodes.physical[i] = at
  }

  attribution(clocks: Clocks = 'joined'): Attribution {
    if (this.#attribution) return this.#attribution
    const inodes = new InodeLog()
    inodes.add(this.inodes, this.inodeTrace, 1)
    this.blockLog.add(this.blocks.batch, 0, [1])
    this.#attribution = new Attribution({
      calls: this.callLog,
      blocks: this.blockLog,
      inodes,
      actors: this.actors,
      book: this.book,
      layout: this.#layout,
      placed: [0, 1].map((trace) => (clocks === 'unknown' || (clocks === 'other' && trace === 0) ? null : (ns) => ns)),
      callsTimed: clocks === 'joined' || clocks === 'other',
      slackNs: 0,
      doubtNs: this.doubtNs,
      takenAt: ({ wall, until }) => wall && { fromNs: nsOf(wall), untilNs: until ? nsOf(until) : Infinity },
      look: this.look,
    })
    this.#attribution.run()
    return this.#attribution
  }

  /** `at+bytes whose[@offset] confidence rule via who`, one line a piece; `who`: pids or names, `-` for nobody. */
  locate(clocks: Clocks = 'joined'): string[] {
    const { pieces } = this.attribution(clocks)
    return Array.from({ length: pieces.length }, (_, k) => {
      const { at, bytes, what, file, fileOffset, confidence, rule, via, actors, candidates } = pieces.row(k)
      const pathOf = (id: number): string => this.book.at(id).path ?? `#${this.book.at(id).inode}`
      const named = candidates.length > 0 ? candidates.map(pathOf).join('|') : file >= 0 ? pathOf(file) : what
      const whose = named + (Number.isNaN(fileOffset) ? '' : `@${fileOffset}`)
      const who = actors.map((actor) => this.actors.at(actor).pid ?? this.actors.at(actor).name).join(',')
      return `${at}+${bytes} ${whose} ${confidence} ${rule} ${via} ${who || '-'}`
    })
  }
}

function layoutOf(story: FsStory): DiskLayout {
  const fs = fsOf(story)
  const none = (): null => null
  return {
    sources: [],
    traceClocks: new Map(),
    clockNotes: [],
    devices: [],
    layers: [],
    fileSystems: [fs],
    images: [],
    reaches: () => null,
    hasCopies: false,
    backings: [],
    arrayPlaceOf: () => null,
    isPlain: () => true,
    sameSector: (device, sector) => [{ device, sector }],
    resolve: (device, sector, bytes) => [
      { at: 0, bytes, fs: device === DISK ? fs : null, arrayOwn: null, device, byte: sector * 512, layers: [device] },
    ],
    nameOf: none,
    deviceOf: none,
    fileSystemOf: none,
    partitionOf: none,
    backingOf: none,
  }
}

function fsOf({
  type = 'ext4',
  mountpoints = ['/mnt'],
  maps = [],
  names = {},
  journalsData = false,
  allocatesEarly = false,
  holds = null,
  clusterBytes = null,
}: FsStory): FileSystem {
  const after = { when: 'after', wall: null, monotonic: null, until: null } as const
  return {
    type,
    uuid: null,
    devices: [DISK],
    stDev: '7:0',
    mountpoints,
    blockBytes: 4096,
    clusterBytes,
    journalsData,
    allocatesEarly,
    log: null,
    maps: maps.map((map) => mapOf(type, map)),
    addressesOf: (_, byte, bytes) => [{ at: 0, bytes, address: byte, holds, mirror: 0 }],
    placesOf: () => [],
    namesOf: (inode): InodeName[] =>
      inode in names ? [{ path: names[inode], size: null, time: after, source: 'list' }] : [],
    inodesOf: (path) =>
      Object.entries(names)
        .filter(([, name]) => name === path)
        .map(([inode]) => ({ inode: Number(inode), root: null, time: after })),
  }
}

function atNs(ns: number): Instant {
  return { seconds: Math.floor(ns / 1e9), nanos: ns % 1e9 }
}

function nsOf({ seconds, nanos }: Instant): number {
  return seconds * 1e9 + nanos
}

/** Extents and areas in the order of their places. */
function mapOf(fs: FsType, { when, taken, extents = [], areas = [] }: MapStory): LayoutMap {
  const files = [...new Set(extents.map(([file]) => file))]
  return {
    source: `map ${when}`,
    tool: 'filefrag',
    time: {
      when,
      wall: taken ? atNs(taken[0]) : null,
      monotonic: null,
      until: taken && taken[1] < Infinity ? atNs(taken[1]) : null,
    },
    fs,
    space: 'device',
    files: files.map((file) => ({
      path: typeof file === 'string' ? file : null,
      inode: typeof file === 'number' ? file : null,
      root: null,
      size: null,
    })),
    extents: {
      length: extents.length,
      start: Float64Array.from(extents, ([, start]) => start),
      end: Float64Array.from(extents, ([, , end]) => end),
      fileOffset: Float64Array.from(extents, ([, , , offset = 0]) => offset),
      file: Int32Array.from(extents, ([file]) => files.indexOf(file)),
      flags: Uint8Array.from(extents, ([, , , , flags = 0]) => flags),
    },
    areas: {
      length: areas.length,
      start: Float64Array.from(areas, ([, start]) => start),
      end: Float64Array.from(areas, ([, , end]) => end),
      area: Uint8Array.from(areas, ([area]) => area),
      label: new Int32Array(areas.length),
      labels: [''],
    },
    complete: false,
  }
}
