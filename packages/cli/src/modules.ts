/**
 * What `require` is in Node, for the files of one folder, with the code that V8 compiled in an earlier run: functions that
 * ran then need not be compiled again.
 */
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, isAbsolute, relative, resolve } from 'node:path'
import { Script } from 'node:vm'
import type { CompiledCode } from './code-cache.ts'

type Wrapped = (
  exports: unknown,
  require: (id: string) => unknown,
  module: { exports: unknown },
  filename: string,
  dirname: string,
) => void

export class Modules {
  readonly #folder: string
  readonly #kept: CompiledCode
  readonly #loaded = new Map<string, { script: Script; module: { exports: unknown } }>()
  #hasNew = false

  /** `folder`: of CommonJS files that require each other by their paths, and else only what Node has. */
  constructor(folder: string, kept: CompiledCode) {
    this.#folder = folder
    this.#kept = kept
  }

  load(file: string): unknown {
    const path = resolve(this.#folder, file)
    const known = this.#loaded.get(path)
    if (known) return known.module.exports
    const cachedData = this.#kept.get(relative(this.#folder, path)) as Buffer | undefined
    const source = readFileSync(path, 'utf8')
    const script = new Script(`(function (exports, require, module, __filename, __dirname) {${source}\n})`, {
      filename: path,
      cachedData,
    })
    if (!cachedData || script.cachedDataRejected) this.#hasNew = true
    const module = { exports: {} as unknown }
    this.#loaded.set(path, { script, module })
    const run = script.runInThisContext() as Wrapped
    run(module.exports, this.#requireOf(path), module, path, dirname(path))
    return module.exports
  }

  /** Whether anything was loaded of which nothing was kept. */
  get hasNew(): boolean {
    return this.#hasNew
  }

  /** All there is now: with the functions that this run compiled, and what was kept of files that it did not need. */
  compiled(): CompiledCode {
    const code = new Map(this.#kept)
    for (const [path, { script }] of this.#loaded) code.set(relative(this.#folder, path), script.createCachedData())
    return code
  }

  #requireOf(path: string): (id: string) => unknown {
    const native = createRequire(path)
    const require = (id: string): unknown =>
      id.startsWith('.') || isAbsolute(id) ? this.load(resolve(dirname(path), id)) : native(id)
    return Object.assign(require, { resolve: native.resolve })
  }
}
