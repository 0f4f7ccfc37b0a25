/** What the state could not know. */
import type { DiagnosticKind } from '@flushtrace/trace'

export const CORRELATE = {
  startedLate: {
    code: 'correlate/started-before-trace',
    severity: 'loss',
    message:
      'Some processes were running before the trace began, or what started them is hidden (first: {}): what they had open or mapped is unknown, and their threads count as processes.',
    fix: 'save /proc/PID/{maps,fd,fdinfo,cmdline,comm,task} of each beside the trace when attaching, and record with strace -yy',
  },
  startNotShown: {
    code: 'correlate/start-not-shown',
    severity: 'loss',
    message:
      'The trace begins with a program, but does not show what started some tasks (first: {}): what they had open or mapped is unknown, and threads among them count as processes.',
    fix: 'record without -P, and without an -e that hides fork, vfork, clone and clone3',
  },
  unknownDescriptor: {
    code: 'correlate/unknown-descriptor',
    severity: 'loss',
    message: 'Some calls name a descriptor that was opened before the trace or by a call it does not show (first: {}).',
    fix: 'record with strace -yy, without a filter that hides open, dup or socket calls, or save /proc/PID/fd beside it',
  },
  unnamedFile: {
    code: 'correlate/unnamed-file',
    severity: 'loss',
    message:
      'Some files are unknown because the call that opened them does not name them (first: {}): it took a handle, or the trace shows the address of the path.',
    fix: 'record with strace -yy, and without -e raw=',
  },
  unknownDirectory: {
    code: 'correlate/unknown-directory',
    severity: 'loss',
    message: 'Some files were opened by a relative path from a directory that the trace does not tell (first: {}).',
    fix: 'record with strace -y or -yy, or start the program from a shell that is traced, too',
  },
  unknownMapping: {
    code: 'correlate/unknown-mapping',
    severity: 'loss',
    message: 'Some msync calls name an address that was mapped before the trace (first: {}); their file is unknown.',
    fix: 'save /proc/PID/maps beside the trace when attaching',
  },
  disagreement: {
    code: 'correlate/name-disagreement',
    severity: 'info',
    note: true,
    message: 'The trace names another file than the calls before it lead to (first: {}); the trace is believed.',
    fix: 'usual when an untraced process renames or deletes files; trace it too with -f or more -p',
  },
  unknownFlags: {
    code: 'correlate/unknown-open-flags',
    severity: 'loss',
    message: 'Some writes go to descriptors whose open is not in the trace (first: {}): O_SYNC or O_DSYNC is unknown.',
    fix: 'save /proc/PID/fdinfo beside the trace when attaching',
  },
  notGivenBack: {
    code: 'correlate/not-given-back',
    severity: 'info',
    note: true,
    message: 'Some calls that should give space back failed (first: {}).',
    fix: 'nothing: a program may go another way; where space does not come back, each layer below must support it',
  },
  uring: {
    code: 'correlate/io-uring',
    severity: 'loss',
    message: 'Some processes use io_uring (first: {}); its writes and flushes are invisible to a system call trace.',
    fix: 'record block events beside it: flushtrace recipe',
  },
  aioHidden: {
    code: 'correlate/aio-not-shown',
    severity: 'loss',
    message:
      'Some operations that io_submit took are not printed (first: {}): flushes and synchronous writes among them are not counted.',
    fix: "record with -e 'abbrev=!io_submit,io_getevents', which prints the lists that a small -s cuts, and without -e verbose= and raw=",
  },
  hiddenFork: {
    code: 'correlate/hidden-clone-flags',
    severity: 'loss',
    message:
      'Some clone calls do not show their flags (first: {}): what they made counts as a process, and may be a thread that shares descriptors and memory.',
    fix: 'record without -e raw= and -e verbose=; for calls that began before the trace: nothing',
  },
  aioUnreaped: {
    code: 'correlate/aio-unseen-completions',
    severity: 'loss',
    message: 'Some asynchronous writes never show their result (first: {}): libaio reads completions from memory.',
    fix: 'record a block trace beside it: strace cannot show them',
  },
  inferredPass: {
    code: 'correlate/passed-descriptor',
    severity: 'info',
    note: true,
    message: 'Some descriptors came through a socket whose other end is not known; they were matched by order.',
    fix: 'record with -yy, which prints what they are',
  },
  tooManyDescriptors: {
    code: 'correlate/too-many-descriptors',
    severity: 'loss',
    message:
      'A process holds more than 1,048,576 descriptors (MAX_DESCRIPTORS), which Linux does not allow (first: {}); the rest is not followed.',
    fix: 'check that the log is whole: close() calls seem to be missing; the limit is fixed',
  },
  tooManyRegions: {
    code: 'correlate/too-many-mappings',
    severity: 'loss',
    message:
      'A process holds more than 262,144 mappings (MAX_REGIONS), which Linux does not allow (first: {}); the rest is not followed.',
    fix: 'check that the log is whole: munmap() calls seem to be missing; the limit is fixed',
  },
  tooManyTasks: {
    code: 'correlate/too-many-tasks',
    severity: 'loss',
    message: 'More than 131,072 tasks (MAX_TASKS) seem to be alive at once; the oldest are forgotten.',
    fix: 'check that the log is whole: exits seem to be missing (-q, -e filters); the limit is fixed',
  },
  tooManyAio: {
    code: 'correlate/too-many-aio',
    severity: 'loss',
    message:
      'More than 131,072 asynchronous writes under way at once (MAX_AIO; first: {}): of the others it is not known whether they were done, and they are not counted.',
    fix: 'record io_getevents, too; the limit is fixed',
  },
  unordered: {
    code: 'correlate/no-order',
    severity: 'loss',
    message:
      'The files of a set have no times, or only whole seconds: which thread or process did something first is not known.',
    fix: 'record a set of files (-ff) with -ttt -T, or one file with -f',
  },
  heldBack: {
    code: 'correlate/unclear-parent',
    severity: 'info',
    message: 'Some tasks appeared while several forks were under way and no result names them (first: {}).',
    fix: 'keep the log to its end; tasks forked in a container need strace --pidns-translation',
  },
} as const satisfies Record<string, DiagnosticKind>
