/** One event as sysdig prints it, in text of any format or in JSON: the fields that are looked at, by sysdig's names. */

/** What a time field means. */
export type TimeField =
  | 'outputtime' // whatever -t said
  | 'epochNs' // ns since 1970, one integer
  | 'datetime' // 2026-11-20 11:05:44.123456789, local time
  | 'iso8601' // 2026-11-20T11:05:44.123456789+0000
  | 'timeOfDay'
  | 'relativeNs'

export interface PrintedEvent {
  tid: number
  /** 0: not told. */
  pid: number
  comm: string | null
  container: string | null
  direction: '>' | '<' | ''
  type: string
  info: string
  time: string
  timeField: TimeField | null
  /** Fields that stand for one parameter: `evt.arg.fd`, `fd.num`, `evt.rawres`. */
  parameters: [name: string, value: string][]
}

/** To be filled by one line after the other. */
export function emptyEvent(): PrintedEvent {
  return {
    tid: -1,
    pid: 0,
    comm: null,
    container: null,
    direction: '',
    type: '',
    info: '',
    time: '',
    timeField: null,
    parameters: [],
  }
}

const NOT_AVAILABLE = '<NA>'
const TIME_FIELDS: ReadonlyMap<string, TimeField> = new Map([
  ['evt.outputtime', 'outputtime'],
  ['evt.rawtime', 'epochNs'],
  ['evt.datetime', 'datetime'],
  ['evt.time', 'timeOfDay'],
  ['evt.time.iso8601', 'iso8601'],
  ['evt.reltime', 'relativeNs'],
])

/** Puts the value of one of sysdig's fields into `event`; fields that no rule asks for are left out. */
export function setField(event: PrintedEvent, field: string, text: string): void {
  if (text === NOT_AVAILABLE || text === '') return
  const timeField = TIME_FIELDS.get(field)
  if (timeField) setTime(event, text, timeField)
  switch (field) {
    case 'thread.tid':
      event.tid = Number.parseInt(text, 10)
      break
    case 'proc.pid':
      event.pid = Number.parseInt(text, 10)
      break
    case 'proc.name':
      event.comm = text
      break
    case 'container.id':
      event.container = text
      break
    case 'evt.dir':
      event.direction = text === '<' ? '<' : '>'
      break
    case 'evt.type':
    case 'syscall.type':
      if (event.type === '') event.type = text
      break
    case 'evt.info':
    case 'evt.args':
      event.info = text
      break
    case 'fd.num':
      event.parameters.push(['fd', text])
      break
    case 'evt.rawres':
    case 'evt.res':
      event.parameters.push(['res', text])
      break
    default:
      if (field.startsWith('evt.arg.')) event.parameters.push([field.slice('evt.arg.'.length), text])
      else if (field.startsWith('evt.rawarg.')) event.parameters.push([field.slice('evt.rawarg.'.length), text])
  }
}

const RANK: readonly TimeField[] = ['timeOfDay', 'relativeNs', 'outputtime', 'datetime', 'iso8601', 'epochNs']
/** In JSON all but the relative ones are this, whatever they are called. */
const EPOCH_NS = /^\d{16,20}$/

/** The better of two times in one line wins. */
function setTime(event: PrintedEvent, text: string, told: TimeField): void {
  const field = EPOCH_NS.test(text) && told !== 'relativeNs' ? 'epochNs' : told
  if (event.timeField !== null && RANK.indexOf(event.timeField) > RANK.indexOf(field)) return
  event.time = text
  event.timeField = field
}
