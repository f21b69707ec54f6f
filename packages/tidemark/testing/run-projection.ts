import { TidemarkError } from '../core/errors.ts'
import type { RecordedEvent } from '../core/event.ts'
import type { ViewStore, ViewStores } from '../core/ports.ts'
import type { Service } from '../core/service.ts'
import type { AnyView } from '../core/view.ts'
import { MemoryEventStore } from '../memory/event-store.ts'
import { MemoryViewStores } from '../memory/view-store.ts'
import { HandlersFailed } from '../runtime/consume.ts'
import { thrownBy } from '../runtime/parking.ts'
import { projection } from '../runtime/project.ts'
import { appendGiven } from './append-given.ts'

type Batches = readonly (readonly RecordedEvent[])[]

/**
 * Brings batches to a view's projection, and reads its documents.
 * @param log all events of the service, each stream's in order.
 * @param twice whether every batch comes again, in every way that a hub and a crash bring it again.
 * @returns the documents by their keys; those that have none are left out.
 */
export async function runProjection(
  { deciders }: Pick<Service, 'deciders'>,
  view: AnyView,
  log: readonly RecordedEvent[],
  batches: Batches,
  twice: boolean,
): Promise<ReadonlyMap<string, unknown>> {
  const store = new MemoryEventStore()
  for (const event of log) await appendGiven(store, event)
  const views = new MemoryViewStores()
  const keys = new Set<string>()
  const seen = keysSeen(view, keys)
  const eventTypes = deciders.flatMap((decider) => decider.events)
  const clock = { now: () => log.at(-1)?.time ?? '' }
  const instance = (its: ViewStores = views): Deliver => {
    const { handle } = projection({ log: store, views: its, eventTypes, clock }, [seen])
    return async (events) => {
      try {
        await handle(events, { trace: () => {} })
      } catch (error) {
        // There is one view alone.
        throw thrownBy(error instanceof HandlersFailed ? error.failures[0]?.cause : error)
      }
    }
  }

  const [first, second] = [instance(), instance()]
  for (const batch of batches) {
    if (twice) {
      await dies(instance(forgetful(views)), batch)
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

/** The view, and which keys its events have. */
function keysSeen(view: AnyView, keys: Set<string>): AnyView {
  if (view.kind === 'one-stream') return view
  return {
    ...view,
    targets(event) {
      const targets = view.targets(event)
      for (const key of targets) keys.add(key)
      return targets
    },
  }
}

type Deliver = (events: readonly RecordedEvent[]) => Promise<void>

class Died extends TidemarkError {}

/** An instance that ends between a batch's documents and how far it came in its streams. */
async function dies(deliver: Deliver, events: readonly RecordedEvent[]): Promise<void> {
  try {
    await deliver(events)
  } catch (error) {
    if (!(error instanceof Died)) throw error
  }
}

function forgetful(views: MemoryViewStores): ViewStores {
  const dying = (store: ViewStore): ViewStore => ({
    marksAtOnce: store.marksAtOnce,
    read: (...args) => store.read(...args),
    readMarks: (...args) => store.readMarks(...args),
    readCursor: (...args) => store.readCursor(...args),
    list: (...args) => store.list(...args),
    writeDocument: (...args) => store.writeDocument(...args),
    writeWithMarks: (...args) => store.writeWithMarks(...args),
    writeCursor: () => Promise.reject(new Died('unavailable', 'the instance died')),
  })
  return {
    async state(view) {
      const state = await views.state(view)
      return { ...state, written: state.written.map(({ number, store }) => ({ number, store: dying(store) })) }
    },
  }
}
