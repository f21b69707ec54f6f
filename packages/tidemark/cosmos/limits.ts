// Limits of Cosmos DB requests:
// https://learn.microsoft.com/azure/cosmos-db/concepts-limits#per-request-limits

/** Operations in one transactional batch. */
const OPERATIONS = 100

/** Limits of one append. One operation reads the previous commit; the request's framing uses some of the 2 MB. */
export const APPEND = { entries: OPERATIONS - 1, bytes: 2 * 1024 * 1024 - 64 * 1024 } as const

/** Applied markers in one write: one operation is the document. */
export const MAX_MARKERS_PER_WRITE = OPERATIONS - 1

/**
 * Events that one change of a parked stream adds and drops. The stream's item and a discard are operations
 * too.
 */
export const MAX_EVENTS_PER_CHANGE = OPERATIONS - 3
