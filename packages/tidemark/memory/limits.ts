import type { LogLimits } from '../core/ports.ts'

// The limits of the cloud services. The contract suites check the memory stores and the services against the
// same limits.

export const LIMITS: LogLimits = { entries: 99, bytes: 2_031_616, eventBytes: 1_032_192 }
export const MAX_MARKERS_PER_WRITE = 99
export const MAX_EVENTS_PER_CHANGE = 97
