/**
 * The part of the script that saves where files lie: how devices lie on each other, the places of all files, and
 * what only the tools of one file system tell (journal, metadata, chunks, old owners).
 */
import type { RecipeFileSystem } from './recipe-options.ts'

const MAPS: Readonly<Record<RecipeFileSystem, string>> = {
  btrfs: String.raw`save btrfs-filesystem-show.txt btrfs filesystem show "$mount"
save btrfs-subvolumes.txt btrfs subvolume list "$mount"
for tree in chunk root extent fs $(awk '{ print $2 }' "$dir/btrfs-subvolumes.txt" 2>/dev/null); do
  save "btrfs-dump-tree-$tree.txt" btrfs inspect-internal dump-tree -t "$tree" "/dev/$disk"
done`,
  ext4: String.raw`save dumpe2fs.txt dumpe2fs "/dev/$disk"
# On a busy disk the bitmaps may not go together at this moment, and dumpe2fs gives up: then without them (-c).
grep -qs '^Group' "$dir/dumpe2fs.txt" || save dumpe2fs.txt debugfs -c -R stats "/dev/$disk"
save debugfs-journal.txt debugfs -c -R 'stat <8>' "/dev/$disk" # inode 8 is the journal`,
  xfs: String.raw`save fsmap.txt xfs_io -r -c 'fsmap -v' "$mount"
save xfs_info.txt xfs_info "$mount"
save xfs_db-sb.txt xfs_db -r -c 'sb 0' -c p "/dev/$disk" # where the log is`,
  zfs: String.raw`save zpool-status.txt zpool status -LP
save zfs-list.txt zfs list
save zdb.txt zdb -ddddd "$disk"`,
}

/** How long one program may take for its part of a map. */
const MAP_SECONDS = 120

/** The functions that save a map: `maps FOLDER WHEN`. */
export function mapsPart(systems: readonly RecipeFileSystem[]): string {
  return String.raw`# save FILE COMMAND...: what a command prints. What takes too long is cut off.
limit=$(timeout --foreground 1 echo timeout --foreground ${MAP_SECONDS} 2>/dev/null)
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
${specificMaps(systems)}
  $limit find "$mount" -xdev -type f -size +0 -print0 | xargs -0 -r filefrag -v >"$dir/filefrag.txt" 2>>"$out/record.log"
  save inodes.txt find "$mount" -xdev -printf '%i %s %p\0'
  until_now "$dir/clock.txt"
  [ $(($(date +%s) - started)) -lt 30 ] || say "A large file system: this map took over 30 s; a part may take ${MAP_SECONDS} s."
}
`
}

function specificMaps(systems: readonly RecipeFileSystem[]): string {
  if (systems.length === 1) return indented(MAPS[systems[0]], 2)
  const cases = systems.map((fs) => `    ${fs === 'ext4' ? 'ext*' : fs})\n${indented(MAPS[fs], 6)}\n      ;;`)
  return ['  case $fs in', ...cases, '  esac'].join('\n')
}

function indented(text: string, blanks: number): string {
  return text.replace(/^/gm, ' '.repeat(blanks))
}
