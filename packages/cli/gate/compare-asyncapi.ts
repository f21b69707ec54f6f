import type { JsonObject } from '../schemas/json.ts'
import { describeAll } from './compare-events.ts'
import { at, type Documents } from './documents.ts'
import { nothingFound, type Report } from './report.ts'
import { subsetDifferences } from './schema-subset.ts'

const FILE = /^([^/]+)\/asyncapi\.json$/

/**
 * Compares where events are published, and their envelope. The event schemas are compared elsewhere. The
 * envelope has no versions, so it must not change: events already in a hub have the old one, and the readers'
 * hash check does not know a new attribute.
 */
export function compareAsyncApi(released: Documents, now: Documents): Report {
  const refused = [...released].flatMap(([file, before]) => {
    const service = FILE.exec(file)?.[1]
    if (service === undefined) return []
    const after = now.get(file)
    if (after === undefined) return [`${service}: the service is removed`]
    const [was, is] = [at(before, 'channels', service, 'address'), at(after, 'channels', service, 'address')]
    const moved = [...listSources(before, service)].flatMap(([type, from]) => {
      const to = listSources(after, service).get(type)
      const gone = from.filter((source) => to !== undefined && !to.includes(source))
      return gone.map((source) => `${service}: ${type} no longer comes from ${source}, where readers expect it`)
    })
    const [old, current] = [findEnvelope(before), findEnvelope(after)]
    const differences = [...subsetDifferences(current, old), ...subsetDifferences(old, current)]
    return [
      ...(was === is ? [] : [`${service}: its hub was ${was} and is now ${is}`]),
      ...moved,
      ...(differences.length === 0 ? [] : [`${service}: the envelope of its events: ${describeAll(differences)}`]),
    ]
  })
  return { ...nothingFound, refused }
}

function findEnvelope(document: unknown): unknown {
  return at(document, 'components', 'schemas', 'CloudEvent')
}

/** The sources of each event that a service sends. */
function listSources(document: JsonObject, service: string): ReadonlyMap<string, readonly unknown[]> {
  const messages = Object.entries(at(document, 'components', 'messages') ?? {})
  return new Map(
    messages
      .filter(([name]) => name.startsWith(`${service}.`))
      .flatMap(([, message]) => {
        const parts = at(message, 'payload', 'allOf')
        const [, own] = Array.isArray(parts) ? parts : []
        const sources = at(own, 'properties', 'source', 'enum')
        return Array.isArray(sources) ? [[String(at(message, 'name')), sources] as const] : []
      }),
  )
}
