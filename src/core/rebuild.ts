/** What is done to a view: it is built anew from the log, or goes back to the generation that was live before. */
export type RebuildAction = 'rebuild' | 'go-back'

/** How a rebuild of a view stands: for whoever asks, and for whoever goes on with it where its process has ended. */
export interface Rebuild {
  readonly action: RebuildAction
  readonly state: 'running' | 'done' | 'failed'
  /** `reading`: the log; `handover`: projections write both generations; `live`: queries read the new one, and what is old is cleared up. */
  readonly stage: 'reading' | 'handover' | 'live'
  /** The generation that is to be live. Absent: that is not known yet. */
  readonly target?: number
  /** Of the log: read so far, and those that it had at the beginning. */
  readonly commits: number
  readonly total: number
  /** RFC 3339, UTC, milliseconds, by the store's clock; so is `updatedAt`, which a running one renews all the time. */
  readonly startedAt: string
  readonly updatedAt: string
  /** Who asked for it. */
  readonly by: string
  /** The process that does it: unique to it. */
  readonly instance: string
  /** Where it failed: why. */
  readonly code?: string
  readonly reason?: string
}
