/** What a process really runs, in a few words. */
import type { RankRow } from './rank-schema.ts'

type ProcessRef = NonNullable<RankRow['process']>

/** Programs that run another: their own name tells nothing. */
const INTERPRETERS = /^(?:python|perl|ruby|node|bash|dash|zsh|sh|ksh|php|java|lua|Rscript|tclsh|busybox)[\d.]*$/

/** Options whose value is the next word (`java -cp /srv/lib Main`): by `java --help`, `python3 --help`, `node --help`, bash(1). */
const VALUED: readonly (readonly [program: RegExp, option: RegExp])[] = [
  [
    /^java/,
    /^(?:-cp|-classpath|-p|--(?:class-path|module-path|upgrade-module-path|add-(?:modules|exports|opens|reads)|limit-modules|patch-module))$/,
  ],
  [/^python/, /^-[WX]$/],
  [/^node/, /^(?:-r|-C|--(?:require|import|loader|experimental-loader|conditions))$/],
  [/^bash/, /^(?:[-+][oO]|--(?:rcfile|init-file))$/],
]

/** `python3 samba_dnsupdate`, `samba: task[ldap] pre-forked worker(3)`, `redis-server`. */
export function titleOf(process: ProcessRef): string {
  const { name, command, pid } = process
  const words = ownTitle(process)
  if (!command || !words) return programOf(process) ?? (pid === null ? 'the traced process' : 'unknown')
  // Its kernel name may say it shorter (`ldap(3)`).
  return name && !words[0].startsWith(name) ? `${words[0]} ${name}` : command.replace(/ …$/, '')
}

/** The same for all processes of one program: `python3 samba_dnsupdate`, `samba`, `redis-server`; null: not told. */
export function programOf(process: ProcessRef): string | null {
  const { name, command } = process
  if (!command) return name
  const title = ownTitle(process)
  if (title) return title[0].slice(0, -1)
  const words = command.split(' ')
  // strace -s may have cut it before the last `/`; the kernel's name is of the whole.
  const program = (words[0].endsWith('…') && name) || lastPart(words[0])
  if (INTERPRETERS.test(program)) {
    const script = scriptOf(program, words.slice(1))
    if (script) return `${program} ${script}`
  }
  // The kernel's name is cut at 15 bytes; one that says something else was set on purpose.
  return name === null || program.startsWith(name) ? program || name : name
}

/** The words of a title that a program wrote itself (`postgres: checkpointer`); null: it wrote none. */
function ownTitle({ command }: ProcessRef): string[] | null {
  const words = command?.split(' ') ?? []
  return words.length > 1 && /.:$/.test(words[0]) ? words : null
}

function scriptOf(program: string, args: readonly string[]): string | null {
  const valued = VALUED.find(([name]) => name.test(program))?.[1]
  for (let k = 0; k < args.length; k++) {
    const word = args[k]
    if (valued?.test(word)) {
      k++
      continue
    }
    if (word === '-m' && program.startsWith('python')) return args[k + 1] ? `-m ${args[k + 1]}` : null
    if (word === '-jar') return args[k + 1] ? lastPart(args[k + 1]) : null
    if (word === '-c' || word === '-e') return `${word} …`
    if (!word.startsWith('-')) return lastPart(word)
  }
  return null
}

/** Of a path what is behind its last slash; all of it where that is nothing. */
export function lastPart(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1) || path
}
