import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { CallBatch, StringTable, callIndex, type CallRole } from '@flushtrace/trace'
import { describe, FdTable, type Description } from '../src/descriptors.ts'
import { FileNames, FileTree } from '../src/files.ts'
import { FlushInference } from '../src/inference.ts'
import { AddressSpace } from '../src/mappings.ts'
import type { Task } from '../src/processes.ts'
import type { Row, World } from '../src/world.ts'

const inference = suite('the file behind a flush that shows none')

const F_SETLKW = 7

/** What one task does, call by call. */
class Story {
  readonly #world = { files: new FileTree(), names: new FileNames(), order: 'time' } as unknown as World
  readonly #inference = new FlushInference(this.#world)
  readonly #fds = new FdTable(true)
  readonly #space = new AddressSpace(true)
  readonly #tasks = new Map<number, Task>()
  #record = 0

  open(fd: number, path: string, tid = 1): this {
    const node = this.#world.files.resolve(path, this.#world.files.root)
    const origin = { rule: 'open', source: 0, record: ++this.#record } as const
    this.#fds.set(fd, describe(this.#world.files.fileAt(node), '', 'none', origin, node), false)
    return this.#call('openat', 'open', -1, fd, tid)
  }

  close(fd: number): this {
    this.#fds.close(fd)
    return this
  }

  write(fd: number, tid = 1): this {
    return this.#call('write', 'write', fd, 10, tid)
  }

  lock(fd: number): this {
    return this.#call('fcntl', 'fcntl', fd, 0, 1, F_SETLKW)
  }

  map(fd: number, start: number, writable = true): this {
    const { file, node } = this.#fds.get(fd) as Description
    const origin = { rule: 'made', source: 0, record: ++this.#record } as const
    if (file) this.#space.map({ start, end: start + 4096, file, node, fileOffset: 0, writable, origin })
    return this
  }

  /** `rule confidence path…` of an fsync. */
  fsync(tid = 1): string {
    return show(this.#inference.flushed(this.#task(tid)))
  }

  msync(): string {
    return show(this.#inference.synced(this.#task(1)))
  }

  #task(tid: number): Task {
    let task = this.#tasks.get(tid)
    if (!task) {
      task = { tid, fds: this.#fds, space: this.#space, process: {} } as unknown as Task
      this.#tasks.set(tid, task)
    }
    return task
  }

  #call(name: string, role: CallRole, fd: number, result: number, tid: number, flags = 0): this {
    const batch = new CallBatch(new StringTable(), [], 1)
    const i = batch.add(0, callIndex(name), tid, 0, ++this.#record)
    batch.fd[i] = fd
    batch.result[i] = result
    batch.flags[i] = flags
    const row = { batch, i, source: 0, role, task: this.#task(tid), inFlight: { description: this.#fds.get(fd) } }
    this.#inference.exit(row as unknown as Row)
    return this
  }
}

function show(targets: ReturnType<FlushInference['flushed']>): string {
  if (targets.length === 0) return 'nothing'
  return [targets[0].rule, targets[0].confidence, ...targets.map(({ name }) => name.path)].join(' ')
}

inference('a file or directory opened just before', () => {
  const story = new Story().open(3, '/db').write(3).open(4, '/dir')
  assert.is(story.fsync(), 'just-opened inferred /dir')
  // The directory is done: what was written is still to come.
  assert.is(story.close(4).fsync(), 'only-written inferred /db')
})

inference('what was written just before, whatever else is unflushed', () => {
  const story = new Story().open(3, '/db').open(4, '/log').write(3).write(4)
  assert.is(story.fsync(), 'just-written inferred /log')
  assert.is(story.fsync(), 'only-written ambiguous /db /log')
})

inference('another thread’s writes: one file, or several', () => {
  const story = new Story().open(3, '/a').open(4, '/b').write(3, 2)
  assert.is(story.fsync(9), 'only-written inferred /a')
  story.write(3, 2).write(4, 2)
  assert.is(story.fsync(9), 'last-written ambiguous /b /a')
})

inference('a file that was closed can’t be flushed by its number', () => {
  const story = new Story().open(3, '/a').open(4, '/b').write(4, 2).write(3).close(3)
  assert.is(story.fsync(), 'only-written inferred /b')
  // The number was given away: another file.
  const reused = new Story().open(3, '/a').write(3).close(3).open(3, '/c')
  assert.is(reused.fsync(), 'just-opened inferred /c')
})

inference('stores into mappings are not seen: locks tell', () => {
  const story = new Story().open(3, '/x.tdb').lock(3)
  assert.is(story.fsync(), 'last-locked inferred /x.tdb')
  story.open(4, '/y.tdb').lock(4).lock(3)
  assert.is(story.fsync(), 'last-locked ambiguous /x.tdb /y.tdb')
})

inference('flushed again, with nothing in between', () => {
  const story = new Story().open(3, '/a').write(3)
  assert.is(story.fsync(), 'just-written inferred /a')
  assert.is(story.fsync(), 'flushed-again inferred /a')
})

inference('standard output and error are logs, unless nothing else was written', () => {
  const story = new Story().open(2, '/var/log/x').open(3, '/db').write(3).write(2)
  assert.is(story.fsync(), 'just-written inferred /db')
  assert.is(new Story().open(1, '/copy', 2).write(1, 2).fsync(), 'only-written inferred /copy')
})

inference('devices and pipes are no files; nothing known is nothing said', () => {
  const story = new Story().open(3, '/dev/null').write(3)
  assert.is(story.fsync(), 'nothing')
  assert.is(story.msync(), 'nothing')
})

inference('msync: the one mapping; the file flushed with it; the one locked; the newest', () => {
  const story = new Story().open(3, '/a').map(3, 0x10000)
  assert.is(story.msync(), 'only-mapped inferred /a')
  story.open(4, '/b').map(4, 0x20000).map(3, 0x30000, false).write(3)
  assert.is(story.msync(), 'last-mapped ambiguous /b /a')
  story.lock(3)
  assert.is(story.msync(), 'last-locked ambiguous /a /b')
  story.write(4).fsync()
  assert.is(story.msync(), 'flushed-with ambiguous /b /a')
})

inference('of more candidates than eight the others are not named', () => {
  const story = new Story()
  for (let k = 0; k < 12; k++) story.open(3 + k, `/${k}`).map(3 + k, 0x10000 * (k + 1))
  assert.is(story.msync().split(' ').length, 2 + 8)
})

inference.run()
