import type { AnyDecider } from './decider.ts'
import type { AnyView } from './view.ts'

/**
 * What clients reach at `/api/<service>/<path>`: documents of a view, and commands to an aggregate.
 * @example
 * ```ts
 * import type { Resource } from 'tidemark'
 * import { titles } from './entries.ts'
 * import { entry } from './entry.ts'
 *
 * // Below /api/<service>: GET entries, GET entries/{id}, POST entries/{id}/open.
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
 * The documents of a view that clients can read.
 * @example
 * ```ts
 * import type { ResourceDocuments } from 'tidemark'
 * import { titles } from './entries.ts'
 *
 * // One document is read at `<path>/{entry}`. OpenAPI names the parameter `entry`.
 * export const documents: ResourceDocuments = { view: titles, list: 'titles', one: 'title', key: 'entry' }
 * ```
 */
export interface ResourceDocuments {
  readonly view: AnyView
  /** The name of the function for `GET <path>`, without the service's prefix. */
  readonly list: string
  /** The name of the function for `GET <path>/{key}`, without the service's prefix. */
  readonly one: string
  /**
   * The name of the path parameter for a document's key; default `id`. In a single-stream view the key is the
   * aggregate's id.
   */
  readonly key?: string
}

/**
 * The commands that clients can send to a resource: `POST <path>/{id}/{command}`, and `POST <path>` for the
 * command that creates. The function of the former is `<category>-command`.
 * @example
 * ```ts
 * import assert from 'node:assert/strict'
 * import type { ResourceCommands } from 'tidemark'
 * import { entry } from './entry.ts'
 *
 * // The id derives from the request's key, so the same key opens no second entry.
 * const commands: ResourceCommands = { decider: entry, creates: 'open', offered: ['open'] }
 * assert.ok(entry.commands.some(({ name, creates }) => creates && name === commands.creates))
 * ```
 */
export interface ResourceCommands {
  readonly decider: AnyDecider
  /** The command of `POST <path>`. Its aggregate's id derives from the command's key. */
  readonly creates?: string
  /** The commands that clients can send. Leave out those that only reactions send. */
  readonly offered: readonly string[]
}

/**
 * First path segments that every service uses itself. A resource path that starts with one would clash.
 * @example
 * ```ts
 * import assert from 'node:assert/strict'
 * import { RESERVED_PATHS } from 'tidemark/tools'
 *
 * assert.ok(RESERVED_PATHS.includes('streams'))
 * ```
 */
export const RESERVED_PATHS: readonly string[] = [
  ...['about', 'events', 'health', 'parked', 'schedule', 'status', 'streams', 'subjects', 'traces', 'verification'],
  'views',
]
