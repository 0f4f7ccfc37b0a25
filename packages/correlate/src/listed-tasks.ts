/**
 * A list of all tasks that are there at one moment, as a capture of sysdig begins with, and each further section of it, and
 * each further capture: days may lie between them.
 *
 * 1. What is listed is there: whatever comes next of this id is of that task, with these descriptors.
 * 2. What is not listed is gone, where the list is whole and nothing else is read beside it; after a while nobody knows.
 * 3. The number may have been given to another task since. It was, where a task has now what none can change:
 *    - another process: a thread stays in the one it was made in;
 *    - another number in its own namespace, which setns(2) does not change either (pid_namespaces(7));
 *    - a session that is not its own: setsid(2) makes a task the leader of a new one, and that is all;
 *    - a machine that was started again.
 *    Of other containers nobody knows a way from one into the other either.
 * 4. Another program may be an execve that was not seen, or another process: the one must not go by the other's name, so
 *    it is taken for another. The file it runs is the program; where that is not told, its words are, but not the first,
 *    which many change to say what they do, unless its name (comm) is another, too. The name alone says nothing:
 *    prctl(PR_SET_NAME) sets it.
 * Descriptors that a known process got or lost unseen say that its mappings may have changed, too.
 */
import type { ListedTask, TaskList } from '@flushtrace/trace'
import { APART_NS, loseSight } from './lost-sight.ts'
import { dropTask } from './process-tracker.ts'
import type { Task, TracedProcess } from './processes.ts'
import { relistFds } from './saved-task.ts'
import type { World } from './world.ts'

/** Of a command line of 4,096 bytes the end may be missing. */
const LONG = 4000
/** What the time of the machine's start may differ by: clocks are set. */
const BOOT_SECONDS = 10

/** `alone`: no other source is under way. `rebooted`: by lists, the machine was started again since the one before. */
export function applyList(
  world: World,
  { tasks, whole, sinceNs }: TaskList,
  source: number,
  { alone, rebooted }: { readonly alone: boolean; readonly rebooted: boolean },
): void {
  // Sections may be joined in any order.
  const apart = alone && Math.abs(sinceNs) > APART_NS
  const path = world.sourcePaths[source]
  const verdicts = new Map<TracedProcess, boolean>()
  const isAll = (whole && alone) || rebooted || apart
  for (const tid of isAll ? world.tasks.keys() : tasks.keys()) {
    const task = world.tasks.get(tid)
    const now = tasks.get(tid)
    if (task && (rebooted || !now || !isStill(task, now, tasks, verdicts))) dropTask(world, tid)
  }
  if (isAll) for (const [tid, { listed }] of world.saved) if (listed && !tasks.has(tid)) world.saved.delete(tid)
  if (apart) loseSight(world)
  for (const [tid, now] of tasks) {
    const task = world.tasks.get(tid)
    const saved = world.saved.get(tid)
    if (task) refresh(world, task, now, source)
    // What was saved of /proc tells of mappings, too.
    else if (!saved || saved.listed) world.saved.set(tid, { ...now, fdsIn: path, listed: now })
  }
}

/** The machine was started between two lists. */
export function isReboot(before: number | null, now: number | null): boolean {
  return before !== null && now !== null && Math.abs(now - before) > BOOT_SECONDS
}

function isStill(
  { process }: Task,
  now: ListedTask,
  tasks: TaskList['tasks'],
  verdicts: Map<TracedProcess, boolean>,
): boolean {
  if (now.tgid !== process.pid) return false
  let still = verdicts.get(process)
  if (still === undefined) verdicts.set(process, (still = isSame(process, tasks.get(now.tgid) ?? now)))
  return still
}

/** By rules 3 and 4. */
function isSame({ name, argv, argvCut, listed }: TracedProcess, now: ListedTask): boolean {
  if (listed) {
    if (differ(listed.vtid, now.vtid) || differ(listed.container, now.container)) return false
    if (differ(listed.sid, now.sid) && now.sid !== now.pid && now.sid !== now.vtid) return false
    if (differ(fileOf(listed.exe), fileOf(now.exe))) return false
  }
  const { cmdline, comm } = now
  if (!argv || !cmdline) return true
  if (argv[0] !== cmdline[0]) return (listed?.exe ?? null) !== null || name === comm
  const cut = argvCut || isLong(argv) || isLong(cmdline)
  const words = cut ? Math.min(argv.length, cmdline.length) - 1 : Math.max(argv.length, cmdline.length)
  for (let k = 1; k < words; k++) if (argv[k] !== cmdline[k]) return false
  return true
}

function isLong(words: readonly string[]): boolean {
  return words.reduce((sum, word) => sum + word.length + 1, 0) >= LONG
}

function differ<T>(before: T | null, now: T | null): boolean {
  return before !== null && now !== null && before !== now
}

/** The kernel says of a program that was replaced since it was started that it is deleted. */
function fileOf(exe: string | null): string | null {
  return exe?.replace(/ \(deleted\)$/, '') ?? null
}

function refresh(world: World, task: Task, now: ListedTask, source: number): void {
  const { process } = task
  task.container = now.container
  task.name = now.comm ?? task.name
  if (now.tgid !== now.pid) return
  process.listed = now
  process.name = now.comm ?? process.name
  process.argv = now.cmdline ?? process.argv
  if (now.cwd !== null) task.directories.cwd = world.files.resolve(now.cwd, world.files.root)
  if (now.fds && !relistFds(world, task.fds, now.fds, source, world.sourcePaths[source])) task.space.complete = false
}
