// Checks logs and views with code that is independent of the code that wrote them.

export { verifyArchive } from './archive.ts'
export { verifyLog } from './log.ts'
export { checkProof, createProof, type InclusionProof, ProofError, type ProvenEvent } from './proof.ts'
export { readSegments } from './read-segments.ts'
export type { SourceHistory } from './source-log.ts'
export { type DeclaredService, verifyViews } from './views.ts'
