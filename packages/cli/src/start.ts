/** The beginning of the built program: sets up V8, and loads the rest with the code that an earlier run compiled. */
import { join } from 'node:path'
import { getHeapStatistics, setFlagsFromString } from 'node:v8'
import { codeFolder, keepCode, readCode } from './code-cache.ts'
import type * as program from './main.ts'
import { Modules } from './modules.ts'

/** Tells what the files of the program are: scripts/build.ts. */
declare const BUILD: string

/** In a longer run V8 has thrown away what it did not use lately, the beginning first: less would be kept than there was. */
const SHORT_RUN_MICROS = 3_000_000

/** How V8's heap grows. */
const HEAP = {
  // What is kept is bounded (some 15 MB), but V8 lets its heap grow as long as there is memory. Collecting earlier costs
  // no measurable time here and keeps the peak the same for a small trace and a huge one (docs/benchmarks.md).
  // A young generation of 1 MB does as well as one that grows to 16 MB: what is new here is soon garbage.
  small: ['--optimize-for-size', '--heap-growing-percent=0', '--semi-space-growth-factor=1'],
  // Where an answer keeps much, every collection goes over all of it: then one comes when half as much again is there, not a
  // tenth, and 400,000 processes take 8 s of processor time instead of 20.
  large: ['--no-optimize-for-size', '--heap-growing-percent=50', '--semi-space-growth-factor=2'],
  // process.exit() waits for the threads that compile (nodejs/node#54918), and these, where the heap is full, for the thread
  // that no longer collects: for ever. V8 lets it grow instead where it need not be small and incremental marking could
  // begin (Heap::ShouldExpandOldGenerationOnSlowAllocation), which in a heap below 8 MB takes the second flag.
  ending: ['--no-optimize-for-size', '--stress-incremental-marking'],
}
const LARGE_BYTES = 64 << 20

/** `root` is the folder of the package. */
export async function start(root: string): Promise<void> {
  // What of Node belongs to them, it has compiled: V8 takes that with the flags alone that Node was built with.
  void [process.stdout, process.stderr]
  // A function that V8 optimizes takes in those it calls (up to 920 bytes of bytecode), which are optimized in the next one
  // and on their own again: a tenth of a short run's time, and a long one has no gain of it (docs/benchmarks.md).
  setFlagsFromString('--max-inlined-bytecode-size-cumulative=200')
  boundHeap()
  const folder = codeFolder(process.env)
  const modules = new Modules(join(root, 'dist'), folder ? readCode(folder, BUILD) : new Map())
  process.once('exit', () => {
    const { user, system } = process.cpuUsage()
    if (folder && modules.hasNew && user + system <= SHORT_RUN_MICROS) {
      setFlags(HEAP.small) // as when the next run loads it: V8 takes no code that was made with other flags
      keepCode(folder, BUILD, modules.compiled())
    }
    setFlags(HEAP.ending)
  })
  const { main } = modules.load('main.js') as typeof program
  await main(root)
}

function boundHeap(): void {
  setFlags(HEAP.small)
  const growing = setInterval(() => {
    const isLarge = getHeapStatistics().used_heap_size > LARGE_BYTES
    if (isLarge) clearInterval(growing)
    // Again and again: V8 looks at the factor whenever the young generation may grow, and the heap of a new thread makes 2 of 1.
    setFlags(isLarge ? HEAP.large : HEAP.small)
  }, 100).unref()
}

function setFlags(flags: readonly string[]): void {
  for (const flag of flags) setFlagsFromString(flag)
}
