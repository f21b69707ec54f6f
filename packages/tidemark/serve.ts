import './azure-functions/node-version.ts'
import { register } from './azure-functions/register.ts'
import { buildResourceRoutes } from './azure-functions/resources.ts'
import { compose } from './compose.ts'
import type { Service } from './core/service.ts'

/**
 * Registers all functions of a service from its declaration: its resources, stream history and operations
 * over HTTP, its relay, the consumers of its views and reactions, and its periodic work.
 * @throws TidemarkError `registration-invalid`, `setting-invalid`: one line per fault, and the app does not
 *   start.
 * @example
 * ```ts
 * import { serve } from 'tidemark/azure-functions'
 * import { entries } from './entries.ts'
 *
 * serve(entries)
 * ```
 */
export function serve(service: Service): void {
  const composed = compose(service)
  const { resources = [] } = service
  register(
    composed,
    resources.flatMap((resource) => buildResourceRoutes(composed, resource)),
  )
}
