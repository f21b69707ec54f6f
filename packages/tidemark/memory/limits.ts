import type { LogLimits } from '../core/ports.ts'

// What the services take that these stand for: the contract suites hold both to the same.

export const LIMITS: LogLimits = { entries: 99, bytes: 2_031_616, eventBytes: 1_032_192 }
export const MAX_MARKERS_PER_WRITE = 99
export const MAX_EVENTS_PER_CHANGE = 97
