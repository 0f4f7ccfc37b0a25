/** Ends the process once all that was written to stdout has left it: a pipe takes 64 KiB at a time. */
export function leave(code: number): void {
  process.exitCode = code
  process.stdout.write('', () => process.exit(code))
}
