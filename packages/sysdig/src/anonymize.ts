/**
 * Lines of sysdig's text and JSON with other names. Parameters that hold names are renamed, data and environments are
 * blanked, numbers and words of a list (`flags=1(MAP_SHARED)`) stay. One char per byte.
 */
import { blank, renameEscaped, type Renamer } from '@flushtrace/trace'
import { EVENTS } from './event-table.ts'
import { parseJsonLine } from './json-line.ts'
import { HEAD, IN_CONTAINER, plainLine } from './text-line.ts'

const PAYLOAD = /^(?:data|env|environment|val|buffer|msgcontrol)$/
/** Parameters that hold a name, whatever it looks like. */
const NAME = /(?:name|path|comm|exe|args|cwd|target|tuple|cgroups)$/
/** `pid=501(redis-server)`, clone's `res=501(sh)`, and the user of `uid=1000(ann)`: the number stays. */
const TASK = /^(?:res|next|(?:[pv]|reaper_)?tid|[dpsv]?pid|v?pgid|vtgid|sid)$/
const USER = /^(?:login|[ers])?[ug]id$/
const NUMBERED = /^(-?\d+\()(.*)\)$/s
/** In place of a name: an error, nothing known. */
const NOBODY = /^-\d+\(E[A-Z\d]+\)$|\((?:<NA>|<NONE>)\)$/
const NUMBER = /^(?:NULL|-?\d*|0x[\da-f]*)$/
/** What else a parameter may hold that holds no name: addresses, dates (`exe_ino_ctime`), words of a list. */
const NO_NAME = /^(?:[\dA-F]+|\d{4}-\d\d-\d\d [\d:.]+|-?\d+\([\w|]*\))$/
/** All that events have; what is called otherwise may be a part of a name or of data. */
const PARAMETERS: ReadonlySet<string> = new Set(EVENTS.flatMap(({ parameters }) => parameters))
/** `3(<f>/srv/x)`, `-2(ENOENT)`; `<4t>`, `<u>`, `<p>` are no files. */
const DESCRIPTOR = /^(-?\d+\(<\w+>)(.*)$/s
/** JSON fields that hold no name; the name of a task stands in others. */
const PLAIN_FIELD =
  /^(?:evt\.(?!info|args?\b|arg\.|rawarg\.|buffer|data)|syscall\.type$|thread\.(?:v?tid|ismain)$|proc\.(?:v?pid|ppid)$|fd\.(?:num|type|typechar)$)/
const TASK_FIELD = /^(?:proc|thread)\.(?:p|a)?name$/
/** Fields of sysdig's own; one of labels or environments ends in a name. */
const FIELD = /^(?:evt|syscall|thread|proc|fd|user|group|container)(?:\.(?!labels?\b|env\b)[a-z_\d]+(?:\[\d+\])?)+$/
/** A string; or a member's name, and its value if that is a string. */
const STRING = /"((?:[^"\\]|\\.)*)"(?:(\s*:\s*)(?:"((?:[^"\\]|\\.)*)")?)?/g

/** Colours of a terminal go. */
export function anonymizeSysdigText(printed: string, renamer: Renamer): string {
  const line = plainLine(printed)
  const match = HEAD.exec(line)
  if (!match) return blank(line)
  const [comm, info] = [match[4], match[9] ?? '']
  const at = `${match[1]} ${match[2]} ${match[3]} `.length
  const between = line.slice(at + comm.length, line.length - info.length)
  return line.slice(0, at) + renameTask(comm, renamer) + between + renameInfo(info, renamer)
}

/** Anything but an event in JSON is blanked. */
export function anonymizeSysdigJson(line: string, renamer: Renamer): string {
  if (!parseJsonLine(line)) return blank(line)
  const name = (text: string): string => renameEscaped(text, (bytes) => renamer.text(bytes))
  return line.replace(STRING, (_, text: string, colon: string | undefined, value: string | undefined) => {
    if (colon === undefined) return `"${name(text)}"`
    const member = `"${FIELD.test(text) ? text : name(text)}"${colon}`
    if (value === undefined) return member
    return `${member}"${renameEscaped(value, (bytes) => renameField(text, bytes, renamer))}"`
  })
}

function renameField(field: string, text: string, renamer: Renamer): string {
  if (PLAIN_FIELD.test(field)) return text
  if (TASK_FIELD.test(field)) return renamer.task(text)
  const parameter = /^evt\.(?:raw)?arg\.(.*)$/.exec(field)?.[1]
  if (parameter !== undefined) return renameValue(parameter, text, renamer)
  return /^evt\.(?:info|args)$/.test(field) ? renameInfo(text, renamer) : renamer.text(text)
}

/** `nginx`, and with -pc `web (3ad7b26ded6d) nginx`. */
function renameTask(text: string, renamer: Renamer): string {
  const container = IN_CONTAINER.exec(text)
  if (!container) return text === '<NA>' ? text : renamer.task(text)
  const comm = container[3]
  return renamer.text(text.slice(0, text.length - comm.length)) + renameTask(comm, renamer)
}

/** `fd=3(<f>/srv/x) name=y flags=65(O_CREAT|O_RDWR) `. */
function renameInfo(info: string, renamer: Renamer): string {
  if (!/^(?:[\w.]+=|\s*$)/.test(info)) return blank(info)
  let of = ''
  const heads = [...info.matchAll(/(^|\s)([\w.]+)=/g)]
  const pieces = heads.map(([head, blankBefore, key], k) => {
    const rest = info.slice(heads[k].index + head.length, heads[k + 1]?.index)
    const value = rest.trimEnd()
    const after = rest.slice(value.length)
    if (PARAMETERS.has(key)) of = key
    else if (PAYLOAD.test(of)) return blank(head + value) + after
    else if (NAME.test(of)) return renamer.text(head + value) + after
    else return `${blankBefore}${renamer.text(key)}=${renameValue(key, value, renamer)}${after}`
    return `${blankBefore}${key}=${renameValue(key, value, renamer)}${after}`
  })
  return heads.length > 0 ? pieces.join('') : info
}

function renameValue(key: string, value: string, renamer: Renamer): string {
  if (PAYLOAD.test(key)) return blank(value)
  if (value === '<NA>') return value
  const descriptor = DESCRIPTOR.exec(value)
  if (descriptor) return descriptor[1] + renamer.text(descriptor[2])
  const numbered = TASK.test(key) || USER.test(key) ? NUMBERED.exec(value) : null
  if (numbered) return NOBODY.test(value) ? value : `${numbered[1]}${renamer.task(numbered[2])})`
  const plain = !NAME.test(key) && (NUMBER.test(value) || (PARAMETERS.has(key) && NO_NAME.test(value)))
  if (plain) return value
  return key === 'comm' ? renamer.task(value) : renamer.text(value)
}
