import type { EventType, RecordedEvent } from '../core/event.ts'
import type { Clock, EventHistory, ViewGeneration, ViewState, ViewStores } from '../core/ports.ts'
import type { Trace } from '../core/reaction.ts'
import { parseSourceStream } from '../core/stream.ts'
import { type AnyView, isKeyedView } from '../core/view.ts'
import { listGenerations } from '../core/view-state.ts'
import { type Handler, HandlersFailed } from './consume.ts'
import { formatEntry, parseViewName } from './cursors.ts'
import { type StreamFailure, selectWorst } from './parking.ts'
import { Projector, type RebuildOptions, type Target } from './projector.ts'
import type { GapSource } from './unseen-events.ts'
import type { ViewCodes } from './view-codes.ts'
import { toSourceEvent, viewEvents } from './view-events.ts'

/** How many events of a stream are read at once during a redrive. */
const PAGE = 200

export interface ProjectDependencies {
  /** The service's own log. */
  readonly log: EventHistory
  readonly views: ViewStores
  /** All event types of the service, so that an unknown type is an error and is never ignored. */
  readonly eventTypes: readonly EventType[]
  readonly clock: Pick<Clock, 'now'>
  /** Records which code writes a generation. Absent: nobody asks. */
  readonly codes?: Pick<ViewCodes, 'record'>
}

/** The methods of a handler that processes views. */
type ViewHandler = Pick<Handler, 'handle'> & Required<Pick<Handler, 'isNeedless' | 'usesMarkers' | 'forget'>>

/**
 * The projection of a category's views, which applies batches of events. Each event takes effect exactly once
 * on every document, in stream order, however often and in whatever batches it is delivered. The documents of
 * multi-stream views are written first, with applied markers. The stream's own document is written last, with
 * the cursor that covers all these views. During a rebuild's dual-write two generations of a view are
 * written, one after the other.
 *
 * If a view cannot process an event, the stream is parked for that view; the cursor stores the version. A
 * transient failure is thrown, so that the trigger's retry policy redelivers the whole batch and nothing is
 * skipped.
 * @param views of one category.
 */
export function projection(
  deps: ProjectDependencies,
  views: readonly AnyView[],
): ViewHandler & Required<Pick<Handler, 'catchUp' | 'newest'>> {
  const { log } = deps
  const loadTargets = targetLoader(deps, views)
  return {
    ...viewHandler(deps, views, loadTargets),
    async catchUp(stream, from, retried, isDiscarded) {
      // The live projector's cache may be older than the writes of another process, so this run uses a fresh
      // one.
      const freshProjector = new Projector(deps)
      const failures: StreamFailure[] = []
      const targets = await loadTargets(() => {})
      const waiting = targets.filter(({ entry }) => retried.has(entry))
      for (let after = from - 1; waiting.length > 0 && failures.length === 0; ) {
        const events = await log.readRange(stream, { direction: 'forward', after, limit: PAGE })
        const run = {
          retried: { stream, waiting: retried },
          isDiscarded: (view: string, _: string, version: number) => isDiscarded(view, version),
          onFailed: (failure: StreamFailure) => failures.push(failure),
          trace: () => {},
        }
        await freshProjector.project(targets, events, run).catch(throwWorst)
        const last = events.at(-1)
        if (last === undefined) break
        after = last.version
      }
      return failures
    },
    async newest(stream) {
      const [last] = await log.readRange(stream, { direction: 'backward', limit: 1 })
      return last?.version ?? 0
    },
  }
}

/**
 * The projection of views over the public events of services. It works as `projection` does, with two
 * differences. The log of another service cannot be read, so a parked stream keeps its events. And each stream
 * is named with its service, in cursors, applied markers and parks.
 * @param deps `history`: fills the gaps that the hub has left.
 */
export function sourceProjection(
  deps: SourceProjectDependencies,
  views: readonly AnyView[],
): ViewHandler & Required<Pick<Handler, 'retry' | 'namesService'>> {
  const projecting = { log: deps.history, eventTypes: [], clock: deps.clock }
  const loadTargets = targetLoader(deps, views)
  return {
    ...viewHandler({ ...projecting, views: deps.views }, views, loadTargets),
    namesService: true,
    async retry(events, { trace }, { handler, stream, isDiscarded }) {
      const targets = (await loadTargets(trace)).filter(({ entry }) => entry === handler)
      let failed: StreamFailure | undefined
      const run = {
        retried: { stream, waiting: new Set([handler]) },
        isDiscarded: (_: string, __: string, version: number) => isDiscarded(version),
        onFailed: (failure: StreamFailure) => {
          failed ??= failure
        },
        trace,
      }
      const { service = '' } = parseSourceStream(stream)
      const its = events.map((event) => toSourceEvent(service, event))
      await new Projector(projecting).project(targets, its, run).catch(throwWorst)
      return failed
    },
  }
}

/** What a projection of other services' events needs. */
export interface SourceProjectDependencies extends Pick<ProjectDependencies, 'views' | 'clock' | 'codes'> {
  readonly history: GapSource
}

interface ProjectorSource extends Omit<ProjectDependencies, 'log'> {
  readonly log: GapSource
}

function viewHandler(
  deps: ProjectorSource,
  views: readonly AnyView[],
  loadTargets: (trace: Trace) => Promise<readonly Target[]>,
): ViewHandler {
  let projector = new Projector(deps)
  return {
    async handle(events, handling) {
      await projector.project(await loadTargets(handling.trace), events, handling)
    },
    async isNeedless(entry) {
      const view = views.find(({ name }) => name === parseViewName(entry))
      const state = view && (await deps.views.state(view.name))
      return !!state && !state.writeTargets.some(({ number }) => formatEntry(parseViewName(entry), number) === entry)
    },
    usesMarkers: (entry) => views.some((view) => isKeyedView(view) && view.name === parseViewName(entry)),
    forget() {
      projector = new Projector(deps)
    },
  }
}

/** Finds the generations that are written. Logs once if a view's cursors are out of reach. */
function targetLoader(
  { views: stores, codes }: Pick<ProjectDependencies, 'views' | 'codes'>,
  views: readonly AnyView[],
): (trace: Trace) => Promise<readonly Target[]> {
  const reported = new Set<string>()
  return async (trace) => {
    const states = new Map(
      await Promise.all(views.map(async (view) => [view.name, await stores.state(view.name)] as const)),
    )
    const withoutHome = views.filter(({ name }) => {
      const { cursorsIn } = states.get(name) ?? {}
      return cursorsIn !== undefined && !states.has(cursorsIn)
    })
    for (const { name } of withoutHome)
      if (!reported.has(name)) {
        reported.add(name)
        const home = states.get(name)?.cursorsIn
        trace(
          `the view ${name} has its cursors in ${home}, a view that this code does not have. ` +
            `It is not updated until it is rebuilt: npm run replay -- <service> ${name}`,
          'error',
        )
      }
    const targets = views.filter((view) => !withoutHome.includes(view)).flatMap((view) => listTargets(view, states))
    for (const { view, number } of targets) await codes?.record(view, number)
    return targets
  }
}

/** The generations of a view that are written. */
function listTargets(view: AnyView, states: ReadonlyMap<string, ViewState>): readonly Target[] {
  const state = states.get(view.name)
  if (state === undefined) return []
  const { writeTargets, cursorsIn } = state
  const home = cursorsIn === undefined ? undefined : states.get(cursorsIn)
  const named = new Set(listGenerations(state).map(({ number }) => formatEntry(view.name, number)))
  return writeTargets.map((generation) => ({
    view,
    ...generation,
    entry: formatEntry(view.name, generation.number),
    named,
    ...(cursorsIn === undefined ? {} : { cursorsIn }),
    ...(home ? { elsewhere: home.others.map(({ store }) => store) } : {}),
  }))
}

/** Applies events to a generation of a view that only this process writes. @throws TidemarkError */
export function rebuildProjection(
  deps: Pick<ProjectorSource, 'log' | 'eventTypes' | 'clock'>,
  view: AnyView,
  generation: ViewGeneration,
  options: RebuildOptions,
): (events: readonly RecordedEvent[]) => Promise<void> {
  const projector = new Projector(deps, options)
  const { follows } = viewEvents(view, deps.eventTypes)
  const entry = formatEntry(view.name, generation.number)
  const target: Target = { view, ...generation, entry, named: new Set([entry]) }
  return async (events) => {
    const run = {
      isDiscarded: (_: string, stream: string, version: number) => options.isDiscarded?.(stream, version) ?? false,
      trace: () => {},
    }
    const its = events.filter(({ stream }) => follows(stream))
    await projector.project([target], its, run).catch(throwWorst)
  }
}

/** Unwraps HandlersFailed, so that the caller gets the underlying error. */
function throwWorst(error: unknown): never {
  throw error instanceof HandlersFailed ? selectWorst(error.failures.map(({ cause }) => cause)) : error
}
