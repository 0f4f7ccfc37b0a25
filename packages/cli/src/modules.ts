/**
 * What `require` is in Node, for the files of one folder, with the code that V8 compiled in an earlier run: functions that
 * ran then need not be compiled again.
 */
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, isAbsolute, relative } from 'node:path'
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
  readonly #native: NodeJS.Require
  /** By its name below the folder: `chunks/a.js`. */
  readonly #loaded = new Map<string, { script: Script; module: { exports: unknown } }>()
  #hasNew = false

  /** `folder`: of CommonJS files that require each other by their paths, and else only what Node has. */
  constructor(folder: string, kept: CompiledCode) {
    this.#folder = folder
    this.#kept = kept
    this.#native = createRequire(`${folder}/`)
  }

  load(name: string): unknown {
    const known = this.#loaded.get(name)
    if (known) return known.module.exports
    const path = `${this.#folder}/${name}`
    const cachedData = this.#kept.get(name) as Buffer | undefined
    const source = readFileSync(path, 'latin1') // all ASCII, by scripts/build-cli.ts
    const script = new Script(`(function (exports, require, module, __filename, __dirname) {${source}\n})`, {
      filename: path,
      cachedData,
    })
    if (!cachedData || script.cachedDataRejected) this.#hasNew = true
    const module = { exports: {} as unknown }
    this.#loaded.set(name, { script, module })
    const run = script.runInThisContext() as Wrapped
    run(module.exports, this.#requireOf(name), module, path, dirname(path))
    return module.exports
  }

  /** Whether anything was loaded of which nothing was kept. */
  get hasNew(): boolean {
    return this.#hasNew
  }

  /** All there is now: with the functions that this run compiled, and what was kept of files that it did not need. */
  compiled(): CompiledCode {
    const code = new Map(this.#kept)
    for (const [name, { script }] of this.#loaded) code.set(name, script.createCachedData())
    return code
  }

  #requireOf(name: string): (id: string) => unknown {
    const require = (id: string): unknown => {
      if (id.startsWith('.')) return this.load(beside(name, id))
      return isAbsolute(id) ? this.load(relative(this.#folder, id)) : this.#native(id)
    }
    return Object.assign(require, { resolve: this.#native.resolve })
  }
}

/**
 * `../chunks/a.js`, required by `commands/rank.js` → `chunks/a.js`. What `node:path` does for it goes from letter to
 * letter, some hundred times in a start.
 */
function beside(name: string, id: string): string {
  const names = name.split('/').slice(0, -1)
  for (const part of id.split('/')) {
    if (part === '..') names.pop()
    else if (part !== '.') names.push(part)
  }
  return names.join('/')
}
