/** Every `RebuildAction`. */
export const REBUILD_ACTIONS = ['rebuild', 'build', 'promote', 'abandon', 'go-back'] as const

/**
 * What can be done to the generations of a view. `rebuild` is `build` and `promote` in one.
 * - `build`: builds the next one from the log beside the live one, keeps it up to date, and compares the two.
 * - `promote`: lets queries read the one that was built.
 * - `abandon`: removes the one that was built.
 * - `go-back`: lets queries read the one again that was live before.
 * @example
 * ```ts
 * import assert from 'node:assert/strict'
 * import type { RebuildAction } from 'tidemark/tools'
 *
 * // What somebody chooses between where a generation is built.
 * const buttons: Partial<Record<RebuildAction, string>> = { promote: 'Read this one', abandon: 'Throw it away' }
 * assert.ok(!('go-back' in buttons))
 * ```
 */
export type RebuildAction = (typeof REBUILD_ACTIONS)[number]

/** The stages of a `Rebuild`, in their order. */
export const REBUILD_STAGES = ['reading', 'handover', 'comparing', 'built', 'live'] as const
export type RebuildStage = (typeof REBUILD_STAGES)[number]

/**
 * How a built generation differs from the live one.
 * @example
 * ```ts
 * import assert from 'node:assert/strict'
 * import type { Comparison } from 'tidemark/tools'
 *
 * // A refactored view is promoted without a look where nothing differs.
 * const isSamePath = ({ changed, added, removed }: Comparison): boolean => changed + added + removed === 0
 * assert.ok(isSamePath({ compared: 1200, changed: 0, added: 0, removed: 0, examples: [] }))
 * const examples = [{ key: 'entry-1', difference: 'added' }] as const
 * assert.ok(!isSamePath({ compared: 1201, changed: 0, added: 1, removed: 0, examples }))
 * ```
 */
export interface Comparison {
  /** Documents, each once, of either. */
  readonly compared: number
  /** Both have it, and it says something else. */
  readonly changed: number
  /** The built one alone has it. */
  readonly added: number
  /** The live one alone has it. */
  readonly removed: number
  /** The first that differ. */
  readonly examples: readonly { readonly key: string; readonly difference: 'changed' | 'added' | 'removed' }[]
}

/**
 * How the last thing that was done to a view's generations stands.
 * @example
 * ```ts
 * import assert from 'node:assert/strict'
 * import type { Rebuild } from 'tidemark/tools'
 *
 * // A process that ended in the middle of it renews it no longer.
 * const seemsDead = ({ state, updatedAt }: Pick<Rebuild, 'state' | 'updatedAt'>, now: string): boolean =>
 *   state === 'running' && Date.parse(now) - Date.parse(updatedAt) > 60_000
 * assert.ok(seemsDead({ state: 'running', updatedAt: '2026-03-01T06:00:00.000Z' }, '2026-03-01T06:05:00.000Z'))
 * ```
 */
export interface Rebuild {
  readonly action: RebuildAction
  readonly state: 'running' | 'done' | 'failed'
  /**
   * `reading`: the log. `handover`: projections write both generations. `comparing`: the built one with the
   * live one. `built`: it waits for somebody to promote or abandon it. `live`: queries read the target, and
   * what is old is cleared up.
   */
  readonly stage: RebuildStage
  /** The generation that it is about. Absent: that is not known yet. */
  readonly target?: number
  /** Of the log: read so far, and those that it had at the beginning. */
  readonly commits: number
  readonly total: number
  readonly comparison?: Comparison
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

/** A rebuild, as it is kept. */
export interface StoredRebuild extends Rebuild {
  /** Where in the log the commits end that were read: who goes on with it begins there. Of `EventFeedReader`. */
  readonly position?: string
}
