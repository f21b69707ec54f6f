import type { Container, Database } from '@azure/cosmos'
import { CategoryCheck, type Limits } from './category-check.ts'
import { categoryLog } from './checked-log.ts'
import type { DeclaredEvent, DeclaredMultiService, DeclaredView } from './declared.ts'
import { checkItems } from './items.ts'
import { Parked } from './parked.ts'
import { EventReading, PublicReading } from './read-event.ts'
import { readPointer, type ViewCount, type ViewSource, type ViewsWatch } from './source.ts'
import { follows, type SourceHistory, SourceLog } from './source-log.ts'

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
  /** Those over several services are compared if the check gets `sources`. */
  readonly views: readonly (DeclaredView | DeclaredMultiService)[]
  readonly deciders: readonly { readonly events: readonly DeclaredEvent[] }[]
}

const LIMITS: Limits = { documents: 50_000, lateMs: 3_600_000 }

/** What a check may use, and what views over several services are compared with. */
export interface ViewsOptions extends Partial<Limits> {
  /** Opens the history of a service. Absent: the views over several services are left out. */
  readonly sources?: (service: string) => SourceHistory
}

/**
 * Checks the documents that queries read against an intact log. Each must belong to an existing stream.
 * Its cursor must name an event of that stream, and its content must be the result of its events. None may be
 * missing. Memory holds one page of each container, and the documents of a multi-stream view up to the limit.
 *
 * A view over several services is compared with what their archives, and then their hubs, make of it. Their events
 * are in a temporary file. That the archives are whole is another check: `verifyArchive`.
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
  { sources: open, ...limits }: ViewsOptions = {},
): Promise<readonly ViewCount[]> {
  const waiting = database.container('parked')
  const parked = new Parked((await isThere(waiting)) ? waiting : undefined)
  const deps = { parked, limits: { ...LIMITS, ...limits }, on }
  const counts: ViewCount[] = []
  const find = async (view: ViewSource['view'], rest: Pick<ViewSource, 'reading' | 'follows'>) => {
    const source = await findSource(database, view, on, rest)
    counts.push(source.count)
    if (source.isThere) await checkItems(source, on)
    return source.isThere ? [source] : []
  }
  const eventTypes = service.deciders.flatMap(({ events }) => events)
  const own = service.views.filter((view) => view.kind !== 'many-services')
  for (const [category, views] of Map.groupBy(own, ({ category }) => category)) {
    const found: ViewSource[] = []
    for (const view of views) {
      const reading = new EventReading(eventTypes, view.events)
      found.push(...(await find(view, { reading, follows: (stream) => stream.startsWith(`${category}-`) })))
    }
    const log = database.container('events')
    await new CategoryCheck({ ...deps, log: categoryLog(log, category), clock: log, sources: found }).run()
  }
  for (const view of service.views)
    if (view.kind === 'many-services' && open) {
      const followsNamed = (name: string): boolean => {
        const [of = '', stream = ''] = name.split('/')
        return follows(view, of, stream)
      }
      for (const source of await find(view, { reading: new PublicReading(view), follows: followsNamed }))
        await checkFollowing(source, view, open, deps)
    }
  return counts
}

/** Compares a view with the histories of the services that it follows. */
async function checkFollowing(
  source: ViewSource,
  view: DeclaredMultiService,
  open: (service: string) => SourceHistory,
  deps: Pick<ConstructorParameters<typeof CategoryCheck>[0], 'parked' | 'limits' | 'on'>,
): Promise<void> {
  const services = new Set(view.sources.map(({ service }) => service))
  const log = new SourceLog(view, new Map([...services].map((service) => [service, open(service)])), deps.on)
  try {
    await new CategoryCheck({ ...deps, log, clock: source.container, sources: [source] }).run()
  } finally {
    log.close()
  }
}

/** Finds a view's container, and reports if it is missing. */
async function findSource(
  database: Database,
  view: ViewSource['view'],
  on: ViewsWatch,
  rest: Pick<ViewSource, 'reading' | 'follows'>,
) {
  const container = database.container(view.name)
  const count = { view: view.name, documents: 0, behind: 0, parked: 0, givenUp: 0, moving: 0, unsure: 0 }
  const found = { view, container, count, ...rest }
  if (await isThere(container)) return { ...found, ...(await readPointer(container)), isThere: true } as const
  on.fault({ place: view.name, wrong: 'missing', detail: 'its container does not exist' })
  return { ...found, isThere: false } as const
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
