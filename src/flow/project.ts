import type { EventType, RecordedEvent } from '../core/event.ts'
import type { Clock, EventHistory, ViewGeneration, ViewState, ViewStores } from '../core/ports.ts'
import type { Trace } from '../core/reaction.ts'
import { categoryOf } from '../core/stream.ts'
import type { AnyView } from '../core/view.ts'
import { generationsIn } from '../core/view-state.ts'
import { HandlersFailed } from './consume.ts'
import { entryOf } from './cursors.ts'
import { Projector, type RebuildOptions, type Target } from './projector.ts'

export interface ProjectDependencies {
  /** Of the service itself: what a gap is filled from. */
  readonly log: EventHistory
  readonly views: ViewStores
  /** All that may come, so that what this code does not know is never taken for nothing. */
  readonly eventTypes: readonly EventType[]
  readonly clock: Pick<Clock, 'now'>
}

/**
 * The projection of a category's views: brings them up to batches of events. Every event takes effect exactly once on every document, in order
 * per stream, however often and in whatever parts the events come. First the documents of many streams are written, each with marks of its
 * events; last the stream's own document with the cursor, which says how far all these views have come. During a handover two generations of a
 * view are written, one after the other.
 *
 * `handle` throws HandlersFailed or TidemarkError, whereupon the trigger's retry policy brings the whole batch again: nothing is passed over.
 * @param views of one category.
 */
export function projection(
  deps: ProjectDependencies,
  views: readonly AnyView[],
): { handle(events: readonly RecordedEvent[], trace: Trace): Promise<void>; forget(): void } {
  let projector = new Projector(deps)
  const told = new Set<string>()
  return {
    async handle(events, trace) {
      const states = new Map(
        await Promise.all(views.map(async (view) => [view.name, await deps.views.state(view.name)] as const)),
      )
      const homeless = views.filter(({ name }) => {
        const { cursorsIn } = states.get(name) ?? {}
        return cursorsIn !== undefined && !states.has(cursorsIn)
      })
      for (const { name } of homeless)
        if (!told.has(name)) {
          told.add(name)
          const home = states.get(name)?.cursorsIn
          trace(
            `the view ${name} has its cursors in ${home}, a view that this code does not have. It stays as it is until it is rebuilt: ` +
              `npm run replay -- <service> ${name}`,
            'error',
          )
        }
      const targets = views.filter((view) => !homeless.includes(view)).flatMap((view) => targetsOf(view, states))
      await projector.project(targets, events)
    },
    forget() {
      projector = new Projector(deps)
    },
  }
}

/** The generations of a view that are written. */
function targetsOf(view: AnyView, states: ReadonlyMap<string, ViewState>): readonly Target[] {
  const state = states.get(view.name)
  if (state === undefined) return []
  const { written, cursorsIn } = state
  const home = cursorsIn === undefined ? undefined : states.get(cursorsIn)
  const named = new Set(generationsIn(state).map(({ number }) => entryOf(view.name, number)))
  return written.map((generation) => ({
    view,
    ...generation,
    entry: entryOf(view.name, generation.number),
    named,
    ...(cursorsIn === undefined ? {} : { cursorsIn }),
    ...(home ? { elsewhere: home.others.map(({ store }) => store) } : {}),
  }))
}

/** Applies events to one generation of a view, of which nobody else knows how far it has come. @throws TidemarkError */
export function rebuilding(
  deps: Pick<ProjectDependencies, 'log' | 'eventTypes' | 'clock'>,
  view: AnyView,
  generation: ViewGeneration,
  options: RebuildOptions,
): (events: readonly RecordedEvent[]) => Promise<void> {
  const projector = new Projector(deps, options)
  const entry = entryOf(view.name, generation.number)
  const target: Target = { view, ...generation, entry, named: new Set([entry]) }
  return async (events) => {
    try {
      await projector.project(
        [target],
        events.filter(({ stream }) => categoryOf(stream) === view.category),
      )
    } catch (error) {
      // There is one view alone.
      throw error instanceof HandlersFailed ? error.failures[0]?.cause : error
    }
  }
}
