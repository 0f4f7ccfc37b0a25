/**
 * Device numbers as the kernel keeps them: major in the upper 12 bits, minor in the lower 20 (include/linux/kdev_t.h).
 * One unsigned 32-bit number, so that a column of them is an Uint32Array and a comparison is one instruction.
 */
const MINOR_BITS = 20
const MINOR_MASK = (1 << MINOR_BITS) - 1

/** What the kernel counts places on devices in, whatever the disk's own sectors are (include/linux/blk_types.h). */
export const SECTOR_BYTES = 512

/** The smallest page of the page cache, and the block of most file systems. */
export const PAGE_BYTES = 4096

/** Not a device: 4095:1048575 is never handed out. */
export const NO_DEVICE = 0xffffffff

/** `major`:`minor` as one number. */
export function makeDevice(major: number, minor: number): number {
  return ((major << MINOR_BITS) | (minor & MINOR_MASK)) >>> 0
}

/** The driver: 8 of `8:1`. */
export function majorOf(device: number): number {
  return device >>> MINOR_BITS
}

/** Which of its devices: 1 of `8:1`. */
export function minorOf(device: number): number {
  return device & MINOR_MASK
}

/** `7:0`; null for NO_DEVICE. */
export function deviceText(device: number): string | null {
  return device === NO_DEVICE ? null : `${majorOf(device)}:${minorOf(device)}`
}

/** `7:0` or `7,0` → number; null for anything else. */
export function parseDevice(text: string): number | null {
  const match = /^(\d{1,4})[:,](\d{1,7})$/.exec(text)
  return match ? makeDevice(Number(match[1]), Number(match[2])) : null
}
