/** A large strace log, made by repeating a recorded one with pids and times shifted, so that nothing in it repeats. */
import { closeSync, openSync, readFileSync, writeSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'

const LINE = /^(\d+) +(\d{10})\.(\d{6}) (.*)$/s
/** Calls whose result is a pid. */
const PID_RESULT = /^((?:<\.\.\. )?(?:clone3?|fork|vfork|wait4)\b.*= )(\d+)/
/** Linux numbers tasks up to 2^22; larger ones begin again at the bottom. */
const PIDS = 3_000_000

/** Writes `target` of at least `bytes` bytes; needs a log recorded with -f -ttt. */
export function repeatLog(source: string, target: string, bytes: number): void {
  const raw = readFileSync(source)
  const text = (source.endsWith('.gz') ? gunzipSync(raw) : raw).toString('latin1')
  const lines = text.split('\n').flatMap((line) => {
    const match = LINE.exec(line)
    return match ? [{ pid: Number(match[1]), micros: Number(match[2]) * 1e6 + Number(match[3]), rest: match[4] }] : []
  })
  const pids = new Set(lines.map(({ pid }) => pid))
  const lowest = Math.min(...pids)
  const pidSpan = Math.max(...pids) - lowest + 1
  const timeSpan = lines[lines.length - 1].micros - lines[0].micros + 1000
  const file = openSync(target, 'w')
  for (let written = 0, k = 0; written < bytes; k++) {
    const shift = 1000 - lowest + ((k * pidSpan) % PIDS)
    const block = lines.map(({ pid, micros, rest }) => {
      const at = micros + k * timeSpan
      const seconds = Math.floor(at / 1e6)
      const call = rest.replace(PID_RESULT, (all, before: string, result: string) =>
        pids.has(Number(result)) ? `${before}${Number(result) + shift}` : all,
      )
      return `${String(pid + shift).padEnd(5)} ${seconds}.${String(at - seconds * 1e6).padStart(6, '0')} ${call}\n`
    })
    written += writeSync(file, Buffer.from(block.join(''), 'latin1'))
  }
  closeSync(file)
}
