export { readBlktrace, type BlockReading } from './read-binary.ts'
export type { BlockFacts } from './facts.ts'
export { BLKTRACE } from './diagnostics.ts'
