import type { LogLimits } from '../core/ports.ts'

// What the services take that these stand for: the contract suites hold both to the same.

export const LIMITS: LogLimits = { entries: 99, bytes: 2_031_616, eventBytes: 1_032_192 }
export const MARKS_AT_ONCE = 99
export const PARKED_AT_ONCE = 97
