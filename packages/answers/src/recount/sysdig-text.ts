/**
 * Flushes of sysdig's text or JSON, counted a second time: enters and exits by task and call. No code of the reader.
 *
 *     2182 15:41:38.416541555 1 etcd (5721) > fsync
 *     {"evt.dir":">","evt.type":"fsync","thread.tid":5721, …}
 */
import type { Source } from '@flushtrace/trace'
import { cellOf, type Cells } from './cells.ts'
import { plainLines } from './lines.ts'

const CALL = /^(?:fsync|fdatasync|msync|sync|syncfs)$/
/** The first ` (tid) > ` ends the name. */
const EVENT = /^\d+ \S+ \d+ [^]*? \((?:(?:\d+|<NA>)\.)?(\d+)(?::(?:-?\d+|<NA>))?\) ([<>]) (\S+)/
/** These calls have no parameters; a later release may give them some. What else follows is another line. */
const REST = /^(?: [\w.]+=(?:(?!\) [<>] \w)[^])*)?$/
/** Beyond it no task has a number. */
const MOST_TASKS = 4194304

interface Event {
  /** -1: not told; 0: the idle loop, which calls nothing. */
  readonly tid: number
  readonly direction: string
  readonly call: string
}

/** `directed`: every event told whether it was an enter or an exit. */
export async function recountSysdigText(source: Source): Promise<{ cells: Cells; directed: boolean }> {
  const begun = new Map<string, number>()
  const ended = new Map<string, number>()
  let directed = true
  for await (const line of plainLines(source)) {
    for (const { tid, direction, call } of /^[[,{]/.test(line.trimStart()) ? ofJson(line) : ofText(line)) {
      if (!CALL.test(call) || tid === 0 || !(tid <= MOST_TASKS)) continue
      if (direction === '') directed = false
      const counts = direction === '<' ? ended : begun
      const key = `${tid} ${call}`
      counts.set(key, (counts.get(key) ?? 0) + 1)
    }
  }
  const cells: Cells = new Map()
  for (const key of new Set([...begun.keys(), ...ended.keys()])) {
    const [tid, call] = key.split(' ')
    const cell = cellOf(cells, tid, call)
    // Where exits were lost a call may count by its enter; one that never ended does not.
    cell.least = ended.get(key) ?? 0
    cell.most = Math.max(cell.least, begun.get(key) ?? 0)
  }
  return { cells, directed }
}

function ofText(line: string): Event[] {
  const match = EVENT.exec(line)
  if (!match || !REST.test(line.slice(match[0].length))) return []
  return [{ tid: Number(match[1]), direction: match[2], call: match[3] }]
}

/** An object, or several: an array may go over lines, or stand on one. */
function ofJson(line: string): Event[] {
  let items: unknown
  try {
    items = JSON.parse(
      `[${line
        .trim()
        .replace(/^[[,\s]+/, '')
        .replace(/(?<![\],\s])[\],\s]+$/, '')}]`,
    )
  } catch {
    return []
  }
  const events = (items as (Record<string, string | number | null> | null)[]).map((item) => ({
    tid: Number(item?.['thread.tid'] ?? -1),
    direction: String(item?.['evt.dir'] ?? ''),
    call: String(item?.['evt.type'] ?? item?.['syscall.type'] ?? ''),
  }))
  // One that is no event: the line is damaged.
  return events.some(({ call }) => call === '') ? [] : events
}
