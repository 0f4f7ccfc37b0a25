/**
 * Colour codes (`ESC [ … m`) of strace 7.0 --color, or of a terminal recorded with script(1): removed before a line is
 * read. strace itself escapes ESC in everything it prints of others, so a raw one is never data.
 */
const ESC = 0x1b

/** Whether bytes [start, end) may hold a colour code. */
export function hasEscape(buf: Uint8Array, start: number, end: number): boolean {
  return buf.subarray(start, end).includes(ESC)
}

/** A copy of bytes [start, end) without colour codes. */
export function stripColour(buf: Uint8Array, start: number, end: number): Buffer {
  const out = Buffer.allocUnsafe(end - start)
  let n = 0
  for (let p = start; p < end; p++) {
    if (buf[p] === ESC && buf[p + 1] === 0x5b) {
      let q = p + 2
      while (q < end && ((buf[q] >= 0x30 && buf[q] <= 0x39) || buf[q] === 0x3b)) q++
      if (buf[q] === 0x6d) {
        p = q
        continue
      }
    }
    out[n++] = buf[p]
  }
  return out.subarray(0, n)
}
