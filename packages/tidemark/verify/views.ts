import type { Container, Database } from '@azure/cosmos'
import { CategoryCheck, type Limits } from './category-check.ts'
import type { DeclaredEvent, DeclaredMultiService, DeclaredView } from './declared.ts'
import { checkItems } from './items.ts'
import { Parked } from './parked.ts'
import { EventReading } from './read-event.ts'
import { readPointer, type ViewCount, type ViewSource, type ViewsWatch } from './source.ts'

/**
 * The parts of a service that the checker uses.
 * @example
 * ```ts
 * import assert from 'node:assert/strict'
 * import type { DeclaredService } from 'tidemark/verify'
 * import { entries } from './entries.ts'
 *
 * // A service declaration can be passed unchanged, or reduced to a single view.
 * const only = (view: string, service: DeclaredService): DeclaredService => ({
 *   ...service,
 *   views: service.views.filter(({ name }) => name === view),
 * })
 * assert.equal(only('titles', entries).views.length, 1)
 * ```
 */
export interface DeclaredService {
  /** Views over several services are left out: their events are in the logs of others. */
  readonly views: readonly (DeclaredView | DeclaredMultiService)[]
  readonly deciders: readonly { readonly events: readonly DeclaredEvent[] }[]
}

const LIMITS: Limits = { documents: 50_000, lateMs: 3_600_000 }

/**
 * Checks the documents that queries read against an intact log. Each must belong to an existing stream.
 * Its cursor must name an event of that stream, and its content must be the result of its events. None may be
 * missing. Memory holds one page of each container, and the documents of a multi-stream view up to the limit.
 *
 * Events are appended and views written meanwhile, so whatever looks wrong is read again before it counts.
 * @example
 * ```ts
 * import { CosmosClient } from '@azure/cosmos'
 * import { verifyViews } from 'tidemark/verify'
 * import { entries } from './entries.ts'
 *
 * export async function check(connection: string): Promise<void> {
 *   const counts = await verifyViews(new CosmosClient(connection).database('entries'), entries, {
 *     begin: (items) => console.log(`${items} items`),
 *     read: () => {},
 *     fault: ({ place, wrong, detail }) => console.error(`${place} ${wrong}: ${detail}`),
 *     unchecked: (view, why) => console.warn(`${view}: ${why}`),
 *   })
 *   for (const { view, documents } of counts) console.log(`${view}: ${documents} documents`)
 * }
 * ```
 */
export async function verifyViews(
  database: Database,
  service: DeclaredService,
  on: ViewsWatch,
  limits: Partial<Limits> = {},
): Promise<readonly ViewCount[]> {
  const counts: ViewCount[] = []
  const eventTypes = service.deciders.flatMap(({ events }) => events)
  const waiting = database.container('parked')
  const parked = new Parked((await isThere(waiting)) ? waiting : undefined)
  const comparable = service.views.filter((view) => view.kind !== 'many-services')
  for (const [category, views] of Map.groupBy(comparable, ({ category }) => category)) {
    const sources: ViewSource[] = []
    for (const view of views) {
      const container = database.container(view.name)
      const count = { view: view.name, documents: 0, behind: 0, parked: 0, givenUp: 0, moving: 0, unsure: 0 }
      counts.push(count)
      if (await isThere(container)) {
        const reading = new EventReading(eventTypes, view.events)
        sources.push({ view, container, count, reading, ...(await readPointer(container)) })
      } else on.fault({ place: view.name, wrong: 'missing', detail: 'its container does not exist' })
    }
    for (const source of sources) await checkItems(source, on)
    const log = database.container('events')
    await new CategoryCheck({ log, category, sources, parked, limits: { ...LIMITS, ...limits }, on }).run()
  }
  return counts
}

async function isThere(container: Container): Promise<boolean> {
  try {
    await container.read()
    return true
  } catch (error) {
    if ((error as { code?: unknown }).code === 404) return false
    throw error
  }
}
