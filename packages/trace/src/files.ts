/** Files, without node:fs/promises: loading that takes Node 5 ms of a start. Errors are those of node:fs. */
import { close, open, read, statSync, type Stats } from 'node:fs'

/** A descriptor to read from. Of a pipe it is there when somebody writes to it. */
export function openFd(path: string): Promise<number> {
  return new Promise((resolve, reject) => open(path, 'r', (error, fd) => (error ? reject(error) : resolve(fd))))
}

/** Reads on; how many bytes, 0 at the end. */
export function readFd(fd: number, into: Uint8Array): Promise<number> {
  return new Promise((resolve, reject) =>
    read(fd, into, 0, into.length, null, (error, bytes) => (error ? reject(error) : resolve(bytes))),
  )
}

/** What was only read loses nothing by a failure. */
export function closeFd(fd: number): Promise<void> {
  return new Promise((resolve) => close(fd, () => resolve()))
}

/** Of what the path leads to; null: nothing that this user may see. */
export function statsOf(path: string): Stats | null {
  try {
    return statSync(path)
  } catch {
    return null
  }
}
