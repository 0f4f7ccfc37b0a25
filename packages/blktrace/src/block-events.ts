/**
 * Bodies of the block tracepoints, old and new shapes:
 *
 *     block_bio_queue     7,0 WS 26704 + 24 [ldap(3)]
 *     block_bio_complete  253,0 WS 2048 + 8 [0]
 *     block_bio_remap     8,0 WS 2056 + 8 <- (8,1) 8              block_rq_remap adds a count
 *     block_split         8,0 WS 278528 / 281088 [dd]
 *     block_rq_issue      8,0 WS 4096 () 2048 + 8 none,0,0 [dd]    priority since 6.11; perf may print 0x2,0,4
 *     block_rq_complete   8,0 WS () 2048 + 8 [-5]
 *     block_unplug        [dd] 3
 *
 * Much older kernels lack bytes and command. Before 6.x `bytes` is 0 except for passthrough, so sectors count.
 * Refused: bodies that do not read to their end.
 * Printed by torvalds/linux include/trace/events/block.h.
 */
import { ACTION, NO_DEVICE, OP, SECTOR_BYTES, makeDevice, type BlockBatch } from '@flushtrace/trace'
import { splitBytes } from './blkparse-line.ts'
import { parseRwbs, withSize } from './rwbs.ts'

interface EventKind {
  readonly action: number
  readonly shape: 'bio' | 'remap' | 'split' | 'request' | 'plug'
}

const KINDS: ReadonlyMap<string, EventKind> = new Map<string, EventKind>([
  ['block_bio_queue', { action: ACTION.queue, shape: 'bio' }],
  ['block_bio_backmerge', { action: ACTION.backMerge, shape: 'bio' }],
  ['block_bio_frontmerge', { action: ACTION.frontMerge, shape: 'bio' }],
  ['block_getrq', { action: ACTION.getRequest, shape: 'bio' }],
  ['block_sleeprq', { action: ACTION.sleep, shape: 'bio' }],
  ['block_bio_bounce', { action: ACTION.bounce, shape: 'bio' }],
  ['block_bio_complete', { action: ACTION.complete, shape: 'bio' }],
  ['block_bio_remap', { action: ACTION.remap, shape: 'remap' }],
  ['block_remap', { action: ACTION.remap, shape: 'remap' }],
  ['block_rq_remap', { action: ACTION.remap, shape: 'remap' }],
  ['block_split', { action: ACTION.split, shape: 'split' }],
  ['block_rq_insert', { action: ACTION.insert, shape: 'request' }],
  ['block_rq_issue', { action: ACTION.issue, shape: 'request' }],
  ['block_rq_merge', { action: ACTION.backMerge, shape: 'request' }],
  ['block_rq_complete', { action: ACTION.complete, shape: 'request' }],
  ['block_rq_requeue', { action: ACTION.requeue, shape: 'request' }],
  ['block_rq_abort', { action: ACTION.abort, shape: 'request' }],
  ['block_rq_error', { action: ACTION.requestError, shape: 'request' }],
  ['block_io_start', { action: ACTION.ioStart, shape: 'request' }],
  ['block_io_done', { action: ACTION.ioDone, shape: 'request' }],
  ['block_plug', { action: ACTION.plug, shape: 'plug' }],
  ['block_unplug', { action: ACTION.unplug, shape: 'plug' }],
  ['block_unplug_io', { action: ACTION.unplug, shape: 'plug' }],
  ['block_unplug_timer', { action: ACTION.unplugTimer, shape: 'plug' }],
])

const HEAD = /^(\d+),(\d+) ([A-Z]+) /
const TAIL = /^(\d+) \+ (\d+)(?: [a-z0-9]+,[\d-]+,[\d-]+)? \[(.*)\]$/s
const REMAP = /^(\d+) \+ (\d+) <- \((\d+),(\d+)\) (\d+)(?: \d+)?$/
const SPLIT = /^(\d+) \/ (\d+) \[(.*)\]$/s
const REQUEST = /^(?:(\d+) )?\(([^)]*)\) (.*)$/s
const PLUG = /^\[(.*)\](?: (\d+))?$/s

/** Whether an event of this name is one of the block layer's requests. */
export function isBlockEvent(event: string): boolean {
  return KINDS.has(event)
}

/** Adds a row to `batch`; false when the body cannot be read. `comm` of the head holds where the body has none. */
export function addBlockEvent(
  event: string,
  body: string,
  batch: BlockBatch,
  tid: number,
  comm: number,
  atNs: number,
  record: number,
): boolean {
  const kind = KINDS.get(event)
  if (!kind) return false
  if (kind.shape === 'plug') return addPlug(kind.action, body, batch, tid, comm, atNs, record)
  const head = HEAD.exec(body)
  if (!head) return false
  const letters = Buffer.from(head[3])
  const flags = parseRwbs(letters, 0, letters.length)
  if (flags < 0) return false
  const i = batch.add(kind.action, makeDevice(Number(head[1]), Number(head[2])), tid, atNs, record)
  batch.comm[i] = comm
  batch.flags[i] = flags
  if (fill(kind, body.slice(head[0].length), batch, i)) {
    batch.flags[i] = withSize(batch.flags[i], batch.bytes[i])
    return true
  }
  batch.length--
  return false
}

function fill(kind: EventKind, rest: string, batch: BlockBatch, i: number): boolean {
  switch (kind.shape) {
    case 'bio':
      return tail(rest, batch, i)
    case 'remap': {
      const match = REMAP.exec(rest)
      if (!match) return false
      range(match[1], match[2], batch, i)
      batch.fromDevice[i] = makeDevice(Number(match[3]), Number(match[4]))
      batch.fromSector[i] = Number(match[5])
      return true
    }
    case 'split': {
      const match = SPLIT.exec(rest)
      if (!match) return false
      batch.sector[i] = Number(match[1])
      batch.splitSector[i] = Number(match[2])
      batch.bytes[i] = splitBytes(batch, i)
      return true
    }
    case 'request': {
      const match = REQUEST.exec(rest)
      if (!tail(match ? match[3] : rest, batch, i)) return false
      batch.flags[i] |= OP.request
      const bytes = Number(match?.[1] ?? 0)
      // A passthrough command has a size and no sectors.
      if (bytes > 0 && batch.bytes[i] === 0) {
        batch.bytes[i] = bytes
        batch.flags[i] |= OP.passthrough
      }
      return true
    }
    case 'plug':
      return false
  }
}

/** `sector + n priority [comm or error]`. */
function tail(rest: string, batch: BlockBatch, i: number): boolean {
  const match = TAIL.exec(rest)
  if (!match) return false
  range(match[1], match[2], batch, i)
  switch (batch.action[i]) {
    case ACTION.complete:
    case ACTION.requeue:
    case ACTION.abort:
    case ACTION.requestError: {
      const error = Number(match[3])
      if (Number.isNaN(error)) return false
      // Printed as unsigned 16 bits by old kernels.
      batch.error[i] = error >= 0x8000 ? error - 0x10000 : error
      return true
    }
    default:
      if (match[3] !== '') batch.comm[i] = batch.strings.add(match[3])
      return true
  }
}

function range(sector: string, sectors: string, batch: BlockBatch, i: number): void {
  const first = Number(sector)
  batch.sector[i] = first < Number.MAX_SAFE_INTEGER ? first : -1
  batch.bytes[i] = Number(sectors) * SECTOR_BYTES
}

function addPlug(
  action: number,
  body: string,
  batch: BlockBatch,
  tid: number,
  comm: number,
  atNs: number,
  record: number,
): boolean {
  const match = PLUG.exec(body)
  if (!match) return false
  const i = batch.add(action, NO_DEVICE, tid, atNs, record)
  batch.comm[i] = match[1] === '' ? comm : batch.strings.add(match[1])
  if (action !== ACTION.plug) batch.depth[i] = Number(match[2] ?? 0)
  return true
}
