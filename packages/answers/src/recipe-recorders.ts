/** The part of the script that starts and ends the recorders, each only if it is there. */
import { DISKS } from './recipe-target.ts'
import type { RecipeFileSystem, RecipeTool } from './recipe-options.ts'
import { shellWord } from './shell-word.ts'

/** Who made which page dirty; the second name is that of kernels before 5.18. */
const DIRTY_EVENTS = ['writeback_dirty_folio', 'writeback_dirty_page']

/** Events that name inodes and their places: those that the reader of tracefs knows. */
const INODE_EVENTS: Readonly<Record<RecipeFileSystem, readonly string[]>> = {
  btrfs: ['btrfs_ordered_extent_add', 'btrfs_sync_file'],
  ext4: ['ext4_da_write_pages_extent', 'ext4_allocate_blocks', 'ext4_sync_file_enter', 'ext4_sync_file_exit'],
  // iomap's names changed from kernel to kernel.
  xfs: [
    'xfs_map_blocks_found',
    'xfs_map_blocks_alloc',
    'xfs_file_fsync',
    'iomap_writepage_map',
    'iomap_writepage',
    'iomap_add_to_ioend',
    'iomap_writeback_folio',
    'iomap_iter_dstmap',
  ],
  zfs: [],
}

/** Of f2fs, where any file system may be recorded; folios since 6.16. */
const F2FS_EVENTS = [
  'f2fs_submit_page_write',
  'f2fs_submit_page_bio',
  'f2fs_submit_folio_write',
  'f2fs_submit_folio_bio',
]

/** Without blktrace. Not all there are: block_touch_buffer and block_dirty_buffer come for every look at metadata. */
const BLOCK_EVENTS = [
  'block_bio_queue',
  'block_bio_remap',
  'block_bio_backmerge',
  'block_bio_frontmerge',
  'block_split',
  'block_rq_insert',
  'block_rq_issue',
  'block_rq_requeue',
  'block_rq_complete',
  'block_bio_complete',
]

/** The functions that start the recorders, and the one that ends them all. */
export function recordersPart(
  systems: readonly RecipeFileSystem[],
  tools: readonly RecipeTool[],
  processes: readonly string[],
): string {
  const blocks = tools.includes('blktrace')
  return [
    START,
    ...(blocks ? [DISKS, blocksPart(systems)] : []),
    ...(tools.includes('sysdig') ? [SYSDIG] : []),
    ...(tools.includes('strace') ? [oursPart(blocks), targetsPart(processes), STRACE] : []),
    finishPart(blocks),
  ].join('')
}

/** Calls of what recordersPart defines; strace last, so that the others see its first calls. */
export function beginCalls(tools: readonly RecipeTool[]): string {
  return [
    ...(tools.includes('blktrace') ? ['record_blocks'] : []),
    ...(tools.includes('sysdig') ? ['record_machine'] : []),
    ...(tools.includes('strace') ? ['record_programs'] : []),
  ].join('\n')
}

const START = String.raw`# start COMMAND...: a recorder in the background, if it is there and does not end at once
start() {
  if ! command -v "$1" >/dev/null; then say "$1 is not there: going on without it." && return 1; fi
  "$@" >"$out/$1.log" 2>&1 &
  sleep 1
  if kill -0 $! 2>/dev/null; then running="$running $!" && return; fi
  say "$1 did not start ($(tail -n 1 "$out/$1.log")): going on without it." && return 1
}
`

function blocksPart(systems: readonly RecipeFileSystem[]): string {
  const others = systems.length > 1 ? F2FS_EVENTS : []
  return String.raw`# record_blocks: blktrace, and the kernel's events that name inodes. Where the kernel forbids blktrace (lockdown, no
# debugfs), its events of requests in its place. They get an instance of their own, removed at the end.
tracer=''
record_blocks() {
  events='${wrapped([...DIRTY_EVENTS, ...systems.flatMap((fs) => INODE_EVENTS[fs]), ...others])}'
  # shellcheck disable=SC2046 # one word a device
  start blktrace -D "$out" -b 1024 -n 8 $(disks | sed 's/^/-d /') || events="$events
    ${wrapped(BLOCK_EVENTS)}"
  [ -d /sys/kernel/tracing/events ] || mount -t tracefs tracefs /sys/kernel/tracing 2>/dev/null
  trace=/sys/kernel/tracing/instances/flushtrace
  rmdir $trace 2>/dev/null # left by a recording that was killed
  if ! mkdir $trace 2>/dev/null; then say 'No tracefs: going on without the events that name inodes.' && return; fi
  echo mono >$trace/trace_clock # blktrace's clock
  cat $trace/trace_clock >"$out/trace_clock.txt"
  echo 4096 >$trace/buffer_size_kb # for each CPU
  # Requests to other disks were not asked for. The kernel counts devices by a major number and 20 bits.
  devices | xargs lsblk -s -n -l -o MAJ:MIN | awk -F: '
    { text = text more "dev == " $1 * 1048576 + $2; more = " || " } END { print text }' >$trace/events/block/filter
  for event in $events; do
    for file in "$trace"/events/*/"$event"/enable; do echo 1 >"$file"; done 2>/dev/null || note "no event $event"
  done
  cat $trace/trace_pipe >"$out/tracefs.txt" 2>/dev/null &
  tracer=$!
}
`
}

/** Words in a quoted text of the script, broken into lines. */
function wrapped(words: readonly string[]): string {
  let column = 12
  return words.reduce((text, word) => {
    column += word.length + 1
    if (column <= 116) return `${text} ${word}`
    column = 4 + word.length
    return `${text}\n    ${word}`
  })
}

const SYSDIG = String.raw`# record_machine: the calls of all programs, with one byte of what they read and write. The capture holds their
# environments: keep it to yourself. The second way needs no kernel module (sysdig 0.31 and later).
record_machine() {
  start sysdig -s 1 -w "$out/capture.scap" || start sysdig --modern-bpf -s 1 -w "$out/capture.scap"
}
`

function oursPart(blocks: boolean): string {
  return String.raw`# is_ours PID: this script, or a recorder that it started: what its trace writes would be traced again
is_ours() { case " $$ $running ${blocks ? '$tracer ' : ''}" in *" $1 "*) ;; *) return 1 ;; esac; }
`
}

function targetsPart(processes: readonly string[]): string {
  if (processes.length === 0) {
    return String.raw`# targets: no program was named: the ten that write most in five seconds
written() { grep -s '^write_bytes:' /proc/[0-9]*/io | sed 's|^/proc/\([0-9]*\)/.* |\1 |'; }
targets() {
  { written && sleep 5 && written; } |
    awk '$1 in first { if ($2 > first[$1]) print $2 - first[$1], $1; next } { first[$1] = $2 }' | sort -rn |
    while read -r _ pid; do # a kernel thread has no program behind it
      is_ours "$pid" || ! readlink "/proc/$pid/exe" >/dev/null || echo "$pid"
    done | head -n 10
}
`
  }
  return String.raw`# targets: the programs that were named; the kernel keeps 15 letters of a name
targets() {
  set -- ${processes.map(shellWord).join(' ')}
  for process; do
    case $process in
      *[!0-9]*) grep -lsxF -e "$(printf %.15s "$process")" /proc/[0-9]*/comm | cut -d / -f 3 ;;
      *) echo "$process" ;;
    esac
  done | while read -r pid; do is_ours "$pid" || echo "$pid"; done
}
`
}

const STRACE = String.raw`# record_programs: strace, and before it what is open and mapped already, which no trace shows
record_programs() {
  set --
  for pid in $(targets); do
    [ -e "/proc/$pid" ] || continue # gone meanwhile
    if ! readlink "/proc/$pid/exe" >/dev/null; then
      say "$(cat "/proc/$pid/comm") [$pid] is of the kernel, and makes no calls that strace could show." && continue
    fi
    dir=$out/proc/$pid && mkdir -p "$dir"
    for file in maps comm cmdline status; do save $file cat "/proc/$pid/$file"; done
    save fd ls -l "/proc/$pid/fd"
    save fdinfo grep -r '^flags' "/proc/$pid/fdinfo"
    save cwd readlink "/proc/$pid/cwd"
    save task ls "/proc/$pid/task"
    say "strace: $(cat "$dir/comm") [$pid], slower while it is traced."
    set -- "$@" -p "$pid"
  done
  if [ $# -eq 0 ]; then say 'strace: no such program is running.' && return; fi
  start strace -f -yy -ttt -T -s 0 -e 'abbrev=!io_submit,io_getevents,sendmsg,recvmsg' -o "$out/strace.txt" "$@"
}
`

function finishPart(blocks: boolean): string {
  const tracefs = String.raw`
  [ -n "$tracer" ] || return
  echo 0 >$trace/tracing_on && sleep 1 # what is in the buffers is still read
  kill "$tracer" 2>/dev/null
  wait "$tracer" 2>/dev/null
  rmdir $trace`
  return String.raw`# finish: recorders end in their own way, and are waited for
finish() {
  for pid in $running; do kill "$pid" 2>/dev/null; done
  for pid in $running; do wait "$pid" 2>/dev/null; done${blocks ? tracefs : ''}
}
`
}
