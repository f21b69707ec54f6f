import type { EventType, RecordedEvent } from '../core/event.ts'
import { eventReader } from '../core/event-reader.ts'
import type { EventHistory, ViewStore, ViewStores } from '../core/ports.ts'
import { categoryOf } from '../core/stream.ts'
import type { AnyView } from '../core/view.ts'
import { projectToDocuments } from './project-documents.ts'
import { projectToStreams } from './project-streams.ts'
import type { ReadEvents } from './projecting.ts'

export interface ProjectDependencies {
  /** Of the service itself: what a gap is filled from. */
  readonly log: EventHistory
  readonly views: ViewStores
  /** All that may come, so that what this code does not know is never taken for nothing. */
  readonly eventTypes: readonly EventType[]
}

/**
 * A view's projection: brings the view up to batches of events of its category. Every event takes effect exactly once on every document, in
 * order per stream, however often and in whatever parts the events come: what was applied is marked in the write that applies it. During a
 * handover it writes two generations, one after the other.
 *
 * What it returns throws TidemarkError, whereupon the trigger's retry policy brings the whole batch again: nothing is passed over.
 */
export function projection(deps: ProjectDependencies, view: AnyView): Projector {
  let projectors: ReadonlyMap<ViewStore, Projector> = new Map()
  return async (events) => {
    const stores = await deps.views.written(view.name)
    projectors = new Map(stores.map((store) => [store, projectors.get(store) ?? projectorOf(deps, view, store)]))
    const current = projectors
    for (const store of stores) await current.get(store)?.(events)
  }
}

/** Applies events to one generation of a view. @throws TidemarkError */
export type Projector = (events: readonly RecordedEvent[]) => Promise<void>

/**
 * @param options.looks false where the marks of all that was ever applied are still there: a stream's first event is then taken for new without
 *   a look at how far the generation has come in it.
 */
export function projectorOf(
  { log, eventTypes }: Pick<ProjectDependencies, 'log' | 'eventTypes'>,
  view: AnyView,
  store: ViewStore,
  { looks } = { looks: false },
): Projector {
  const reader = eventReader(view.events ?? eventTypes, 'own')
  const read: ReadEvents = (events) =>
    events.filter(({ type }) => view.events === undefined || reader.knows(type)).map(reader.readEvent)
  const apply =
    view.kind === 'one-stream'
      ? projectToStreams(log, store, view, read)
      : projectToDocuments(log, store, view, read, { looks })
  return (events) => {
    const followed = events.filter((event) => categoryOf(event.stream) === view.category)
    return apply(Map.groupBy(followed, (event) => event.stream))
  }
}
