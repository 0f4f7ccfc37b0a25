/** What a process really runs, in a few words. */
import type { RankRow } from '@flushtrace/answers'

type ProcessRef = NonNullable<RankRow['process']>

/** Programs that run another: their own name tells nothing. */
const INTERPRETERS = /^(?:python|perl|ruby|node|bash|dash|zsh|sh|ksh|php|java|lua|Rscript|tclsh|busybox)[\d.]*$/

/** `python3 samba_dnsupdate`, `samba: task[ldap] pre-forked worker(3)`, `redis-server`. */
export function titleOf({ name, command, pid }: ProcessRef): string {
  const known = name ?? (pid === null ? 'the traced process' : 'unknown')
  if (!command) return known
  const words = command.split(' ')
  const program = lastPart(words[0])
  // A program that wrote its own title (`postgres: checkpointer`); its kernel name may say it shorter (`ldap(3)`).
  if (words[0].endsWith(':') && words.length > 1) {
    return name && !words[0].startsWith(name) ? `${words[0]} ${name}` : command.replace(/ …$/, '')
  }
  if (INTERPRETERS.test(program)) {
    const script = scriptOf(program, words.slice(1))
    if (script) return `${program} ${script}`
  }
  // The kernel's name is cut at 15 bytes; one that says something else was set on purpose.
  return known === 'unknown' || program.startsWith(known) ? program || known : known
}

function scriptOf(program: string, args: readonly string[]): string | null {
  for (let k = 0; k < args.length; k++) {
    const word = args[k]
    if (word === '-m' && program.startsWith('python')) return args[k + 1] ? `-m ${args[k + 1]}` : null
    if (word === '-jar') return args[k + 1] ? lastPart(args[k + 1]) : null
    if (word === '-c' || word === '-e') return `${word} …`
    if (!word.startsWith('-')) return lastPart(word)
  }
  return null
}

export function lastPart(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1) || path
}
