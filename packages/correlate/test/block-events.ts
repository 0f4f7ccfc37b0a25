/** Block events by hand: what the tests of requests share. */
import { ACTION, BlockBatch, OP, StringTable, makeDevice } from '@flushtrace/trace'

const DISK = makeDevice(7, 0)

const ACTIONS: Record<string, number> = {
  Q: ACTION.queue,
  G: ACTION.getRequest,
  I: ACTION.insert,
  D: ACTION.issue,
  C: ACTION.complete,
  M: ACTION.backMerge,
  F: ACTION.frontMerge,
  R: ACTION.requeue,
  X: ACTION.split,
  A: ACTION.remap,
}

const LETTERS: [RegExp, number][] = [
  [/^F/, OP.flush],
  [/^F?W/, OP.write],
  [/^F?R/, OP.read],
  [/^D/, OP.discard],
  [/^Z/, OP.writeZeroes],
  [/^O/, OP.zoneReset],
  [/[WN]F/, OP.fua],
  [/S/, OP.sync],
  [/M/, OP.meta],
]

export interface Event {
  device?: number
  tid?: number
  comm?: string
  error?: number
  from?: [device: number, sector: number]
}

/** `at('Q WS 8+8', 100)`: action, letters, range in sectors; X has `start/second`. */
export class Story {
  readonly batch = new BlockBatch(new StringTable(), 4096)

  at(text: string, ns: number, { device = DISK, tid = 1, comm, error = 0, from }: Event = {}): this {
    const match = /^([A-Z]) (\w+)(?: (\d+)(?:\+(\d+)|\/(\d+))?)?$/.exec(text)
    if (!match) throw new Error(text)
    const [, action, letters, start, sectors, second] = match
    const i = this.batch.add(ACTIONS[action], device, tid, ns, this.batch.length + 1)
    this.batch.flags[i] = LETTERS.reduce((flags, [pattern, bit]) => (pattern.test(letters) ? flags | bit : flags), 0)
    this.batch.sector[i] = start === undefined ? -1 : Number(start)
    this.batch.bytes[i] = Number(sectors ?? 0) * 512
    this.batch.error[i] = error
    if (comm !== undefined) this.batch.comm[i] = this.batch.strings.add(comm)
    if (second !== undefined) this.batch.splitSector[i] = Number(second)
    if (from) {
      this.batch.fromDevice[i] = from[0]
      this.batch.fromSector[i] = from[1]
    }
    return this
  }
}
