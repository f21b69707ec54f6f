import type { AnyDecider } from './decider.ts'
import type { AnyView } from './view.ts'

/**
 * What clients of a service reach at `/api/<service>/<path>`: documents of a view, and commands to an aggregate.
 * @example
 * {
 *   path: 'orders',
 *   documents: { view: orderView, list: 'orders', one: 'order' },
 *   commands: { decider: order, creates: 'place', offered: ['place', 'cancel'] },
 * }
 */
export interface Resource {
  readonly path: string
  /** `GET <path>` and `GET <path>/{id}`. */
  readonly documents?: ResourceDocuments
  /** `POST <path>` and `POST <path>/{id}/{command}`. */
  readonly commands?: ResourceCommands
}

/** What clients read of a resource: the documents of a view. */
export interface ResourceDocuments {
  readonly view: AnyView
  /** The names of the two functions, after the service's. */
  readonly list: string
  readonly one: string
  /** What the path of one document calls its key; absent: `id`. In a view of single streams it is the aggregate's id. */
  readonly key?: string
}

/** The function is `<category>-command`. */
export interface ResourceCommands {
  readonly decider: AnyDecider
  /** The command of `POST <path>`: its aggregate gets an id that derives from the command's key. */
  readonly creates?: string
  /** Those that clients may send: what a reaction alone decides on is not among them. */
  readonly offered: readonly string[]
}

/**
 * What the paths begin with that every service has: those of a resource that began so would match them.
 * @example
 * ```ts
 * import assert from 'node:assert/strict'
 * import { TAKEN_PATHS } from 'tidemark/tools'
 *
 * assert.ok(TAKEN_PATHS.includes('streams'))
 * ```
 */
export const TAKEN_PATHS: readonly string[] = [
  ...['about', 'events', 'health', 'parked', 'schedule', 'status', 'streams', 'traces', 'verification', 'views'],
]
