/** Milliseconds since some moment. What `performance` belongs to takes Node 3 ms of a start to load. */
export function nowMs(): number {
  const [seconds, ns] = process.hrtime()
  return seconds * 1e3 + ns / 1e6
}
