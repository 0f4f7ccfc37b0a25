/** The command line as it is shipped: built into packages/cli by build.ts, and elsewhere for the tests that start it. */
import { createHash } from 'node:crypto'
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Plugin } from '@oclif/core/config'
import { build, transform, type Metafile, type OutputFile, type Plugin as BuildPlugin } from 'esbuild'

const root = fileURLToPath(new URL('..', import.meta.url))

/**
 * oclif requires all of itself, and whatever it may ever need, before it runs. What TypeScript made of its imports shows
 * where each is used, so that it can be required there, the first time.
 */
const lazyOclif: BuildPlugin = {
  name: 'lazy-oclif',
  setup: (bundle) =>
    bundle.onLoad({ filter: /@oclif\/core\/lib\/.*\.js$/ }, ({ path }) => ({
      contents: lazily(quickly(readFileSync(path, 'utf8'))),
    })),
}

/**
 * Without what costs a tenth of a start: sorting by the rules of a language, a search for Windows below Linux, what
 * writes DEBUG's messages where nobody asks for them, and node:fs/promises for two small files.
 */
function quickly(source: string): string {
  return source
    .replace('a.id.localeCompare(b.id)', 'a.id < b.id ? -1 : 1')
    .replace('(0, debug_1.default)(namespace)', 'process.env.DEBUG ? (0, debug_1.default)(namespace) : () => {}')
    .replace('await (0, promises_1.readFile)(path, ', '(0, node_fs_1.readFileSync)(path, ')
    .replace("(await import('wsl-utils')).isWsl", "/microsoft/i.test(require('node:os').release())")
}

/** `const a_1 = require("a")` … `a_1.b` → `const lazy = { get a_1() {…} }` … `lazy.a_1.b`, which is loaded once. */
function lazily(source: string): string {
  const getters: string[] = []
  const names: string[] = []
  const text = source.replace(/^const (\w+_\d+) = (.*\brequire\(".*"\).*);$/gm, (_, name: string, value: string) => {
    names.push(name)
    getters.push(`get ${name}() { return Object.defineProperty(this, '${name}', { value: ${value} }).${name} }`)
    return ''
  })
  const body = names.reduce((all, name) => all.replaceAll(new RegExp(`\\b${name}\\b`, 'g'), `lazy.${name}`), text)
  return `const lazy = { ${getters.join(', ')} };\n${body}`
}

/**
 * An index.ts is a list of exports. For esbuild whoever imports one name of it reaches every file of the package, so that
 * all of them are loaded for any command: here each name is imported from the file that has it.
 */
const pastIndexes: BuildPlugin = {
  name: 'past-indexes',
  setup: (bundle) =>
    bundle.onLoad({ filter: /packages\/\w+\/src\/.*\.ts$/ }, ({ path }) => ({
      contents: readFileSync(path, 'utf8')
        .replace(/^import \{([^}]*)\} from '@flushtrace\/(\w+)'$/gm, (_, names: string, name: string) =>
          byFile(name, names, (file, some) => `import ${some} from '${file}'`).join(';'),
        )
        .replace(/\{([\w, ]*)\} = await import\('@flushtrace\/(\w+)'\)/g, (_, names: string, name: string) =>
          byFile(name, names, (file, some) => `${some} = await import('${file}')`).join(),
        ),
      loader: 'ts',
    })),
}

/** oclif's completion for bash offers commands and flags; where it has nothing to offer, bash is to offer files. */
const filesInBash: BuildPlugin = {
  name: 'files-in-bash',
  setup: (bundle) =>
    bundle.onLoad({ filter: /plugin-autocomplete\/lib\/autocomplete\/bash-spaces\.js$/ }, ({ path }) => ({
      contents: readFileSync(path, 'utf8').replace('\ncomplete -F ', '\ncomplete -o default -F '),
    })),
}

/** What of `a, b as c, type D` each file exports, as `{ a, b as c }` or `* as a`; types are nothing to load. */
function byFile(name: string, names: string, told: (file: string, some: string) => string): string[] {
  const folder = join(root, 'packages', name, 'src')
  const index = readFileSync(join(folder, 'index.ts'), 'utf8')
  return names.split(',').flatMap((text) => {
    const specifier = text.trim()
    if (specifier === '' || specifier.startsWith('type ')) return []
    const exported = specifier.replace(/ as .*/, '')
    const line = new RegExp(
      `^export (?:\\{[^}]*\\b${exported}\\b[^}]*\\}|(\\* as) ${exported}) from '(.*)'$`,
      'm',
    ).exec(index)
    if (!line) throw new Error(`@flushtrace/${name} has no ${exported}`)
    if (line[2].startsWith('@')) return byFile(line[2].replace('@flushtrace/', ''), specifier, told)
    return told(join(folder, line[2]), line[1] ? `* as ${specifier.replace(/^.* as /, '')}` : `{ ${specifier} }`)
  })
}

/** Writes dist/ and oclif's manifest into `home`, which holds the package.json. */
export async function buildCli(home: string): Promise<void> {
  const dist = join(home, 'dist')
  rmSync(dist, { recursive: true, force: true })
  const commands = readdirSync(join(root, 'packages/cli/src/commands'), { recursive: true, encoding: 'utf8' })
  const result = await build({
    absWorkingDir: root,
    entryPoints: [
      { in: 'packages/cli/src/main.ts', out: 'main' },
      // Beside the chunk that starts it, which looks for it by its name.
      { in: 'packages/strace/src/strace-thread.ts', out: 'chunks/strace-thread' },
      ...commands
        .filter((path) => path.endsWith('.ts') && !path.endsWith('.test.ts'))
        .map((path) => ({
          in: join('packages/cli/src/commands', path),
          out: join('commands', path.replace(/\.ts$/, '')),
        })),
    ],
    outdir: dist,
    bundle: true,
    splitting: true,
    chunkNames: 'chunks/[name]-[hash]',
    format: 'esm',
    platform: 'node',
    target: 'node20.19',
    conditions: ['dev'], // the packages' source, so that they need not be built first
    minifySyntax: true,
    plugins: [lazyOclif, filesInBash, pastIndexes],
    metafile: true,
    logLevel: 'warning',
    write: false,
  })
  await writeModules(dist, result.outputFiles)
  writeFileSync(join(dist, 'LICENSES.txt'), licenses(result.metafile))
  await writeManifest(home)
}

/**
 * As CommonJS, of which every Node can keep compiled code; esbuild splits only ES modules. Then what loads them
 * (cli/src/start.ts), which knows this build by its sum.
 */
async function writeModules(dist: string, files: readonly OutputFile[]): Promise<void> {
  const all = createHash('sha256')
  for (const { path, text } of files) {
    const usesMeta = text.includes('import.meta')
    const { code } = await transform(byLocalNames(text), {
      format: 'cjs',
      platform: 'node',
      target: 'node20.19',
      minifySyntax: true,
      supported: { 'dynamic-import': false }, // becomes require, too
      define: { 'import.meta': 'meta' },
      banner: usesMeta ? "const meta = { url: require('node:url').pathToFileURL(__filename).href };" : '',
    })
    mkdirSync(dirname(path), { recursive: true })
    // esbuild leaves other letters in comments and patterns. Of a file without any V8 keeps a byte for each letter, not two.
    const ascii = code.replace(/[^\0-\x7f]/g, (letter) => `\\u${letter.charCodeAt(0).toString(16).padStart(4, '0')}`)
    writeFileSync(path, ascii)
    all.update(ascii)
  }
  writeFileSync(join(dist, 'package.json'), '{ "type": "commonjs" }\n')
  await build({
    absWorkingDir: root,
    entryPoints: ['packages/cli/src/start.ts'],
    outfile: join(dist, 'start.js'),
    bundle: true,
    format: 'cjs',
    platform: 'node',
    target: 'node20.19',
    define: { BUILD: JSON.stringify(all.digest('hex')) },
  })
}

/**
 * What a file has of others, by names of its own. esbuild's conversion asks a getter at each use, which made `rank` of a
 * block trace take 1.4 × the time. What is exported is never assigned again.
 */
function byLocalNames(module: string): string {
  const renamed = (names: string, to: (name: string, as: string) => string): string =>
    names.replace(/([\w$]+)(?: as ([\w$]+))?/g, (_, name: string, as = name) => to(name, as))
  return module
    .replace(/^import \{([^}]*)\} from (".*");$/gm, (_, names: string, from: string) => {
      return `const {${renamed(names, (name, as) => `${name}: ${as}`)}} = require(${from});`
    })
    .replace(/^export \{([^}]*)\};$/m, (_, names: string) => {
      return `module.exports = { __esModule: true,${renamed(names, (name, as) => `${as}: ${name}`)}};`
    })
}

/** What is bundled is distributed: its licenses ask to be along. */
function licenses(metafile: Metafile): string {
  const folders = new Set<string>()
  for (const path of Object.keys(metafile.inputs)) {
    const match = /^(.*node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(path)
    if (match) folders.add(match[1])
  }
  const texts = [...folders].sort().map((folder) => {
    const { name, version, license } = JSON.parse(readFileSync(join(root, folder, 'package.json'), 'utf8')) as Record<
      string,
      string
    >
    const file = readdirSync(join(root, folder)).find((entry) => /^licen[cs]e/i.test(entry))
    return `${name} ${version} (${license})\n\n${file ? readFileSync(join(root, folder, file), 'utf8').trim() : ''}\n`
  })
  return texts.join(`\n${'-'.repeat(80)}\n\n`)
}

/** What `oclif manifest` does, without the several hundred packages that come with it. */
async function writeManifest(home: string): Promise<void> {
  const path = join(home, 'oclif.manifest.json')
  rmSync(path, { force: true })
  const plugin = new Plugin({ root: home, type: 'core', ignoreManifest: true, errorOnManifestCreate: true })
  await plugin.load()
  writeFileSync(path, `${JSON.stringify(plugin.manifest, null, 2)}\n`)
}
