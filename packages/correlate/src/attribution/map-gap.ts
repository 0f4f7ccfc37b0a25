/**
 * Whether files went on being written between the end of the trace and a map from afterwards.
 *
 * Where a file system moves what is overwritten, blocks that were freed are given to the next file; a map shows the last
 * one, although the trace shows an earlier one's write as the last to the block. Such a map tells on itself: it has blocks
 * under a file that a map from before does not have there, and that no request of the trace wrote.
 */
import type { BlockLog } from './block-log.ts'
import { LastWriters } from './last-writers.ts'
import type { MapClaims } from './map-claims.ts'
import type { FsView, FsViews } from './views.ts'

/** Whether a map from afterwards has an extent that none from before has and of which no request wrote any part. */
export function hasGap(
  view: FsView,
  requests: Uint32Array,
  blocks: BlockLog,
  views: FsViews,
  claims: MapClaims,
): boolean {
  if (!claims.tell(view, 'before') || !claims.tell(view, 'after')) return false
  const written = new LastWriters()
  for (const request of requests) {
    const [sector, bytes] = [blocks.sector.data[request], blocks.bytes.data[request]]
    if (bytes === 0 || sector < 0) continue
    for (const piece of views.pieces(blocks.device.data[request], sector, bytes)) {
      const at = piece.address ?? piece.byte
      if (piece.view === view) written.add(0, at, at + piece.bytes, request)
    }
  }
  written.sweep(blocks.length)
  let found = false
  claims.all(view, 'after', ({ start, end, file }) => {
    if (found || claims.within(view, 'before', start, start, end - start).some((claim) => claim.file === file)) return
    let seen = false
    written.within(0, start, end, () => (seen = true))
    found = !seen
  })
  return found
}
