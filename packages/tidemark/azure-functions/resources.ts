import type { Resource } from '../core/resource.ts'
import { type CommandPort, postCommand, postCreate } from './commands.ts'
import type { Route } from './http.ts'
import { getDocument, listDocuments, type QueryPort } from './queries.ts'

/**
 * Builds the routes of a resource.
 * @throws TidemarkError `registration-invalid` if it offers a command its decider does not declare.
 */
export function buildResourceRoutes(
  port: CommandPort & QueryPort,
  { path, documents, commands }: Resource,
): readonly Route[] {
  const routes: Route[] = []
  const category = commands?.decider.category
  const all = {
    ...(documents ? { GET: listDocuments(port, documents.view) } : {}),
    ...(commands?.creates ? { POST: postCreate(port, commands.decider, commands.creates) } : {}),
  }
  if (documents || commands?.creates) routes.push({ name: documents?.list ?? `${category}-creation`, path, ...all })
  if (documents) {
    const { view, one, key = 'id' } = documents
    routes.push({ name: one, path: `${path}/{${key}}`, GET: getDocument(port, view, key) })
  }
  if (commands) {
    const { decider, offered } = commands
    routes.push({
      name: `${category}-command`,
      path: `${path}/{id}/{command}`,
      POST: postCommand(port, decider, offered),
    })
  }
  return routes
}
