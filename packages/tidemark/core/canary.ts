import * as z from 'zod'
import { commandType, type Decider } from './decider.ts'
import { type EventOf, eventType } from './event.ts'
import type { SingleStreamView } from './view.ts'

/** Carries no data: its timestamp is the information. */
const CanarySent = eventType('CanarySent', z.object({}))
type CanaryEvent = EventOf<typeof CanarySent>

/**
 * A test command that takes the same path as any other: log, relay, hub and view. It proves that the path
 * works. A service opts in by listing `canary` among its deciders and `canaryView` among its views. It then
 * gets one every minute if the setting TIDEMARK_CANARY asks for it.
 *
 * Each day has its own stream, `canary-2026-01-31`, so that no stream grows for ever.
 * @example
 * ```ts
 * import { canary, canaryView, type Service } from 'tidemark'
 *
 * export const entries: Service = {
 *   name: 'entries',
 *   deciders: [canary],
 *   publishes: [],
 *   views: [canaryView],
 *   reactions: [],
 * }
 * ```
 */
export const canary: Decider<null, { readonly type: 'send'; readonly data: object }, CanaryEvent> = {
  category: 'canary',
  commands: [commandType('send', z.strictObject({}), { creates: true })],
  events: [CanarySent],
  initial: null,
  evolve: () => null,
  decide: () => [{ type: 'CanarySent', data: {} }],
}

/**
 * The newest canary of each day.
 * @example
 * ```ts
 * import { canary, canaryView } from 'tidemark'
 *
 * export const watched = { deciders: [canary], views: [canaryView] }
 * ```
 */
export const canaryView: SingleStreamView<{ readonly at: string }, CanaryEvent> = {
  kind: 'one-stream',
  name: 'canary',
  category: 'canary',
  document: z.object({ at: z.iso.datetime() }),
  filters: {},
  evolve: (_, { time }) => ({ at: time }),
  sort: ({ at }) => at,
}
