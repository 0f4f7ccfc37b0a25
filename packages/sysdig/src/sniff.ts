/** Is this a capture of sysdig? Told by its first blocks, never by its name. */
import { SECTION, blockKind, isNetworkBlock, sectionOrder } from './blocks.ts'

/** pcapng's first words, and the older pcap's in all its forms. */
const PCAP_MAGIC: ReadonlySet<number> = new Set([0xa1b2c3d4, 0xd4c3b2a1, 0xa1b23c4d, 0x4d3cb2a1])

/** `head`: the first bytes, unpacked. */
export function sniffScap(head: Uint8Array): 'scap' | null {
  return firstBlocks(head) === 'scap' ? 'scap' : null
}

/** An ordinary network capture, which shares the first block with sysdig's: to be refused by name. */
export function sniffPcapng(head: Uint8Array): 'pcapng' | 'pcap' | null {
  if (head.length >= 4 && PCAP_MAGIC.has(new DataView(head.buffer, head.byteOffset).getUint32(0, true))) return 'pcap'
  return firstBlocks(head) === 'pcapng' ? 'pcapng' : null
}

function firstBlocks(head: Uint8Array): 'scap' | 'pcapng' | null {
  const view = new DataView(head.buffer, head.byteOffset, head.byteLength)
  if (head.length < 16 || view.getUint32(0, true) !== SECTION) return null
  const order = sectionOrder(view, 0)
  if (order === 'none') return null
  const little = order === 'little'
  for (let at = 0; at + 8 <= head.length;) {
    const type = view.getUint32(at, little)
    const length = view.getUint32(at + 4, little)
    const kind = blockKind(type)
    if (kind !== null && kind !== 'section') return 'scap'
    if (isNetworkBlock(type)) return 'pcapng'
    if (length < 12) return 'scap'
    at += length
  }
  // Nothing but a header: either tool leaves this behind when it is stopped before its first packet or event.
  return 'scap'
}
