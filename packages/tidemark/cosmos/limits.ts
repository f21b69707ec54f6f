// What Cosmos DB takes at once: https://learn.microsoft.com/azure/cosmos-db/concepts-limits#per-request-limits

/** Operations of one transactional batch. */
const OPERATIONS = 100

/** Of one append. One operation reads the commit before; what stands around the items takes some of the 2 MB. */
export const APPEND = { entries: OPERATIONS - 1, bytes: 2 * 1024 * 1024 - 64 * 1024 } as const

/** Marks in one write: one operation is the document. */
export const MAX_MARKERS_PER_WRITE = OPERATIONS - 1

/** Events that one change of a parked stream adds and drops: the stream's own item and a discard are operations too. */
export const MAX_EVENTS_PER_CHANGE = OPERATIONS - 3
