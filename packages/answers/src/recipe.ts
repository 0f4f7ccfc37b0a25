/**
 * A shell script that records, on the server, everything the answers are made of. Only text is made here: the pieces
 * are in recipe-target.ts (which disk), recipe-maps.ts (where files lie) and recipe-recorders.ts (what happens).
 *
 * POSIX sh and what a server has anyway, since nothing may be installed there; `${…}` is not used, so that the pieces
 * read here as they read there.
 */
import { TraceError } from '@flushtrace/trace'
import { mapsPart } from './recipe-maps.ts'
import { RECIPE_FILE_SYSTEMS, type RecipeFileSystem, type RecipeOptions, type RecipeTool } from './recipe-options.ts'
import { beginCalls, recordersPart } from './recipe-recorders.ts'
import { targetPart } from './recipe-target.ts'
import { shellWord } from './shell-word.ts'

/** The script. The same options give the same text. Throws where a name would not show in it. */
export function recipe(options: RecipeOptions = {}): string {
  const { seconds = 60, device, processes = [], tools = ['strace', 'blktrace'] } = options
  if (device !== undefined) refuseHidden('--device', device, 'name it by another path')
  for (const process of processes) {
    refuseHidden('--process', process, 'name it by its pid')
    if (process === '') throw new TraceError('usage', `--process '': give a name or a pid`)
  }
  const systems = options.fs ? [options.fs] : RECIPE_FILE_SYSTEMS
  return [
    startPart(seconds, device),
    targetPart(systems),
    mapsPart(systems),
    recordersPart(systems, tools, processes),
    recordPart(systems, tools),
  ].join('')
}

/** A script is read before it is run: nothing in it may hide, move what stands around it, or reach the terminal raw. */
function refuseHidden(flag: string, text: string, fix: string): void {
  if (/[\p{C}\p{Zl}\p{Zp}]/u.test(text))
    throw new TraceError('usage', `${flag} ${text}: it holds characters that do not show; ${fix}`)
}

function startPart(seconds: number, device: string | undefined): string {
  const given = device === undefined ? '' : `[ -n "$where" ] || where=${shellWord(device)}\n`
  return String.raw`#!/bin/sh
# Records who writes to a disk and who flushes it, for: flushtrace rank OUTPUT
#   sh record.sh [DEVICE-OR-FOLDER [OUTPUT]]     as root; Ctrl-C ends the recording, properly
# Installs nothing. OUTPUT is a new folder, best on another disk than the recorded one.
export LC_ALL=C
umask 077 # names of files and programs are private
seconds=${seconds} where=$1 out=$2
${given}[ -n "$out" ] || out=$PWD/flushtrace-$(date +%Y%m%d-%H%M%S)
case $where in -*) where=./$where ;; esac # a name, not an option
case $out in -*) out=./$out ;; esac
[ "$(id -u)" = 0 ] || { echo 'This must run as root.' >&2; exit 1; }
mkdir -p "$out" || exit 1
stopped='' running=''
trap 'echo "Interrupted: nothing was recorded." >&2; exit 130' INT TERM HUP
note() { printf '%s\n' "$*" >>"$out/record.log"; }
say() { note "$*"; printf '%s\n' "$*" | tr -d '\001-\011\013-\037\177' >&2; } # a program's name may hold anything
`
}

/** Copy-on-write: what is overwritten moves, so a map ages with every write. */
const COPY_ON_WRITE: readonly RecipeFileSystem[] = ['btrfs', 'zfs']
/** Each map reads the whole tree of files; more often it would be the load that is recorded. */
const EVERY_SECONDS = 15

function recordPart(systems: readonly RecipeFileSystem[], tools: readonly RecipeTool[]): string {
  const moving = systems.filter((fs) => COPY_ON_WRITE.includes(fs))
  const only = moving.length === systems.length ? '' : `case $fs in ${moving.join(' | ')}) ;; *) continue ;; esac\n  `
  const during =
    moving.length === 0
      ? ''
      : String.raw`
  ${only}age=$((age + 1)) # copy-on-write: what is overwritten moves, so the map is taken again and again
  if [ $age -ge ${EVERY_SECONDS} ]; then n=$((n + 1)) age=0 && maps "during-$n" during; fi`
  const inEach = moving.length === systems.length ? '' : `case $fs in ${moving.join(' | ')}) `
  const last =
    moving.length === 0
      ? ''
      : `\n# while requests are still recorded: what is written later gets blocks that were freed meanwhile\n${inEach}maps "during-$((n + 1))" during${inEach && ' ;; esac'}`
  return String.raw`
# --- the recording ---
maps before before
trap 'stopped=1' INT TERM HUP # from here on the recorders are ended properly
clock "$out/clock.txt" during
${beginCalls(tools)}
say "Recording $on for $seconds s into $out. Ctrl-C ends it."
end=$(($(date +%s) + seconds))${moving.length === 0 ? '' : ' age=0 n=0'}
while [ -z "$stopped" ] && [ "$(date +%s)" -lt "$end" ]; do
  sleep 1${during}
done${last}
finish
say 'The recording has ended. Saving where files lie now.'
maps after after
say "Done: $(du -sh "$out" | cut -f 1). What was missing is in $out/record.log. Next: flushtrace rank $out"
`
}
