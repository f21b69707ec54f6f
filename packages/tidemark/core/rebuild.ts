/** Every `RebuildAction`. */
export const REBUILD_ACTIONS = ['rebuild', 'build', 'promote', 'promote-if-equal', 'abandon', 'go-back'] as const

/**
 * An action on the generations of a view. `rebuild` is `build` and `promote` in one.
 * - `build`: builds the next generation from the log beside the live one, keeps it up to date and compares
 *   the two.
 * - `promote`: makes queries read the built generation.
 * - `promote-if-equal`: compares the two again, and promotes only if no document differs.
 * - `abandon`: removes the built generation.
 * - `go-back`: makes queries read the previously live generation again.
 * @example
 * ```ts
 * import assert from 'node:assert/strict'
 * import type { RebuildAction } from 'tidemark/tools'
 *
 * // The choices once a generation is built.
 * const buttons: Partial<Record<RebuildAction, string>> = { promote: 'Read this one', abandon: 'Throw it away' }
 * assert.ok(!('go-back' in buttons))
 * ```
 */
export type RebuildAction = (typeof REBUILD_ACTIONS)[number]

/** The stages of a `Rebuild`, in order. */
export const REBUILD_STAGES = ['reading', 'handover', 'comparing', 'built', 'live'] as const
export type RebuildStage = (typeof REBUILD_STAGES)[number]

/**
 * How a built generation differs from the live one.
 * @example
 * ```ts
 * import assert from 'node:assert/strict'
 * import type { Comparison } from 'tidemark/tools'
 *
 * // A refactored view is promoted without review if nothing differs.
 * const isSamePath = ({ changed, added, removed }: Comparison): boolean => changed + added + removed === 0
 * assert.ok(isSamePath({ compared: 1200, changed: 0, added: 0, removed: 0, examples: [] }))
 * const examples = [{ key: 'entry-1', difference: 'added' }] as const
 * assert.ok(!isSamePath({ compared: 1201, changed: 0, added: 1, removed: 0, examples }))
 * ```
 */
export interface Comparison {
  /** Distinct documents in either generation. */
  readonly compared: number
  /** Documents in both generations with different content. */
  readonly changed: number
  /** Documents in the built generation only. */
  readonly added: number
  /** Documents in the live generation only. */
  readonly removed: number
  /** The first differences. */
  readonly examples: readonly { readonly key: string; readonly difference: 'changed' | 'added' | 'removed' }[]
}

/** The number of documents that differ. */
export function countDifferences({ changed, added, removed }: Comparison): number {
  return changed + added + removed
}

/**
 * The state of the last action on a view's generations.
 * @example
 * ```ts
 * import assert from 'node:assert/strict'
 * import type { Rebuild } from 'tidemark/tools'
 *
 * // A running process renews `updatedAt`. One that died does not.
 * const seemsDead = ({ state, updatedAt }: Pick<Rebuild, 'state' | 'updatedAt'>, now: string): boolean =>
 *   state === 'running' && Date.parse(now) - Date.parse(updatedAt) > 60_000
 * assert.ok(seemsDead({ state: 'running', updatedAt: '2026-03-01T06:00:00.000Z' }, '2026-03-01T06:05:00.000Z'))
 * ```
 */
export interface Rebuild {
  readonly action: RebuildAction
  readonly state: 'running' | 'done' | 'failed'
  /**
   * - `reading`: reads the log.
   * - `handover`: projections write both generations.
   * - `comparing`: compares the built generation with the live one.
   * - `built`: waits to be promoted or abandoned.
   * - `live`: queries read the target, and old data is removed.
   */
  readonly stage: RebuildStage
  /** The generation the action is about. Absent: not known yet. */
  readonly target?: number
  /** Commits of the log read so far. `total` is how many the log had at the start. */
  readonly commits: number
  readonly total: number
  /** Events in these commits. Absent: the build that runs it does not count them. */
  readonly events?: number
  readonly comparison?: Comparison
  /**
   * RFC 3339, UTC, milliseconds, by the store's clock. So is `updatedAt`, which a running rebuild keeps
   * renewing.
   */
  readonly startedAt: string
  readonly updatedAt: string
  /** Who started it. */
  readonly by: string
  /** The process that runs it; unique. */
  readonly instance: string
  /** The error code if it failed; `reason` is the message. */
  readonly code?: string
  readonly reason?: string
}

/** A rebuild, as stored. */
export interface StoredRebuild extends Rebuild {
  /**
   * How far the log was read: the `offset` of an `EventFeedReader`. A process that resumes the rebuild starts
   * here.
   */
  readonly position?: string
}
