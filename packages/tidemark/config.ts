import type { Service } from './core/service.ts'

/**
 * What a project has: the default export of its `tidemark.config.ts`.
 * @example
 * ```ts
 * import assert from 'node:assert/strict'
 * import type { Config } from 'tidemark'
 * import { entries } from './entries.ts'
 *
 * // A script of the project's own reads the same declarations.
 * const listViews = ({ services }: Config): readonly string[] =>
 *   services.flatMap(({ name, views }) => views.map((view) => `${name}/${view.name}`))
 * assert.deepEqual(listViews({ services: [entries] }), ['entries/titles'])
 * ```
 */
export interface Config {
  /** Each is a function app of its own, with a database and an event hub. */
  readonly services: readonly Service[]
}

/**
 * Checks the types of a configuration, and gives it back.
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
