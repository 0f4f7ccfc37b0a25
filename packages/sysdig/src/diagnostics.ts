/** What can be wrong with, or missing from, a sysdig source. */
import type { DiagnosticKind } from '@flushtrace/trace'

export const SYSDIG = {
  cut: {
    code: 'sysdig/cut-block',
    severity: 'loss',
    message: 'The capture ends in the middle of a block ({}).',
    fix: 'stop sysdig with SIGINT, and copy the file after it has ended; everything before was used',
  },
  damagedBlock: {
    code: 'sysdig/damaged-block',
    severity: 'error',
    message: 'Some blocks of the capture are damaged (first: {}); reading goes on at the next whole one.',
    fix: 'copy the file again in binary mode; what lies between is lost',
  },
  damagedEvent: {
    code: 'sysdig/damaged-event',
    severity: 'error',
    message: 'Some events do not fit their blocks (first: {}); they are skipped.',
    fix: 'copy the file again in binary mode, or record with a released sysdig',
  },
  damagedList: {
    code: 'sysdig/damaged-list',
    severity: 'error',
    message: 'A list of processes or descriptors is damaged (first: {}); the rest of that list is not used.',
    fix: 'copy the file again in binary mode',
  },
  byteOrder: {
    code: 'sysdig/byte-order',
    severity: 'error',
    message:
      'The capture was recorded on a machine of the other byte order; sysdig does not read these, nor does flushtrace.',
    fix: 'print it as text with sysdig -r FILE on the machine it comes from',
  },
  network: {
    code: 'sysdig/network-capture',
    severity: 'error',
    message: 'This is a network capture (pcapng), not one of sysdig: {}.',
    fix: 'record with sysdig -w FILE; network packets do not show who flushes',
  },
  unknownBlock: {
    code: 'sysdig/unknown-block',
    severity: 'info',
    message: 'Some blocks are of kinds that are not known here (first: {}); they are skipped.',
    fix: 'nothing if a newer sysdig recorded it: system calls are in known blocks',
  },
  unknownEvent: {
    code: 'sysdig/unknown-event',
    severity: 'info',
    message: 'Some events are newer than the table here (first: {}); they are skipped.',
    fix: 'nothing if a newer sysdig recorded it; flushes have the same event in all versions',
  },
  noEvents: {
    code: 'sysdig/no-events',
    severity: 'loss',
    message: 'The capture holds no events{}.',
    fix: 'record again; was the filter too narrow, or sysdig killed before it wrote?',
  },
  dropMode: {
    code: 'sysdig/sampled',
    severity: 'loss',
    message: 'sysdig dropped events on purpose while recording (sampling ratio {}): counts are too low.',
    fix: 'record without --dropmode or sampling',
  },
  lostExit: {
    code: 'sysdig/lost-exit',
    severity: 'loss',
    message: 'Some calls show no exit although their task went on (first: {}); flushes among them are counted.',
    fix: 'events were dropped or filtered out: record to a file (-w), without a filter on evt.dir, with larger buffers (-s, bufsize)',
  },
  inFlight: {
    code: 'sysdig/in-flight',
    severity: 'info',
    message: 'Some calls had not ended when the trace, or their task, did (first: {}); they are not counted.',
    fix: 'nothing: the trace ends while they were waiting',
  },
  exitOnly: {
    code: 'sysdig/exit-only',
    severity: 'info',
    message: 'The capture shows only the ends of calls (sysdig since 2025): what a flush took is not in it.',
    fix: 'nothing here tells; record strace -T or a block trace beside it',
  },
  noFile: {
    code: 'sysdig/no-flush-file',
    severity: 'info',
    message:
      'sysdig shows no descriptor and no result of fsync, fdatasync, msync, syncfs (first: {}): counts are exact, files are not in it, failures look like successes.',
    fix: 'record strace -f -yy -ttt -T beside it to know the files',
  },
  msyncFlags: {
    code: 'sysdig/msync-flags',
    severity: 'info',
    message: 'sysdig does not show the flags of msync: all are taken for MS_SYNC.',
    fix: 'record strace beside it if the program uses MS_ASYNC',
  },
  unseenWrite: {
    code: 'sysdig/unseen-writes',
    severity: 'loss',
    message:
      'Some calls write, or change what is stored, in a way that sysdig does not show (first: {}): their bytes, files and RWF_ flags are unknown.',
    fix: 'record strace beside it',
  },
  unseenMapping: {
    code: 'sysdig/unseen-mapping',
    severity: 'info',
    message: 'Some calls change mappings without showing which (first: {}).',
    fix: 'record strace beside it if mapped files matter',
  },
  nativeCode: {
    code: 'sysdig/native-call-number',
    severity: 'info',
    message:
      'Some calls were not known to the sysdig that recorded them (first: number {}): which of them flush or write is told by the numbers of x86-64.',
    fix: 'nothing on x86-64; on another machine record with a newer sysdig',
  },
  unnumberedCall: {
    code: 'sysdig/unnumbered-call',
    severity: 'loss',
    message: 'Some calls were not known to the sysdig that recorded them, and their number is not in the capture ({}).',
    fix: 'record again with a newer sysdig; older ones tell the number with the enter of a call, so no filter may hide it',
  },
  unknownCall: {
    code: 'sysdig/unknown-call',
    severity: 'loss',
    message: 'Some calls have no name here (<unknown>), as sysdig did not know them when it recorded ({}).',
    fix: 'name the .scap file instead of its text: it holds their numbers',
  },
  tooManyTasks: {
    code: 'sysdig/too-many-tasks',
    severity: 'loss',
    message: 'More than 131,072 tasks (MAX_TASKS) seem to be alive at once; what they were doing is forgotten.',
    fix: 'check that the file is whole: exits of processes seem to be missing; the limit is fixed',
  },
  tooManyProcesses: {
    code: 'sysdig/too-many-processes',
    severity: 'loss',
    message:
      'The capture lists more than 262,144 processes (MAX_LISTED) or 1,048,576 descriptors (MAX_DESCRIPTORS); the rest is not used.',
    fix: 'check that the file is a sysdig capture; the limit is fixed',
  },
  damagedLine: {
    code: 'sysdig/damaged-line',
    severity: 'error',
    message: 'Some lines are no whole events (first: {}).',
    fix: 'check whether the output was cut, or mixed with other output; save it with sysdig -w FILE instead',
  },
  foreign: {
    code: 'sysdig/foreign-lines',
    severity: 'info',
    note: true,
    message: 'Some lines are not events (notes, buffers, tables; first: {}); they are skipped.',
    fix: 'nothing if -A, -x, -X or a chisel printed them',
  },
  longLine: {
    code: 'sysdig/long-line',
    severity: 'error',
    message: 'A line is longer than 4 MiB (MAX_LINE), and no event; it is skipped.',
    fix: 'record without -v, or look whether the file holds other data; the limit is fixed',
  },
  cutLine: {
    code: 'sysdig/cut-last-line',
    severity: 'loss',
    message: 'The last line is cut in the middle: {}.',
    fix: 'stop sysdig with SIGINT, and copy its output after it has ended',
  },
  backwards: {
    code: 'sysdig/time-backwards',
    severity: 'info',
    message: 'The clock steps backwards, by more than events of several processors are out of order.',
    fix: 'the wall clock was set while recording; or captures of different times are joined here',
  },
  noTimes: {
    code: 'sysdig/no-times',
    severity: 'info',
    message: 'The times printed are latencies or gaps (-t d, -t D), or none: when things happened is lost.',
    fix: 'print with -t a, or name the .scap file',
  },
  noDirection: {
    code: 'sysdig/no-direction',
    severity: 'loss',
    message: 'The format has no %evt.dir: each two equal events of a task are taken for one call.',
    fix: "print with -p '*%evt.num %evt.outputtime %evt.cpu %proc.name (%thread.tid) %evt.dir %evt.type %evt.info'",
  },
  strictFormat: {
    code: 'sysdig/strict-format',
    severity: 'loss',
    message:
      'The format does not begin with *: sysdig left out every event that lacks one of its fields (a flush has no fd).',
    fix: "put * before it: -p '*…'",
  },
  noTask: {
    code: 'sysdig/no-task',
    severity: 'loss',
    message: 'The output names no thread (%thread.tid): all its calls are taken for those of one.',
    fix: 'print with %thread.tid, or name the .scap file',
  },
} as const satisfies Record<string, DiagnosticKind>
