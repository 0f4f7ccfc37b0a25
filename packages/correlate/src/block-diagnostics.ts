/** What the state of block requests could not hold. */
import type { DiagnosticKind } from '@flushtrace/trace'

export const REQUESTS = {
  tooManyDevices: {
    code: 'correlate/too-many-devices',
    severity: 'loss',
    message: 'More than 4,096 devices (MAX_DEVICES), which no machine has; requests of the others are not counted.',
    fix: 'check that the file is a block trace, or name one device (--device); the limit is fixed',
  },
  tooManySubmitters: {
    code: 'correlate/too-many-submitters',
    severity: 'loss',
    message:
      'More than 65,536 tasks asked for requests of one device (MAX_TASKS; first: {}); requests of the others are charged to no task.',
    fix: 'record a shorter time, or rank by device; the limit is fixed',
  },
  tooManyOpen: {
    code: 'correlate/too-many-open',
    severity: 'loss',
    message:
      'More than 262,144 requests of one device under way at once (MAX_OPEN; first: {}): that they ended is not seen, and they have no times.',
    fix: 'record completions, too (blktrace -a complete, block_rq_complete); the limit is fixed',
  },
  tooManyErrors: {
    code: 'correlate/too-many-errors',
    severity: 'loss',
    message:
      'More than 4,095 different errors of one device (MAX_ERRORS; first: {}), which Linux does not have; the others are not counted.',
    fix: 'check that the file is a block trace; the limit is fixed',
  },
  tooManyLayers: {
    code: 'correlate/too-many-layers',
    severity: 'loss',
    message:
      'Requests went on between more than 1,024 pairs of devices (MAX_LAYERS; first: {}); the others are not in the figure of inspect.',
    fix: 'check that the file is a block trace; the limit is fixed',
  },
} as const satisfies Record<string, DiagnosticKind>
