/** What other tools write and flushtrace does not read: told by its bytes, so that it can be named and replaced. */
import { LTRACE } from '@flushtrace/strace'
import { sniffPcapng } from '@flushtrace/sysdig'
import type { DiagnosticKind } from '@flushtrace/trace'

interface Foreign extends Pick<DiagnosticKind, 'code' | 'fix' | 'note'> {
  /** What the source is, for `FILE is …`. */
  readonly name: string
}

/** `sign`: of the first bytes, one char each: headers and fixed words as the tool prints them. */
type Signed = Foreign & { readonly sign: RegExp }

const CALLS = 'record the calls: strace -f -ttt -T -yy -o FILE'
const LINUX = 'record on the Linux host that does the work, with strace from strace.io'
const REQUESTS = 'record each request: blktrace -d DEVICE'
const BOTH = 'record calls and requests: flushtrace recipe prints a script that does it'

const PACKETS: Foreign = { code: 'source/network-capture', name: 'a capture of network packets', fix: CALLS }

/** `magic`: what the file begins with. */
const BINARY: readonly (Foreign & { readonly magic: readonly string[] })[] = [
  {
    code: 'source/perf-data',
    name: 'a binary recording of perf',
    magic: ['PERFILE2', '2ELIFREP'],
    fix: 'print its block events as text: perf script > FILE.txt',
  },
  {
    code: 'source/trace-dat',
    name: 'a binary recording of trace-cmd',
    magic: ['\x17\x08Dtracing'],
    fix: 'print it as text: trace-cmd report > FILE.txt',
  },
  {
    // Packets of a stream or of the metadata, in either byte order; metadata as text.
    code: 'source/ctf',
    name: 'a recording of LTTng (CTF)',
    magic: ['\xc1\x1f\xfc\xc1', '\xc1\xfc\x1f\xc1', '\x57\x1d\xd1\x75', '\x75\xd1\x1d\x57', '/* CTF 1.'],
    fix: CALLS,
  },
]

/** Logs of calls. */
const LOGS: readonly Signed[] = [
  {
    //     2.509 ( 2.954 ms): sqlite3/1483 fdatasync(fd: 5</srv/x.db-journal>)    = 0
    code: 'source/perf-trace',
    name: 'the output of perf trace',
    sign: /^ *(?:\d+\.\d{3}|\?) \( {0,9}(?:\d+\.\d{3} ms)? {0,9}\): \S|^ Summary of events:$/m,
    fix: CALLS,
  },
  { code: 'source/ltrace', name: "ltrace's log of library calls", sign: LTRACE, fix: CALLS },
  {
    //     openat(AT_FDCWD,"/etc/libmap.conf",O_RDONLY|O_CLOEXEC,00) = 3 (0x3)
    code: 'source/truss',
    name: 'the output of truss (FreeBSD)',
    sign: /\) += -?\d+ \(0x[0-9a-f]+\)$|\) ERR#\d+ '/m,
    fix: LINUX,
  },
  {
    //     open("/var/ld/ld.config", O_RDONLY)    Err#2 ENOENT
    code: 'source/truss',
    name: 'the output of truss (Solaris, AIX) or tusc (HP-UX)',
    sign: /\)[ \t.]+E(?:rr|RR)#\d+ +E[A-Z]/,
    fix: LINUX,
  },
  { code: 'source/dtruss', name: 'the output of dtruss (macOS)', sign: /SYSCALL\(args\)\s+= return$/m, fix: LINUX },
  {
    //     802 random  CALL  openat(AT_FDCWD,0x400877,0<O_RDONLY>)
    code: 'source/kdump',
    name: 'the output of kdump (ktrace)',
    sign: /^ *\d+ .{1,40} (?:CALL|RET|NAMI) {2,}/m,
    fix: LINUX,
  },
  {
    code: 'source/other-strace',
    name: "Cygwin's strace (Windows)",
    sign: /^--- Process \d+ (?:created|loaded [A-Z]:\\|thread \d+ created)/m,
    fix: LINUX,
  },
  {
    code: 'source/other-strace',
    name: "gVisor's strace log",
    sign: /^[IWD]\d{4} [\d:.]+ +\d+ strace\.go:\d+\] /m,
    fix: LINUX,
  },
  {
    //     [12:05:05.916075225] (+0.016212651) host syscall_exit_fsync: { cpu_id = 13 }, { ret = 0 }
    code: 'source/babeltrace',
    name: 'a recording of LTTng printed by babeltrace',
    sign: /^\[[\d :.-]+\] \(\+(?:\?\.\?+|\d+\.\d+)\) /m,
    fix: CALLS,
  },
  {
    code: 'source/audit',
    name: "a log of the kernel's audit",
    sign: /^(?:node=\S+ )?type=\w+ msg=audit\([\d/: .]{1,40}:\d+\)/m,
    fix: CALLS,
  },
  {
    //     /srv/ CLOSE_WRITE,CLOSE a
    code: 'source/accesses',
    name: 'a log of inotifywait',
    sign: /^Watches established\.$|^\/.*\/ (?:OPEN|MODIFY|CLOSE_WRITE,CLOSE|CREATE|ACCESS|ATTRIB)(?:,ISDIR)?(?: |$)/m,
    fix: CALLS,
  },
  {
    //     14:31:02.509180 sqlite3(1693): W   /srv/a.db
    code: 'source/accesses',
    name: 'a log of fatrace',
    sign: /^(?:[\d:.]+ )?[^(\n]{1,15}\(\d+\)(?: \[\d+:\d+\])?: [RWOCD+<>]{1,6} +\//m,
    fix: CALLS,
  },
]

/** A line of strace behind what another program put before it. */
const BEHIND_PREFIX = String.raw`.{1,200}?[ \t|](?:\[pid +\d+\] |\d{1,7} +)?(?:[\d:.]+ )?(?:<\.\.\. \w+ resumed>|\w+\().{0,2000}?\) += (?:-?\d|0x|\?).*\r?\n`

/** Logs that others keep of what a program prints. */
const KEPT: readonly Signed[] = [
  {
    //     {"log":"7 fsync(3) = 0\n","stream":"stderr","time":"2026-11-27T10:31:48.64Z"}
    code: 'source/kept-log',
    name: "Docker's own log of what a container printed",
    sign: /^\{"log": ?".*", ?"stream": ?"std(?:err|out)"/m,
    fix: 'take the lines out of it: jq -rj .log FILE',
  },
  {
    //     2026-11-27T10:31:48.645932000Z 7 fsync(3) = 0
    //     Nov 27 10:31:48 host strace[7]: fsync(3) = 0
    code: 'source/kept-log',
    name: 'like a log of strace behind the stamps or names of another program (docker logs -t, kubectl, journalctl, ts)',
    // Looked ahead and then taken: what matched is not tried again in another way.
    sign: new RegExp(String.raw`(?:^(?=(${BEHIND_PREFIX}))\1){3}`, 'm'),
    fix: 'take them away (docker logs without -t, journalctl -o cat, or cut), or record with strace -o FILE',
  },
]

/** Tools of bcc and bpftrace, by the heads of their tables, and tables of averages. */
const TABLES: readonly Signed[] = [
  {
    code: 'source/bpf',
    name: 'the output of biosnoop',
    sign: /^TIME\((?:s|ms)\) +(?:COMM +PID +DISK|DISK +COMM +PID) /m,
    fix: REQUESTS,
  },
  { code: 'source/bpf', name: 'the output of biotop', sign: /^PID +COMM +D MAJ MIN DISK /m, fix: REQUESTS },
  {
    code: 'source/bpf',
    name: 'the output of a tool that shows slow calls (ext4slower and its like)',
    sign: /^TIME(?:\(s\))? +COMM +[PT]ID +[TD] BYTES .*LAT\(ms\) FILENAME$/m,
    fix: CALLS,
  },
  { code: 'source/bpf', name: 'the output of filetop', sign: /^TID +COMM +READS +WRITES +R_Kb +W_Kb /m, fix: CALLS },
  {
    code: 'source/bpf',
    name: 'the output of syncsnoop',
    sign: /^TIME\(s\) +CALL$|^Tracing sync syscalls\.\.\./m,
    fix: CALLS,
  },
  {
    code: 'source/averages',
    name: 'a table of sysstat (iostat, pidstat, sar)',
    sign: /^Linux \S+ \([^)\n]*\) *\t\S+ *\t_\w+_\t\(\d+ CPU\)/m,
    fix: BOTH,
    note: true,
  },
  {
    code: 'source/averages',
    name: 'a table of iotop',
    sign: /^Total DISK READ.*\| *Total DISK WRITE| (?:be|rt|id)\/\d \S+ +\d+\.\d\d [BKMG]\/s /m,
    fix: BOTH,
    note: true,
  },
  {
    code: 'source/averages',
    name: 'a table of btt',
    sign: /^=+ (?:All Devices|Per Device|Per Process) =+$/m,
    fix: 'name what it was made of: the *.blktrace.* files',
    note: true,
  },
  { code: 'source/averages', name: 'a table of vmstat', sign: /^procs -+memory-+ -+swap-+ /m, fix: BOTH, note: true },
]

/** `head`: of a source that is none of our own kinds. null: nor of another tool known here. */
export function foreignOf(head: Uint8Array): Foreign | null {
  if (sniffPcapng(head)) return PACKETS
  const text = Buffer.from(head.buffer, head.byteOffset, Math.min(head.length, 1 << 16)).toString('latin1')
  return (
    BINARY.find(({ magic }) => magic.some((bytes) => text.startsWith(bytes))) ??
    [...LOGS, ...TABLES, ...KEPT].find(({ sign }) => sign.test(text)) ??
    null
  )
}

/** Averages beside a trace tell nothing that it lacks; a log of another tool may. */
export function foreignKind({ code, fix, note }: Foreign): DiagnosticKind {
  return { code, severity: note ? 'info' : 'loss', note, message: 'Not read: {}.', fix }
}

/** First bytes → what the file is; no recording of any tool. */
const MAGIC: readonly [string, string][] = [
  ['\x7fELF', 'a program'],
  ['\xff\xd8\xff', 'a JPEG picture'],
  ['\x89PNG', 'a PNG picture'],
  ['GIF8', 'a GIF picture'],
  ['PK\x03\x04', 'a zip archive'],
  ['%PDF', 'a PDF document'],
  ['SQLite format 3', 'an SQLite database'],
  ['\xff\xfe', 'UTF-16, which is not read: convert it with iconv -t utf-8'],
  ['\xfe\xff', 'UTF-16, which is not read: convert it with iconv -t utf-8'],
  ['BZh', 'bzip2 data, which is not read: unpack it first'],
  ['\xfd7zXZ', 'xz data, which is not read: unpack it first'],
]

/** What the first bytes look like, for the message that says why a source is skipped. */
export function guess(head: Uint8Array): string {
  const start = Buffer.from(head.buffer, head.byteOffset, Math.min(head.length, 4096)).toString('latin1')
  for (const [magic, what] of MAGIC) if (start.startsWith(magic)) return what
  if (start.includes('\0')) return 'binary data of no known kind'
  if (/^\s*[{[]/.test(start)) return 'JSON of no known kind'
  return 'text of no known kind'
}
