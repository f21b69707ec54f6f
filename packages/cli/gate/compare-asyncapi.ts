import type { JsonObject } from '../schemas/json.ts'
import { describeAll } from './compare-events.ts'
import { at, type Documents } from './documents.ts'
import { nothingFound, type Report } from './report.ts'
import { subsetDifferences } from './schema-subset.ts'

const FILE = /^([^/]+)\/asyncapi\.json$/

/**
 * Compares where events are to be had and the envelope they come in; what they say is the business of their
 * own schemas. The envelope has no versions: what readers wait with in a hub comes in the old one, and an
 * attribute more is one that their check of the hash does not know.
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
      return gone.map(
        (source) => `${service}: ${type} does not come from ${source} any more, where readers wait for it`,
      )
    })
    const [old, current] = [findEnvelope(before), findEnvelope(after)]
    const differences = [...subsetDifferences(current, old), ...subsetDifferences(old, current)]
    return [
      ...(was === is ? [] : [`${service}: its hub was ${was}, and is ${is}`]),
      ...moved,
      ...(differences.length === 0 ? [] : [`${service}: the envelope of its events: ${describeAll(differences)}`]),
    ]
  })
  return { ...nothingFound, refused }
}

function findEnvelope(document: unknown): unknown {
  return at(document, 'components', 'schemas', 'CloudEvent')
}

/** Where each event that a service sends comes from. */
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
