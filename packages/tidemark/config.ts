import type { Service } from './core/service.ts'

/**
 * The configuration of a project: the default export of its `tidemark.config.ts`.
 * @example
 * ```ts
 * import assert from 'node:assert/strict'
 * import type { Config } from 'tidemark'
 * import { entries } from './entries.ts'
 *
 * // A script of the project can read the same declarations.
 * const listViews = ({ services }: Config): readonly string[] =>
 *   services.flatMap(({ name, views }) => views.map((view) => `${name}/${view.name}`))
 * assert.deepEqual(listViews({ services: [entries] }), ['entries/titles'])
 * ```
 */
export interface Config {
  /** Each service is a separate function app, with a database and an event hub. */
  readonly services: readonly Service[]
}

/**
 * Checks the types of a configuration and returns it.
 * @example
 * ```ts
 * import { defineConfig } from 'tidemark'
 * import { entries } from './entries.ts'
 *
 * export default defineConfig({ services: [entries] })
 * ```
 */
export function defineConfig(config: Config): Config {
  return config
}
