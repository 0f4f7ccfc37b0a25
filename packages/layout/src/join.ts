/** All findings as one answer: layers with numbers, file systems with their maps, names and address spaces. */
import { SECTOR_BYTES, type Diagnostics } from '@flushtrace/trace'
import { ChunkMap, SUPERBLOCK_BYTES, SUPERBLOCKS, type BtrfsFacts } from './btrfs-facts.ts'
import { DeviceGraph, type OwnArea } from './device-graph.ts'
import type { BlockDevice } from './device-table.ts'
import { LAYOUT } from './diagnostics.ts'
import { setDirectoriesApart } from './directories.ts'
import { nameImages } from './disk-images.ts'
import type { DiskLayout, LayoutSource } from './disk-layout.ts'
import { EXTENT_TREE, writtenExtents } from './extent-tree.ts'
import { boundEncoded, markShared, overlapOf } from './extent-builder.ts'
import type { Findings, MapFinding } from './findings.ts'
import { FsJoin } from './fs-join.ts'
import type { Layer } from './layer.ts'
import { AREAS, type LayoutMap, type MappedFile } from './layout-map.ts'
import { byTime } from './map-time.ts'
import { ownArea } from './mdraid.ts'
import { addName, finishFs, formatMap, type FsDraft } from './saved-fs.ts'
import { SubvolumePaths } from './subvolume-paths.ts'
import { withSwapFiles } from './swap-files.ts'
import { thinLayers } from './thin.ts'

/** `sources`: the side files that were read, for the account of them. */
export function joinFindings(
  findings: Findings,
  sources: readonly LayoutSource[],
  diagnostics: Diagnostics,
): DiskLayout {
  const { devices } = findings
  const join = joinFileSystems(findings, diagnostics)
  const fileSystems = join.drafts.map(finishFs)
  const thin = thinLayers(devices, findings.thinDumps, diagnostics)
  const layers = [...devices.layers, ...namedLayers(findings, diagnostics), ...thin]
  const graph = new DeviceGraph(layers, fileSystems, ownAreas(findings))
  return {
    sources,
    devices: devices.all().map((known) => {
      const { device, kind, bytes } = known
      return { device, name: bothNames(known), kind, bytes }
    }),
    layers: graph.layers,
    fileSystems,
    traceClocks: findings.traceClocks,
    clockNotes: findings.clockNotes,
    images: nameImages(findings, diagnostics).map((image) => ({
      ...image,
      device: image.path === null ? null : onlyDevice(join.ofPath(image.path)),
    })),
    resolve: (device, sector, bytes) => graph.resolve(device, sector, bytes),
    sameSector: (device, sector, believed) => graph.sameSector(device, sector, believed),
    reaches: (device, sector, bytes, below, carries) => graph.reaches(device, sector, bytes, below, carries),
    hasCopies: graph.hasCopies,
    arrayPlaceOf: (device, sector, bytes) => graph.arrayPlaceOf(device, sector, bytes),
    isPlain: (device) => graph.isPlain(device),
    nameOf: (device) => {
      const known = devices.get(device)
      return known ? bothNames(known) : null
    },
    deviceOf: (name) => devices.findUsual(name),
    fileSystemOf: (path) => {
      const draft = join.ofPath(path)
      return draft && fileSystems[join.drafts.indexOf(draft)]
    },
    partitionOf: (device) => {
      const layer = graph.layers.find(({ upper, what }) => upper === device && what === 'partition')
      if (layer?.kind !== 'linear') return null
      return { disk: layer.lower, startSector: layer.lowerAt / SECTOR_BYTES, sectors: layer.bytes / SECTOR_BYTES }
    },
    backings: devices.backings(),
    backingOf: (device) => {
      const backing = devices.backingOf(device)
      if (!backing) return null
      return { ...backing, device: onlyDevice(join.ofPath(backing.path)) }
    },
  }
}

/** Which file systems there are, each with its maps in the order of time, its names and its devices. */
function joinFileSystems(findings: Findings, diagnostics: Diagnostics): FsJoin {
  const join = new FsJoin(findings, diagnostics)
  for (const facts of mergeBtrfs(findings.btrfs)) joinBtrfs(findings, join, facts)
  // Those that tell where they belong first: others follow them.
  const vague = ({ hint }: MapFinding): number => (Object.values(hint).every((value) => value === null) ? 1 : 0)
  const paths = new SubvolumePaths(findings, join)
  for (const finding of findings.maps.toSorted((a, b) => vague(a) - vague(b))) {
    const draft = join.place(finding.source, finding.fs, finding.hint)
    if (draft && finding.tool === 'fsmap') setDirectoriesApart(finding, findings, (path) => join.ofPath(path) === draft)
    if (draft) addMap(findings, draft, finding, paths, diagnostics)
  }
  addListings(findings, join, paths)
  for (const draft of join.drafts) addFormat(findings, draft)
  for (const draft of join.drafts) {
    keepWritten(findings, draft, diagnostics)
    const [logical] = draft.maps.filter(({ space, extents }) => space === 'logical' && extents.length > 0)
    if (logical && draft.devices.size > 0 && draft.chunks.size === 0) {
      diagnostics.add(LAYOUT.noChunks, { source: logical.source }, logical.source)
    }
    setSwapApart(findings, draft, (path) => join.ofPath(path) === draft)
  }
  for (const { maps } of join.drafts) maps.sort(byTime)
  return join
}

/** `dm-0 (vg-root)`. */
function bothNames({ name, mapperName }: Pick<BlockDevice, 'name' | 'mapperName'>): string | null {
  return name !== null && mapperName !== null ? `${name} (${mapperName})` : (name ?? mapperName)
}

function onlyDevice(draft: FsDraft | null): number | null {
  return draft?.devices.size === 1 ? [...draft.devices][0] : null
}

/** Tables of names, once all names are known. */
function namedLayers({ devices }: Findings, diagnostics: Diagnostics): Layer[] {
  return devices.named.flatMap(({ upper, make }) => {
    const layer = make((name) => devices.find(name))
    if (!layer) diagnostics.add(LAYOUT.noDevice, null, upper)
    return layer ?? []
  })
}

/** What arrays keep for themselves, once all names are known. */
function ownAreas({ devices }: Findings): OwnArea[] {
  const members = [...devices.members].map(([name, member]) => ({ name, area: ownArea(member), source: member.source }))
  const tables = devices.tables.map(({ name, source }) => ({ name, area: { start: 0, end: Infinity }, source }))
  return [...members, ...tables].flatMap(({ name, area, source }) => {
    const device = devices.find(name)
    return device === null || area === null ? [] : [{ device, ...area, source }]
  })
}

/** Facts of one file system from all its dumps. Where chunks were moved meanwhile, the later place counts. */
function mergeBtrfs(all: readonly BtrfsFacts[]): BtrfsFacts[] {
  const merged = new Map<string, BtrfsFacts>()
  for (const facts of all) {
    const known = merged.get(facts.uuid)
    if (!known) {
      merged.set(facts.uuid, { ...facts, chunks: new Map(facts.chunks), devices: new Map(facts.devices) })
      continue
    }
    for (const [logical, chunk] of facts.chunks) known.chunks.set(logical, chunk)
    for (const [devid, device] of facts.devices) {
      const before = known.devices.get(devid)
      known.devices.set(devid, {
        bytes: Math.max(device.bytes, before?.bytes ?? 0),
        path: device.path ?? before?.path ?? null,
      })
    }
  }
  return [...merged.values()]
}

function joinBtrfs(findings: Findings, join: FsJoin, { source, uuid, chunks, devices }: BtrfsFacts): void {
  const total = [...devices.values()].reduce((sum, { bytes }) => sum + bytes, 0)
  const hint = {
    uuid,
    path: null,
    mountpoint: null,
    device: null,
    bytes: total > 0 && devices.size === 1 ? total : null,
  }
  const draft = join.place(source, 'btrfs', hint)
  if (!draft) return
  draft.chunks = new ChunkMap([...chunks.values()])
  for (const [devid, { path, bytes }] of devices) {
    const byPath = path === null ? null : findings.devices.find(path)
    // Else the only one; else the only one of that size.
    const free = [...draft.devices]
    const sized = free.filter((device) => findings.devices.get(device)?.bytes === bytes)
    const only = devices.size === 1 && free.length === 1 ? free[0] : sized.length === 1 ? sized[0] : null
    const device = byPath ?? only
    if (device === null) continue
    draft.members.set(devid, device)
    draft.devices.add(device)
  }
}

function addMap(
  { devices }: Findings,
  draft: FsDraft,
  finding: MapFinding,
  paths: SubvolumePaths,
  diagnostics: Diagnostics,
): void {
  const { source, tool, time, fs, space, complete, blockBytes, clusterBytes } = finding
  draft.blockBytes ??= blockBytes
  draft.clusterBytes ??= clusterBytes
  const unit = finding.unitBytes ?? draft.blockBytes
  if (unit === null) return diagnostics.add(LAYOUT.noUnit, { source }, source)
  const reach = Math.max(finding.extents.reach, finding.areas.reach) * unit
  const [device] = draft.devices
  const bytes = device === undefined ? null : (devices.get(device)?.bytes ?? null)
  if (space === 'device' && bytes !== null && reach > bytes) {
    return diagnostics.add(
      LAYOUT.beyond,
      { source },
      `${source}, byte ${reach} of ${bytes} on ${devices.textOf(device)}`,
    )
  }
  const extents = finding.extents.finish(unit)
  if (tool === 'filefrag') boundEncoded(extents)
  if (tool === 'fsmap') markShared(extents)
  const files = finding.files.map((file) => {
    return fs === 'btrfs' && file.path !== null ? { ...file, root: paths.rootOf(file.path) ?? file.root } : file
  })
  // Trees of btrfs name whole extents, of which a file may use a part only.
  const overlap = space === 'device' || tool === 'filefrag' ? overlapOf(extents) : null
  if (overlap) {
    const name = files[extents.file[overlap.first]]?.path
    diagnostics.add(LAYOUT.overlap, { source }, `${source}${name ? `, ${name}` : ''}`, overlap.count)
  }
  const type = draft.type === 'ext4' ? 'ext4' : fs
  draft.maps.push({ source, tool, time, fs: type, space, files, extents, areas: finding.areas.finish(unit), complete })
}

/** Of extent trees, what other dumps of that time show to hold data. */
function keepWritten({ checksums }: Findings, { maps, uuid, inodes }: FsDraft, diagnostics: Diagnostics): void {
  for (const [k, map] of maps.entries()) {
    if (map.tool !== EXTENT_TREE) continue
    const sameTime = maps.filter(({ time }) => time.when === map.time.when)
    const told = checksums.findLast((one) => one.uuid === uuid && one.time.when === map.time.when)
    const extents = writtenExtents(map, sameTime, told?.ranges.finish(1) ?? null, (file) => {
      if (file.inode !== null || file.path === null) return file
      return inodes.get(file.path)?.find(({ time }) => time.when === map.time.when) ?? file
    })
    maps[k] = { ...map, extents }
    const others = told || sameTime.some((other) => other !== map && other.extents.length > 0)
    if (!others && map.extents.length > 0) diagnostics.add(LAYOUT.extentsAlone, { source: map.source }, map.source)
  }
}

function setSwapApart(
  { devices: { swapFiles } }: Findings,
  { maps, inodes }: FsDraft,
  isOn: (path: string) => boolean,
): void {
  const paths = [...swapFiles].filter(isOn)
  const listed = paths.flatMap((path) => inodes.get(path) ?? [])
  const isSwap = ({ path, inode, root }: MappedFile): boolean =>
    path === null ? listed.some((one) => one.inode === inode && one.root === root) : paths.includes(path)
  for (const [k, map] of maps.entries()) if (paths.length > 0) maps[k] = withSwapFiles(map, isSwap)
}

function addListings({ listings }: Findings, join: FsJoin, paths: SubvolumePaths): void {
  for (const { source, time, hint, fs, inodes } of listings) {
    const inner = inodes.some((row) => row.inner)
    const draft = inner && fs !== null ? join.place(source, fs, hint) : null
    for (const { path, inode, size, root, inner: inside } of inodes) {
      const on = inside ? draft : join.ofPath(path)
      if (!on) continue
      if (!inside) {
        addName(on, inode, on.type === 'btrfs' ? paths.rootOf(path) : null, { path, size, time, source })
        continue
      }
      const [mountpoint = ''] = on.mountpoints
      const outer =
        root === undefined ? `${mountpoint === '/' ? '' : mountpoint}${path}` : paths.outerPath(on, root, path)
      if (outer !== null) addName(on, inode, root ?? null, { path: outer, size, time, source })
    }
  }
}

/** What is where by the format alone, which no map says. */
function addFormat({ devices }: Findings, draft: FsDraft): void {
  const sizes = [...draft.devices].flatMap((device) => devices.get(device)?.bytes ?? [])
  const bytes = Math.max(0, ...sizes)
  const areas: LayoutMap['areas'][] = []
  if (draft.type === 'btrfs') {
    const starts = SUPERBLOCKS.filter((start) => sizes.length === 0 || start + SUPERBLOCK_BYTES <= bytes)
    areas.push(columnsOf(starts, SUPERBLOCK_BYTES, 'superblock'))
  } else if (draft.type === 'swap' && bytes > 0) areas.push(columnsOf([0], bytes, 'swap'))
  else if (draft.type === 'log' && bytes > 0) areas.push(columnsOf([0], bytes, 'journal'))
  for (const columns of areas) draft.maps.push(formatMap(draft.type, columns))
}

function columnsOf(
  starts: readonly number[],
  bytes: number,
  area: 'superblock' | 'journal' | 'swap',
): LayoutMap['areas'] {
  return {
    length: starts.length,
    start: Float64Array.from(starts),
    end: Float64Array.from(starts, (start) => start + bytes),
    area: new Uint8Array(starts.length).fill(AREAS.indexOf(area)),
    label: new Int32Array(starts.length),
    labels: [area],
  }
}
