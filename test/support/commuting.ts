import type { DomainEvent, MultiStreamView, Recorded } from 'tidemark'

/** The documents that the events lead to, ordered by key. */
export function foldDocuments<Document, Event extends DomainEvent>(
  view: MultiStreamView<Document, Event>,
  events: readonly Recorded<Event>[],
): Map<string, Document> {
  const documents = new Map<string, Document>()
  for (const event of events)
    for (const key of view.documentKeys(event)) documents.set(key, view.evolve(documents.get(key), event, key))
  // Sorted, since a map's insertion order is no part of the view.
  return new Map([...documents].sort(([a], [b]) => (a < b ? -1 : 1)))
}

/** All events of some streams, each stream in order. @param choices random choices of the next stream. */
export function interleaved<Event>(
  streams: readonly (readonly Event[])[],
  choices: Iterator<number, undefined>,
): readonly Event[] {
  const queues = streams.map((events) => [...events])
  const mixed: Event[] = []
  while (queues.some((queue) => queue.length > 0)) {
    const next = queues[(choices.next().value ?? 0) % queues.length]?.shift()
    if (next) mixed.push(next)
  }
  return mixed
}
