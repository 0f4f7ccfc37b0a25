/**
 * Ends this process (SIGXCPU) when one case takes more CPU time than it may, in however long a time: on a busy machine a
 * case is slow, and hangs no more than elsewhere. Another thread watches, as a case that hangs listens to nobody.
 */
import { Worker } from 'node:worker_threads'

/** Plain JavaScript: it starts without the loader. CPU time is that of all threads of the process. */
const WATCH = `
const { workerData: { seconds, cases } } = require('node:worker_threads')
const used = () => { const { user, system } = process.cpuUsage(); return (user + system) / 1e6 }
let [watched, from] = [-1, 0]
setInterval(() => {
  const now = Atomics.load(cases, 0)
  if (now !== watched) [watched, from] = [now, used()]
  else if (used() - from > seconds) process.kill(process.pid, 'SIGXCPU')
}, 100)
`

/** Gives what is to be called as each case begins. */
export function limitCpu(seconds: number): () => void {
  const cases = new Int32Array(new SharedArrayBuffer(4))
  new Worker(WATCH, { eval: true, execArgv: [], workerData: { seconds, cases } }).unref()
  return () => void Atomics.add(cases, 0, 1)
}
