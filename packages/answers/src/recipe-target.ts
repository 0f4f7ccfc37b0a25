/** The part of the script that finds the file system to record, and the disks below it. */
import type { RecipeFileSystem } from './recipe-options.ts'

/** Types in /proc/mounts. ext2 and ext3 are mounted by the driver of ext4, and look like it. */
const TYPES: Readonly<Record<RecipeFileSystem, string>> = { btrfs: 'btrfs', ext4: 'ext[234]', xfs: 'xfs', zfs: 'zfs' }

/** Commands that print the devices of a file system that may have several. */
const DEVICES: Readonly<Partial<Record<RecipeFileSystem, string>>> = {
  xfs: `echo "/dev/$disk" && awk -v mount="$mount" '
      $2 == mount { for (n = split($4, word, ","); n > 0; n--) if (sub(/^(log|rt)dev=/, "", word[n])) print word[n] }
    ' /proc/mounts`,
  btrfs: `btrfs filesystem show "$mount" | sed -n 's/.* path //p'`,
  zfs: `zpool status -LP "$(echo "$disk" | cut -d / -f 1)" | awk '$1 ~ "^/dev/" { print $1 }'`,
}

/** Finds the file system to record, and the device, mount point and disks that it lies on. */
export function targetPart(systems: readonly RecipeFileSystem[]): string {
  const [only, ...others] = systems
  const one = others.length === 0
  const wanted = `mounted ${one ? only : 'file system'}`
  // Requests and calls are recorded of any, and filefrag maps most.
  const type = one ? `~ /^${TYPES[only]}$/` : '!= ""'
  // ZFS is on no device that lsblk could name: its data sets are taken from the list of mounts.
  const zfs = systems.includes('zfs')
    ? '\n      if ($3 == "zfs" && where == "" && (folder == "" || folder == $2)) print 0, $1, $3, $2\n     '
    : ''
  return String.raw`# Which file system: that of the folder or on the device (or on its partitions), else the one most written to so far.
folder=''
if [ -d "$where" ]; then folder=$(df -P "$where" | awk 'NR == 2 { print $6 }') where=''; fi
[ -z "$where" ] || [ -b "$where" ] || where=/dev/$where
choose() {
  [ -z "$where" ] || set -- "$where"
  lsblk -n -r -o KNAME,MOUNTPOINT "$@" | awk -v where="$where" -v folder="$folder" '
    FILENAME == "/proc/diskstats" { written[$3] = $10; next }
    FILENAME == "/proc/mounts" {${zfs} type[$2] = $3; next }
    type[$2] ${type} && (folder == "" || folder == $2) {
      print written[$1] + 0, $1, type[$2], $2
    }
  ' /proc/diskstats /proc/mounts - | sort -rn | head -n 1
}
${devicesPart(systems)}read -r _ disk fs mount <<END
$(choose)
END
if [ -z "$disk" ] && ! [ -b "$where" ]; then say 'No ${wanted} found there: name a device or a folder.' && exit 1; fi
[ -n "$disk" ] || disk=$(basename "$(readlink -f "$where")")
on=$(devices | sed 's|^/dev/||' | tr '\n' ' ' | sed 's/ $//')
if [ -n "$mount" ]; then say "Recording $fs on $mount, which lies on $on."; else say "No ${wanted} on $disk: no maps."; fi
[ "$mount" != "$(df -P "$out" | awk 'NR == 2 { print $6 }')" ] || say "So does $out: the recording will show itself."
`
}

function devicesPart(systems: readonly RecipeFileSystem[]): string {
  const cases = systems.flatMap((fs) => (DEVICES[fs] ? [`    ${fs}) found=$(${DEVICES[fs]}) ;;\n`] : []))
  const ask = cases.length === 0 ? '' : `  case $fs in\n${cases.join('')}  esac\n`
  return String.raw`# devices: those that the file system lies on
devices() {
  found=''
${ask}  [ -n "$found" ] || found=/dev/$disk
  echo "$found"
}
`
}

/** Devices for blktrace: a partition is seen through its disk; dm and md devices beside theirs. */
export const DISKS = String.raw`# disks: the whole disks below, and the dm and md devices between: a partition is seen through its disk
disks() {
  devices | xargs lsblk -s -n -l -p -o KNAME,TYPE | awk '$2 != "part" && !seen[$1]++ { print $1 }'
}
`
