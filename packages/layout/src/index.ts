export { parseMapsLine, procFileOf, readSavedProcesses, sniffProc } from './proc.ts'
export type { SavedFd, SavedProcess, SavedRegion } from './saved-process.ts'
