import type { RecordedEvent } from '../api/contract.ts'

/** An event of a trace, and the service whose log has it. */
export interface Traced {
  readonly service: string
  readonly event: RecordedEvent
}

export interface Caused extends Traced {
  readonly depth: number
}

export function formatEventId({ event }: Traced): string {
  return `${event.stream}@${event.version}`
}

/** Sorts by time. Events of one stream are sorted by version, because the clocks of hosts may differ. */
export function sortEvents(events: readonly Traced[]): readonly Traced[] {
  return events.toSorted((a, b) => {
    if (a.event.stream === b.event.stream) return a.event.version - b.event.version
    if (a.event.time !== b.event.time) return a.event.time < b.event.time ? -1 : 1
    return formatEventId(a) < formatEventId(b) ? -1 : 1
  })
}

/** The events as a flattened tree: each once, after its cause, with its depth. */
export function buildTree(events: readonly Traced[]): readonly Caused[] {
  const ordered = sortEvents(events)
  const known = new Set(ordered.map(formatEventId))
  const children = Map.groupBy(ordered, ({ event }) => event.causation)
  const seen = new Set<string>()
  const from = (traced: Traced, depth: number): readonly Caused[] => {
    const id = formatEventId(traced)
    if (seen.has(id)) return []
    seen.add(id)
    return [{ ...traced, depth }, ...(children.get(id) ?? []).flatMap((each) => from(each, depth + 1))]
  }
  const roots = ordered.filter(({ event }) => !known.has(event.causation))
  // A cycle of causes has no root. Such events come last.
  return [...roots, ...ordered].flatMap((traced) => from(traced, 0))
}
