export type {
  AddressPiece,
  DiskImage,
  ClockNote,
  ImagePiece,
  DiskLayout,
  FileSystem,
  FsPlace,
  InodeName,
  KnownDevice,
  LayoutSource,
  Placement,
} from './disk-layout.ts'
export { withoutMark } from './byte-order-mark.ts'
export { sniffLayout } from './kinds.ts'
export type { LayoutKind } from './kinds.ts'
export { lowersOf, type Layer } from './layer.ts'
export { AREAS, EXTENT } from './layout-map.ts'
export type { Area, AreaColumns, ExtentColumns, FsType, LayoutMap, MappedFile, MapTime } from './layout-map.ts'
export { parseMapsLine, procFileOf, readSavedProcesses, sniffProc } from './proc.ts'
export { readLayout } from './read-layout.ts'
export type { SavedFd, SavedProcess, SavedRegion } from './saved-process.ts'
export { stackOf, type SeenLayer } from './stack.ts'
export type { StackRow } from './stack.ts'
export { anonymizeProc, layoutAnonymizer, renameTarget } from './anonymize.ts'
