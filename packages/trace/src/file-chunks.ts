/**
 * A plain file in large pieces. Copying one from the page cache takes less time than having another thread do it; what does
 * not lie there is read by another thread, while the pieces before it are parsed.
 */
import { readSync } from 'node:fs'
import { TraceError } from './errors.ts'
import { closeFd, openFd, readFd } from './files.ts'
import { nowMs } from './now-ms.ts'
import { reason, type Progress } from './stream.ts'

/** Two buffers of this size alternate: the next piece may be read while the last one is parsed. */
export const CHUNK_BYTES = 1 << 20
/** Of a folder of a thousand small files none asks for a MiB. */
const LEAST_CHUNK_BYTES = 1 << 12

/** What a piece of a file takes at the most. */
export function roomFor(fileBytes: number): number {
  return Math.min(CHUNK_BYTES, Math.max(LEAST_CHUNK_BYTES, fileBytes))
}

/** What is not read at 1 GB/s does not lie in the page cache: the next pieces are read while the ones before are parsed. */
const CACHED_MS = 1
/** One slow piece may be another program's turn, or memory that is touched for the first time. */
const SLOW_PIECES = 2
const PIECES_AHEAD = 64
/** So often what waits for the event loop has its turn. */
const PIECES_A_TURN = 16

/**
 * The bytes of a plain file. `size`: of the file when it was opened; `onEnd` is told where it ends now. `buffers` take turns:
 * of n, the one behind a piece may be written to already, so a piece is valid until the (n - 1)th after it is asked for.
 */
export async function* fileChunks(
  path: string,
  size: number,
  progress: Progress,
  onEnd: (end: number) => void,
  buffers: readonly Buffer[] = [Buffer.allocUnsafe(roomFor(size)), Buffer.allocUnsafe(roomFor(size))],
): AsyncGenerator<Uint8Array> {
  const unreadable = (error: NodeJS.ErrnoException): never => {
    throw new TraceError('source/unreadable', `${path}: ${reason(error)}`, { path })
  }
  const file = await openFd(path).catch(unreadable)
  let ahead: Promise<number> | null = null
  try {
    let done = 0
    let piecesAhead = 0
    let slowPieces = 0
    for (let piece = 0; ; piece++) {
      const buffer = buffers[piece % buffers.length]
      let bytesRead: number
      if (ahead) bytesRead = await ahead.catch(unreadable)
      else {
        const startMs = nowMs()
        bytesRead = readNow(file, buffer, unreadable)
        slowPieces = nowMs() - startMs > CACHED_MS ? slowPieces + 1 : 0
        if (slowPieces >= SLOW_PIECES) piecesAhead = PIECES_AHEAD
      }
      if (bytesRead === 0) {
        onEnd(done)
        return
      }
      done += bytesRead
      ahead = piecesAhead-- > 0 ? readFd(file, buffers[(piece + 1) % buffers.length]) : null
      if (!ahead && piece % PIECES_A_TURN === PIECES_A_TURN - 1) await nextTurn()
      // A consumer that stops early leaves this read behind: its error, if any, is nobody's.
      ahead?.catch(() => {})
      progress.read(bytesRead)
      yield buffer.subarray(0, bytesRead)
    }
  } finally {
    // Of a consumer that stops early: after a close the number may be another file's, which this read would move on.
    await ahead?.catch(() => {})
    await closeFd(file)
  }
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}

function readNow(fd: number, buffer: Buffer, unreadable: (error: NodeJS.ErrnoException) => never): number {
  try {
    return readSync(fd, buffer, 0, buffer.length, null)
  } catch (error) {
    return unreadable(error as NodeJS.ErrnoException)
  }
}
