/** What the state of block requests could not hold. */
import type { DiagnosticKind } from '@flushtrace/trace'

export const REQUESTS = {
  tooManyDevices: {
    code: 'correlate/too-many-devices',
    severity: 'loss',
    message: 'More devices than any machine has; the rest is not followed.',
    fix: 'check that the file is a block trace',
  },
  tooManySubmitters: {
    code: 'correlate/too-many-submitters',
    severity: 'loss',
    message: 'More tasks asked for block requests than are told apart; the rest is charged to the first.',
    fix: 'record a shorter time, or rank by device',
  },
} as const satisfies Record<string, DiagnosticKind>
