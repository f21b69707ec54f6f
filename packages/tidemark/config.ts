import type { Service } from './core/service.ts'

/** What a project has: the default export of its `tidemark.config.ts`. */
export interface Config {
  /** Each is a function app of its own, with a database and an event hub. */
  readonly services: readonly Service[]
}

/**
 * Checks the types of a configuration, and gives it back.
 * @example export default defineConfig({ services: [ordering, inventory] })
 */
export function defineConfig(config: Config): Config {
  return config
}
