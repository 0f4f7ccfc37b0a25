/** Several ordered streams of batches with one time 0 and one string table → one ordered stream. */
import { BlockBatch } from '@flushtrace/trace'
import { before } from './order.ts'

interface Head {
  batch: BlockBatch
  i: number
  readonly batches: AsyncIterator<BlockBatch>
}

/** One batch is filled again and again. Of rows at the same place in the order, the earlier stream's comes first. */
export async function* mergeBatches(streams: readonly AsyncIterable<BlockBatch>[]): AsyncGenerator<BlockBatch> {
  const heads: Head[] = []
  for (const stream of streams) {
    const batches = stream[Symbol.asyncIterator]()
    const first = await next(batches)
    if (first) heads.push({ batch: first, i: 0, batches })
  }
  if (heads.length === 0) return
  const { strings, clock, origin, wall } = heads[0].batch
  const out = new BlockBatch(strings)
  out.clock = clock
  out.origin = origin
  out.wall = wall
  while (heads.length > 0) {
    let least = 0
    for (let h = 1; h < heads.length; h++) {
      if (before(heads[h].batch, heads[h].i, heads[least].batch, heads[least].i)) least = h
    }
    const head = heads[least]
    out.setRow(out.length++, head.batch, head.i++)
    if (out.full) {
      yield out
      out.length = 0
    }
    if (head.i < head.batch.length) continue
    const following = await next(head.batches)
    if (following) {
      head.batch = following
      head.i = 0
    } else heads.splice(least, 1)
  }
  if (out.length > 0) yield out
}

async function next(batches: AsyncIterator<BlockBatch>): Promise<BlockBatch | null> {
  for (;;) {
    const { done, value } = await batches.next()
    if (done) return null
    if (value.length > 0) return value
  }
}
