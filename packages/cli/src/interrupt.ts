/** Ctrl-C for work that writes files: what it has written so far goes, then the signal ends the process as ever. */
import { ENDING_SIGNALS } from './progress.ts'

export async function untilInterrupted<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const stop = new AbortController()
  let received: NodeJS.Signals | null = null
  const interrupt = (signal: NodeJS.Signals): void => {
    received = signal
    stop.abort()
  }
  for (const signal of ENDING_SIGNALS) process.on(signal, interrupt)
  try {
    return await work(stop.signal)
  } finally {
    for (const signal of ENDING_SIGNALS) process.off(signal, interrupt)
    if (received) process.kill(process.pid, received)
  }
}
