/** blkparse's action letters ↔ actions. */
import { ACTION, ACTION_LETTERS } from '@flushtrace/trace'

const BY_LETTERS: ReadonlyMap<string, number> = new Map(
  ACTION_LETTERS.slice(ACTION.queue, ACTION.zoneUnplug + 1).map((letters, k) => [letters, k + ACTION.queue]),
)

/** -1 for letters that are none. */
export function actionOf(letters: string): number {
  return BY_LETTERS.get(letters) ?? -1
}

/** The same of one or two bytes. */
export function actionOfBytes(first: number, second: number): number {
  if (second === 0) {
    switch (first) {
      case 0x51:
        return ACTION.queue
      case 0x4d:
        return ACTION.backMerge
      case 0x46:
        return ACTION.frontMerge
      case 0x47:
        return ACTION.getRequest
      case 0x53:
        return ACTION.sleep
      case 0x52:
        return ACTION.requeue
      case 0x44:
        return ACTION.issue
      case 0x43:
        return ACTION.complete
      case 0x50:
        return ACTION.plug
      case 0x55:
        return ACTION.unplug
      case 0x49:
        return ACTION.insert
      case 0x58:
        return ACTION.split
      case 0x42:
        return ACTION.bounce
      case 0x41:
        return ACTION.remap
      default:
        return -1
    }
  }
  if (first === 0x55 && second === 0x54) return ACTION.unplugTimer
  if (first === 0x5a && second === 0x50) return ACTION.zonePlug
  if (first === 0x5a && second === 0x55) return ACTION.zoneUnplug
  return -1
}

/** The long names of ftrace's blk tracer (kernel/trace/blktrace.c, what2act). */
const LONG_NAMES: ReadonlyMap<string, number> = new Map<string, number>([
  ['queue', ACTION.queue],
  ['backmerge', ACTION.backMerge],
  ['frontmerge', ACTION.frontMerge],
  ['getrq', ACTION.getRequest],
  ['sleeprq', ACTION.sleep],
  ['requeue', ACTION.requeue],
  ['issue', ACTION.issue],
  ['complete', ACTION.complete],
  ['plug', ACTION.plug],
  ['unplug_io', ACTION.unplug],
  ['unplug_timer', ACTION.unplugTimer],
  ['insert', ACTION.insert],
  ['split', ACTION.split],
  ['bounce', ACTION.bounce],
  ['remap', ACTION.remap],
  ['message', ACTION.note],
])

/** `queue`, `complete` …; -1: no such name. */
export function actionOfLongName(name: string): number {
  return LONG_NAMES.get(name) ?? -1
}
