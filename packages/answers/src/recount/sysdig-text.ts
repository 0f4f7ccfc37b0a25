/**
 * Flushes of sysdig's text or JSON, counted a second time: enters and exits by task and call. No code of the reader.
 *
 *     2182 15:41:38.416541555 1 etcd (5721) > fsync
 *     {"evt.dir":">","evt.type":"fsync","thread.tid":5721, …}
 */
import type { Source } from '@flushtrace/trace'
import { cellOf, type Cells } from './cells.ts'
import { plainLines } from './lines.ts'

const CALLS = '(fsync|fdatasync|msync|sync|syncfs)'
const EVENT = new RegExp(String.raw`^\d+ \S+ \d+ .*? \((?:\d+\.)?(\d+)(?::\S+)?\) ([<>]) ${CALLS}(?: |$)`)
const OF_JSON = {
  tid: /"thread\.tid":(\d+)/,
  direction: /"evt\.dir":"([<>])"/,
  call: new RegExp(`"evt\\.type":"${CALLS}"`),
}

export async function recountSysdigText(source: Source): Promise<Cells> {
  const begun = new Map<string, number>()
  const ended = new Map<string, number>()
  for await (const line of plainLines(source)) {
    const json = /^[[,]?\{/.test(line)
    const [tid, direction, call] = json
      ? Object.values(OF_JSON).map((pattern) => pattern.exec(line)?.[1])
      : (EVENT.exec(line) ?? []).slice(1)
    if (!tid || !direction || !call || tid === '0') continue
    const counts = direction === '>' ? begun : ended
    counts.set(`${tid} ${call}`, (counts.get(`${tid} ${call}`) ?? 0) + 1)
  }
  const cells: Cells = new Map()
  for (const key of new Set([...begun.keys(), ...ended.keys()])) {
    const [tid, call] = key.split(' ')
    const cell = cellOf(cells, tid, call)
    // Where exits were lost a call may count by its enter; one that never ended does not.
    cell.least = ended.get(key) ?? 0
    cell.most = Math.max(cell.least, begun.get(key) ?? 0)
  }
  return cells
}
