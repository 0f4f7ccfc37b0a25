/** Which commands of fcntl and which requests of ioctl become rows. */
import { flags as F } from '@flushtrace/trace'
import * as C from './columns.ts'

/**
 * Whether an fcntl that begins needs no row: it neither copies a descriptor, nor marks one, nor changes its flags, nor asks
 * for a record lock.
 * F_SETFD: its mark is in no enter; where the exit has it, the exit has all.
 */
export function isPassed(command: number): boolean {
  return command !== F.F_DUPFD && command !== F.F_DUPFD_CLOEXEC && command !== F.F_SETFL && !F.isRecordLock(command)
}

/** Of an fcntl that ended. */
export function tells(values: Float64Array): boolean {
  if (!(values[C.RESULT] >= 0)) return false
  // Without its argument (until 2026) nobody knows whether the flag was set or cleared.
  if (values[C.FLAGS] === F.F_SETFD) return !Number.isNaN(values[C.FLAGS2])
  return !isPassed(values[C.FLAGS])
}

/** Leaves of an ioctl what a rule asks for: only FICLONE's argument is a descriptor, others are addresses. False: nothing. */
export function trimIoctl(values: Float64Array): boolean {
  if (values[C.FLAGS] !== F.FICLONE) values[C.FD2] = NaN
  return values[C.FLAGS] >= 0
}
