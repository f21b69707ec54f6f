import { TidemarkError } from '../core/errors.ts'
import type { RecordedEvent } from '../core/event.ts'
import type { ViewStore, ViewStores } from '../core/ports.ts'
import type { Service } from '../core/service.ts'
import { type AnyView, isOwnView } from '../core/view.ts'
import { MemoryEventStore } from '../memory/event-store.ts'
import { MemoryViewStores } from '../memory/view-store.ts'
import { HandlersFailed } from '../runtime/consume.ts'
import { thrownBy } from '../runtime/parking.ts'
import { projection, sourceProjection } from '../runtime/project.ts'
import { appendGiven } from './append-given.ts'

/** The events of a test, and how a projection gets them. */
interface Delivery {
  /** All events of the service; those of each stream are in order. */
  readonly log: readonly RecordedEvent[]
  readonly batches: readonly (readonly RecordedEvent[])[]
  /** Whether to deliver every batch again, in every way that a hub and a crash can repeat it. */
  readonly twice: boolean
}

/**
 * Delivers batches to a view's projection and reads its documents.
 * @returns the documents by key; keys without a document are left out.
 */
export async function runProjection(
  { deciders }: Pick<Service, 'deciders'>,
  view: AnyView,
  { log, batches, twice }: Delivery,
): Promise<ReadonlyMap<string, unknown>> {
  const store = new MemoryEventStore()
  for (const event of log) await appendGiven(store, event)
  const views = new MemoryViewStores()
  const keys = new Set<string>()
  const tracked = trackKeys(view, keys)
  const eventTypes = deciders.flatMap((decider) => decider.events)
  const clock = { now: () => log.at(-1)?.time ?? '' }
  const instance = (its: ViewStores = views): Deliver => {
    const { handle } = isOwnView(view)
      ? projection({ log: store, views: its, eventTypes, clock }, [tracked])
      : sourceProjection({ history: store, views: its, clock }, [tracked])
    return async (events) => {
      try {
        await handle(events, { trace: () => {} })
      } catch (error) {
        // There is only one view.
        throw thrownBy(error instanceof HandlersFailed ? error.failures[0]?.cause : error)
      }
    }
  }

  const [first, second] = [instance(), instance()]
  for (const batch of batches) {
    if (twice) {
      await runUntilDeath(instance(failCursorWrites(views)), batch)
      await Promise.all([first(batch), second(batch)])
    }
    await first(batch)
  }
  if (twice) {
    const restarted = instance()
    for (const batch of batches) await restarted(batch)
  }

  for (const { stream } of log) if (view.kind === 'one-stream') keys.add(stream)
  const live = await views.live(view.name)
  const documents = new Map<string, unknown>()
  for (const key of keys) {
    const found = await live.read(key)
    if (found?.document !== undefined) documents.set(key, found.document)
  }
  return documents
}

/** Wraps the view and collects the keys of its events. */
function trackKeys(view: AnyView, keys: Set<string>): AnyView {
  if (view.kind === 'one-stream') return view
  return {
    ...view,
    documentKeys(event) {
      const documentKeys = view.documentKeys(event)
      for (const key of documentKeys) keys.add(key)
      return documentKeys
    },
  }
}

type Deliver = (events: readonly RecordedEvent[]) => Promise<void>

class InstanceDied extends TidemarkError {}

/** Runs an instance that dies after it wrote a batch's documents and before it wrote the cursors. */
async function runUntilDeath(deliver: Deliver, events: readonly RecordedEvent[]): Promise<void> {
  try {
    await deliver(events)
  } catch (error) {
    if (!(error instanceof InstanceDied)) throw error
  }
}

function failCursorWrites(views: MemoryViewStores): ViewStores {
  const dying = (store: ViewStore): ViewStore => ({
    maxMarkersPerWrite: store.maxMarkersPerWrite,
    read: (...args) => store.read(...args),
    readMarkers: (...args) => store.readMarkers(...args),
    readCursor: (...args) => store.readCursor(...args),
    list: (...args) => store.list(...args),
    writeDocument: (...args) => store.writeDocument(...args),
    writeWithMarkers: (...args) => store.writeWithMarkers(...args),
    writeCursor: () => Promise.reject(new InstanceDied('unavailable', 'the instance died')),
  })
  return {
    async state(view) {
      const state = await views.state(view)
      return {
        ...state,
        writeTargets: state.writeTargets.map(({ number, store }) => ({ number, store: dying(store) })),
      }
    },
  }
}
