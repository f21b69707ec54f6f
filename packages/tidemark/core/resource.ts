import type { AnyDecider } from './decider.ts'
import type { AnyView } from './view.ts'

/**
 * What clients of a service reach at `/api/<service>/<path>`: documents of a view, and commands to an aggregate.
 * @example
 * ```ts
 * import type { Resource } from 'tidemark'
 * import { titles } from './entries.ts'
 * import { entry } from './entry.ts'
 *
 * // GET entries, GET entries/{id}, POST entries/{id}/open: all of them below /api/<service>.
 * export const resource: Resource = {
 *   path: 'entries',
 *   documents: { view: titles, list: 'entries', one: 'entry' },
 *   commands: { decider: entry, offered: ['open'] },
 * }
 * ```
 */
export interface Resource {
  readonly path: string
  /** `GET <path>` and `GET <path>/{id}`. */
  readonly documents?: ResourceDocuments
  /** `POST <path>` and `POST <path>/{id}/{command}`. */
  readonly commands?: ResourceCommands
}

/**
 * What clients read of a resource: the documents of a view.
 * @example
 * ```ts
 * import type { ResourceDocuments } from 'tidemark'
 * import { titles } from './entries.ts'
 *
 * // One document is read at `<path>/{entry}`, and OpenAPI calls the parameter so.
 * export const documents: ResourceDocuments = { view: titles, list: 'titles', one: 'title', key: 'entry' }
 * ```
 */
export interface ResourceDocuments {
  readonly view: AnyView
  /** The name of the function of `GET <path>`, after the service's. */
  readonly list: string
  /** The name of the function of `GET <path>/{key}`, after the service's. */
  readonly one: string
  /**
   * What the path of one document calls its key; absent: `id`. In a view of single streams it is the
   * aggregate's id.
   */
  readonly key?: string
}

/**
 * The commands that clients may send to a resource: `POST <path>/{id}/{command}`, and `POST <path>` for the
 * one that creates. The function of the first is `<category>-command`.
 * @example
 * ```ts
 * import assert from 'node:assert/strict'
 * import type { ResourceCommands } from 'tidemark'
 * import { entry } from './entry.ts'
 *
 * // Whoever posts an entry needs no id: it is made of the request's key. The same key opens no second entry.
 * const commands: ResourceCommands = { decider: entry, creates: 'open', offered: ['open'] }
 * assert.ok(entry.commands.some(({ name, creates }) => creates && name === commands.creates))
 * ```
 */
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
 * import { RESERVED_PATHS } from 'tidemark/tools'
 *
 * assert.ok(RESERVED_PATHS.includes('streams'))
 * ```
 */
export const RESERVED_PATHS: readonly string[] = [
  ...['about', 'events', 'health', 'parked', 'schedule', 'status', 'streams', 'traces', 'verification', 'views'],
]
