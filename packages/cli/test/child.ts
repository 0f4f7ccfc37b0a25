/** The end of a process that a test has started: one that hangs is killed, and the test fails with what is known of it. */
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync, readlinkSync } from 'node:fs'

/** On a busy machine the slowest takes some 15 s. */
const LIMIT_MS = 60_000

export interface Ended {
  code: number | null
  signal: string | null
  out: string
  err: string
}

/** How it ended, and all it printed. */
export async function ended(child: ChildProcess, limitMs = LIMIT_MS): Promise<Ended> {
  let [out, err] = ['', '']
  child.stdout?.setEncoding('utf8').on('data', (piece: string) => (out += piece))
  child.stderr?.setEncoding('utf8').on('data', (piece: string) => (err += piece))
  let hung: string | null = null
  const limit = setTimeout(() => {
    const gone = child.exitCode !== null || child.signalCode !== null
    const pids = gone ? [] : family(child.pid!)
    hung = gone ? 'it is gone, but others hold its output open' : pids.map(described).join('\n')
    for (const pid of pids) kill(pid)
    for (const stream of [child.stdout, child.stderr]) stream?.destroy()
  }, limitMs)
  const [code, signal] = (await once(child, 'close')) as [number | null, string | null]
  clearTimeout(limit)
  if (hung === null) return { code, signal, out, err }
  const printed = `it had printed ${JSON.stringify(out.slice(-500))}, and on stderr ${JSON.stringify(err.slice(-500))}`
  const told = `\`${child.spawnargs.join(' ')}\` had not ended after ${limitMs / 1000} s: ${printed}`
  throw Object.assign(new Error(told), { details: hung }) // uvu prints them
}

/** A process and all below it. */
function family(pid: number): number[] {
  const children = tasks(pid).flatMap((task) => (read(`${task}/children`) ?? '').split(' ').filter(Boolean))
  return [pid, ...children.flatMap((child) => family(Number(child)))]
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch {
    // It has ended meanwhile.
  }
}

/** What it waits for: each thread's state, system call, and place in the kernel; then its open files. */
function described(pid: number): string {
  const threads = tasks(pid).map((task) => {
    const state = /^State:\s*(.*)/m.exec(read(`${task}/status`) ?? '')?.[1]
    const stack = read(`${task}/stack`)?.replaceAll(/\s*\n\s*/g, ', ')
    return `${read(`${task}/comm`)}: ${state}, in ${read(`${task}/wchan`)}, call ${read(`${task}/syscall`)}, stack ${stack}`
  })
  return [`process ${pid}: ${read(`/proc/${pid}/cmdline`)}`, ...threads, ...files(pid)].join('\n')
}

function tasks(pid: number): string[] {
  return entries(`/proc/${pid}/task`)
}

function files(pid: number): string[] {
  return entries(`/proc/${pid}/fd`).map((path) => {
    try {
      return `${path} ${readlinkSync(path)}`
    } catch {
      return path
    }
  })
}

/** None where the process is gone, or where there is no /proc. */
function entries(folder: string): string[] {
  try {
    return readdirSync(folder).map((name) => `${folder}/${name}`)
  } catch {
    return []
  }
}

function read(path: string): string | null {
  try {
    return readFileSync(path, 'utf8').replaceAll('\0', ' ').trim()
  } catch {
    return null
  }
}
