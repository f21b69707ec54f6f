import { fromCloudEvent } from '../core/cloud-event.ts'
import type { EventType } from '../core/event.ts'
import type { EventStore, ViewStores } from '../core/ports.ts'
import { checkReadable } from '../core/schema.ts'
import { categoryOf } from '../core/stream.ts'
import type { AnyView } from '../core/view.ts'
import { projectToDocuments } from './project-documents.ts'
import { projectToStreams } from './project-streams.ts'
import type { Arrived } from './projecting.ts'

export interface ProjectDependencies {
  /** Of the service itself: what a gap is filled from. */
  readonly log: EventStore
  readonly views: ViewStores
  /** All that may come, so that what this code does not know is never taken for nothing. */
  readonly eventTypes: readonly EventType[]
}

/**
 * A view's projection: brings the view up to batches of messages. Every event takes effect exactly once on every document, in order per
 * stream, however often and in whatever parts the messages come: what was applied is marked in the write that applies it.
 *
 * What it returns throws TidemarkError, whereupon the trigger's retry policy brings the whole batch again: nothing is passed over.
 */
export function projection(deps: ProjectDependencies, view: AnyView): (messages: readonly unknown[]) => Promise<void> {
  let generation: { readonly store: unknown; readonly apply: (arrived: Arrived) => Promise<void> } | undefined
  return async (messages) => {
    const events = messages.map(fromCloudEvent).filter((event) => categoryOf(event.stream) === view.category)
    for (const event of events) checkReadable(deps.eventTypes, event)
    const store = await deps.views.live(view.name)
    if (generation?.store !== store)
      generation = {
        store,
        apply:
          view.kind === 'one-stream'
            ? projectToStreams(deps.log, store, view)
            : projectToDocuments(deps.log, store, view),
      }
    await generation.apply(Map.groupBy(events, (event) => event.stream))
  }
}
