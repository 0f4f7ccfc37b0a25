#!/bin/sh
# Records who writes to a disk and who flushes it, for: flushtrace rank OUTPUT
#   sh record.sh [DEVICE-OR-FOLDER [OUTPUT]]     as root; Ctrl-C ends the recording, properly
# Installs nothing. OUTPUT is a new folder, best on another disk than the recorded one.
export LC_ALL=C
umask 077 # names of files and programs are private
seconds=600 where=$1 out=$2
[ -n "$where" ] || where=/dev/sda1
[ -n "$out" ] || out=$PWD/flushtrace-$(date +%Y%m%d-%H%M%S)
case $where in -*) where=./$where ;; esac # a name, not an option
case $out in -*) out=./$out ;; esac
[ "$(id -u)" = 0 ] || { echo 'This must run as root.' >&2; exit 1; }
mkdir -p "$out" || exit 1
stopped='' running=''
trap 'echo "Interrupted: nothing was recorded." >&2; exit 130' INT TERM HUP
note() { printf '%s\n' "$*" >>"$out/record.log"; }
say() { note "$*"; printf '%s\n' "$*" | tr -d '\001-\011\013-\037\177' >&2; } # a program's name may hold anything
# Which file system: that of the folder or on the device (or on its partitions), else the one most written to so far.
folder=''
if [ -d "$where" ]; then folder=$(df -P "$where" | awk 'NR == 2 { print $6 }') where=''; fi
[ -z "$where" ] || [ -b "$where" ] || where=/dev/$where
choose() {
  [ -z "$where" ] || set -- "$where"
  lsblk -n -r -o KNAME,MOUNTPOINT "$@" | awk -v where="$where" -v folder="$folder" '
    FILENAME == "/proc/diskstats" { written[$3] = $10; next }
    FILENAME == "/proc/mounts" { type[$2] = $3; next }
    type[$2] ~ /^ext[234]$/ && (folder == "" || folder == $2) {
      print written[$1] + 0, $1, type[$2], $2
    }
  ' /proc/diskstats /proc/mounts - | sort -rn | head -n 1
}
# devices: those that the file system lies on
devices() {
  found=''
  [ -n "$found" ] || found=/dev/$disk
  echo "$found"
}
read -r _ disk fs mount <<END
$(choose)
END
if [ -z "$disk" ] && ! [ -b "$where" ]; then say 'No mounted ext4 found there: name a device or a folder.' && exit 1; fi
[ -n "$disk" ] || disk=$(basename "$(readlink -f "$where")")
on=$(devices | sed 's|^/dev/||' | tr '\n' ' ' | sed 's/ $//')
if [ -n "$mount" ]; then say "Recording $fs on $mount, which lies on $on."; else say "No mounted ext4 on $disk: no maps."; fi
[ "$mount" != "$(df -P "$out" | awk 'NR == 2 { print $6 }')" ] || say "So does $out: the recording will show itself."
# save FILE COMMAND...: what a command prints. What takes too long is cut off.
limit=$(timeout --foreground 1 echo timeout --foreground 120 2>/dev/null)
save() {
  file=$1 && shift
  if ! command -v "$1" >/dev/null; then
    note "no $dir/$file: $1 is not there"
  elif ! $limit "$@" >"$dir/$file" 2>>"$out/record.log"; then
    note "incomplete: $dir/$file: $* failed or was cut off"
  fi
  [ -s "$dir/$file" ] || rm -f "$dir/$file"
}
# clock FILE WHEN: one moment on both clocks: strace and sysdig tell wall time, block traces CLOCK_MONOTONIC
clock() {
  within=''
  for _ in 1 2 3 4 5 6 7 8; do # the one between two closest calls of date counts
    from=$(date +%s%N) now=''
    while read -r one two ns _; do [ "$one $two" != 'now at' ] || { now=$ns && break; }; done </proc/timer_list
    to=$(date +%s%N)
    case $from$to$now in *[!0-9]*) break ;; esac # a date without %N
    [ -n "$now" ] || break
    half=$(((to - from + 1) / 2))
    if [ -z "$within" ] || [ $half -lt "$within" ]; then within=$half wall=$((from + half)) monotonic=$now; fi
  done 2>/dev/null
  if [ -n "$within" ]; then
    printf '%s %s\n' when "$2" wall_ns "$wall" within_ns "$within" monotonic_ns "$monotonic" \
      monotonic_source /proc/timer_list >"$1"
  else # in steps of 10 ms, and it goes on while the machine sleeps
    monotonic=$(sed 's/\.\(..\) .*/\10000000/' /proc/uptime)
    printf '%s %s\n' when "$2" wall_ns "$(date +%s)000000000" monotonic_ns "$monotonic" monotonic_source /proc/uptime >"$1"
  fi
}
# until_now FILE: the map beside this clock note, which was begun at its time, is complete
until_now() {
  now=$(date +%s%N)
  case $now in *[!0-9]*) now=$(($(date +%s) + 1))000000000 ;; esac # a date without %N
  echo until_ns "$now" >>"$1"
}
# maps FOLDER WHEN
maps() {
  dir=$out/maps/$1 started=$(date +%s)
  mkdir -p "$dir"
  # What is not written yet has no place yet. While recording, a sync would itself be recorded.
  [ "$2" = during ] || sync -f "$mount" 2>/dev/null || sync
  clock "$dir/clock.txt" "$2"
  columns=NAME,KNAME,MAJ:MIN,TYPE,SIZE,FSTYPE,UUID,PKNAME,LOG-SEC
  save lsblk.json lsblk -J -b -o "$columns,START,MOUNTPOINTS"
  [ -s "$dir/lsblk.json" ] || save lsblk.json lsblk -J -b -o "$columns,MOUNTPOINT" # before util-linux 2.38
  save mountinfo.txt cat /proc/self/mountinfo
  for what in partitions mdstat; do [ ! -e /proc/$what ] || save $what.txt cat /proc/$what; done
  [ ! -e /dev/mapper/control ] || for what in table deps ls; do save dmsetup-$what.txt dmsetup $what; done
  save losetup.json losetup --json -l
  save dev-mapper.txt ls -l /dev/mapper
  [ ! -d /dev/drbd/by-res ] || save dev-drbd.txt ls -lR /dev/drbd/by-res
  members=$(grep -s '^md' /proc/mdstat | grep -o '[^ ]*\[' | sed 's|^|/dev/|;s|\[$||')
  # shellcheck disable=SC2086 # one word a device
  [ -z "$members" ] || save mdadm.txt mdadm -E $members
  if [ -z "$mount" ]; then until_now "$dir/clock.txt" && return; fi
  save dumpe2fs.txt dumpe2fs "/dev/$disk"
  # On a busy disk the bitmaps may not go together at this moment, and dumpe2fs gives up: then without them (-c).
  grep -qs '^Group' "$dir/dumpe2fs.txt" || save dumpe2fs.txt debugfs -c -R stats "/dev/$disk"
  save debugfs-journal.txt debugfs -c -R 'stat <8>' "/dev/$disk" # inode 8 is the journal
  $limit find "$mount" -xdev -type f -size +0 -print0 | xargs -0 -r filefrag -v >"$dir/filefrag.txt" 2>>"$out/record.log"
  save inodes.txt find "$mount" -xdev -printf '%i %s %p\0'
  until_now "$dir/clock.txt"
  [ $(($(date +%s) - started)) -lt 30 ] || say "A large file system: this map took over 30 s; a part may take 120 s."
}
# start COMMAND...: a recorder in the background, if it is there and does not end at once
start() {
  if ! command -v "$1" >/dev/null; then say "$1 is not there: going on without it." && return 1; fi
  "$@" >"$out/$1.log" 2>&1 &
  sleep 1
  if kill -0 $! 2>/dev/null; then running="$running $!" && return; fi
  say "$1 did not start ($(tail -n 1 "$out/$1.log")): going on without it." && return 1
}
# disks: the whole disks below, and the dm and md devices between: a partition is seen through its disk
disks() {
  devices | xargs lsblk -s -n -l -p -o KNAME,TYPE | awk '$2 != "part" && !seen[$1]++ { print $1 }'
}
# record_blocks: blktrace, and the kernel's events that name inodes. Where the kernel forbids blktrace (lockdown, no
# debugfs), its events of requests in its place. They get an instance of their own, removed at the end.
tracer=''
record_blocks() {
  events='writeback_dirty_folio writeback_dirty_page ext4_da_write_pages_extent ext4_allocate_blocks ext4_sync_file_enter
    ext4_sync_file_exit'
  # shellcheck disable=SC2046 # one word a device
  start blktrace -D "$out" -b 1024 -n 8 $(disks | sed 's/^/-d /') || events="$events
    block_bio_queue block_bio_remap block_bio_backmerge block_bio_frontmerge block_split block_rq_insert block_rq_issue
    block_rq_requeue block_rq_complete block_bio_complete"
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
# is_ours PID: this script, or a recorder that it started: what its trace writes would be traced again
is_ours() { case " $$ $running $tracer " in *" $1 "*) ;; *) return 1 ;; esac; }
# targets: the programs that were named; the kernel keeps 15 letters of a name
targets() {
  set -- postgres
  for process; do
    case $process in
      *[!0-9]*) grep -lsxF -e "$(printf %.15s "$process")" /proc/[0-9]*/comm | cut -d / -f 3 ;;
      *) echo "$process" ;;
    esac
  done | while read -r pid; do is_ours "$pid" || echo "$pid"; done
}
# record_programs: strace, and before it what is open and mapped already, which no trace shows
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
# finish: recorders end in their own way, and are waited for
finish() {
  for pid in $running; do kill "$pid" 2>/dev/null; done
  for pid in $running; do wait "$pid" 2>/dev/null; done
  [ -n "$tracer" ] || return
  echo 0 >$trace/tracing_on && sleep 1 # what is in the buffers is still read
  kill "$tracer" 2>/dev/null
  wait "$tracer" 2>/dev/null
  rmdir $trace
}

# --- the recording ---
maps before before
trap 'stopped=1' INT TERM HUP # from here on the recorders are ended properly
clock "$out/clock.txt" during
record_blocks
record_programs
say "Recording $on for $seconds s into $out. Ctrl-C ends it."
end=$(($(date +%s) + seconds))
while [ -z "$stopped" ] && [ "$(date +%s)" -lt "$end" ]; do
  sleep 1
done
finish
say 'The recording has ended. Saving where files lie now.'
maps after after
say "Done: $(du -sh "$out" | cut -f 1). What was missing is in $out/record.log. Next: flushtrace rank $out"
