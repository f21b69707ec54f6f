import type { RecordedEvent } from '../core/event.ts'
import { EMPTY_STREAM } from '../core/hash-chain.ts'
import type { EventHistory, ViewDocument, ViewStore } from '../core/ports.ts'
import type { AnyOneStreamView } from '../core/view.ts'
import { forEachLimited } from './limited.ts'
import { pendingOf } from './pending.ts'
import { type Arrived, AT_ONCE, contended, MAX_ATTEMPTS, REMEMBERED, type ReadEvents } from './projecting.ts'
import { remembered } from './remembered.ts'

/** One-stream views: the document is the position, so a stream's part of a batch is one write, whatever the number of events. */
export function projectToStreams(
  log: EventHistory,
  store: ViewStore,
  view: AnyOneStreamView,
  read: ReadEvents,
): (arrived: Arrived) => Promise<void> {
  const documents = remembered<ViewDocument>(REMEMBERED)

  async function projectStream(stream: string, arrived: readonly RecordedEvent[]): Promise<void> {
    // A stream's first event, not seen here before, has most likely no document: to create one finds out as well as to read does.
    let isNew = arrived.some((event) => event.version === 1)
    for (let attempt = 1; attempt <= MAX_ATTEMPTS; attempt += 1) {
      const before = documents.get(stream) ?? (isNew ? undefined : await store.read(stream))
      const pending = await pendingOf(log, stream, before?.tip ?? EMPTY_STREAM, arrived)
      const last = pending.at(-1)
      if (last === undefined) return
      const document = read(pending).reduce((current, event) => view.evolve(current, event), before?.document)
      const sort = document === undefined ? '' : view.sort(document)
      const tip = { version: last.version, hash: last.hash }
      const result = await store.writeWithTip(stream, { document, sort, etag: before?.etag }, tip)
      if (result.outcome === 'written') {
        documents.set(stream, { document, tip, etag: result.etag })
        return
      }
      documents.delete(stream)
      isNew = false
    }
    throw contended(view, stream)
  }

  return (arrived) => forEachLimited(arrived, AT_ONCE, ([stream, events]) => projectStream(stream, events))
}
