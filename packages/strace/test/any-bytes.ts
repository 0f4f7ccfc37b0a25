/** Logs that nobody wrote. */
import * as fc from 'fast-check'

/** Parts of logs, so that chance gets past the first byte of a line. */
const PARTS = [
  [
    '42 ',
    '[pid 42] ',
    '7<a b> ',
    '1795173544.668163 ',
    '11:19:30 ',
    '     0.000299 ',
    '[  74] ',
    '[????????????????] ',
  ],
  [
    'fsync(',
    'write(',
    'openat(',
    'getpid(',
    'clone3(',
    'execve(',
    'io_submit(',
    '<... fsync resumed>',
    '<... write resumed> ',
  ],
  [
    '3',
    '3</srv/x>',
    '3</dev/sda<block 8:0>>',
    'AT_FDCWD',
    '"a\\"b"',
    '"',
    '...',
    ', ',
    '{a=1',
    '}',
    '[',
    ']',
    '(',
    ')',
    '/* x */',
  ],
  [
    ') = 0',
    ') = -1 EIO (x)',
    ') = ?',
    ') = 3</x>(deleted)',
    ' <unfinished ...>',
    ' <unfinished ...>) = ?',
    ' <detached ...>',
  ],
  [
    ' <pid changed to 43 ...>',
    ' <0.000021>',
    '+++ exited with 0 +++',
    '+++ superseded by execve in pid 43 +++',
    '--- SIGALRM {} ---',
  ],
  [
    'strace: Process 43 attached',
    'Process 43 detached',
    '[ Process PID=43 runs in 32 bit mode. ]',
    ' > f() [0x1]',
    ' | 00 |',
  ],
  [
    '% time     seconds  usecs/call     calls    errors syscall',
    '  1.00 1.0 1 1 1 fsync',
    '------',
    'total',
    '\x1b[31m',
    '\x1b[0m',
  ],
  ['\n', '\n', '\n', '\r\n', '\0', '\xff', '<', '>', '\\', '=', ' '],
].flat()

const bytesOfLogs = fc
  .array(fc.oneof({ weight: 9, arbitrary: fc.constantFrom(...PARTS) }, { weight: 1, arbitrary: fc.string() }), {
    maxLength: 60,
  })
  .map((parts) => Buffer.from(parts.join(''), 'latin1'))
export const anyBytes = fc.oneof(
  { weight: 3, arbitrary: bytesOfLogs },
  { weight: 1, arbitrary: fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes)) },
)
