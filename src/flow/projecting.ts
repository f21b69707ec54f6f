import { TidemarkError } from '../core/errors.ts'
import type { DomainEvent, Recorded, RecordedEvent } from '../core/event.ts'
import type { AnyReaction } from '../core/reaction.ts'
import type { AnyView } from '../core/view.ts'

/** New events by stream, as they arrived. */
export type Arrived = ReadonlyMap<string, readonly RecordedEvent[]>

/** The events that a view is made of, of those there are, as it reads them. @throws TidemarkError `event-unknown`, `event-unreadable` */
export type ReadEvents = (events: readonly RecordedEvent[]) => readonly Recorded<DomainEvent>[]

/** How many streams, or documents, are worked on at once. */
export const AT_ONCE = 32

/** How often a write is tried again on what another instance wrote before the trigger's retry policy takes over. */
export const MAX_ATTEMPTS = 10

/** How many documents and positions an instance remembers, so that it need not read what it wrote itself. A hint: every write proves it. */
export const REMEMBERED = 5_000

export function contended({ name }: AnyView | AnyReaction, key: string): TidemarkError {
  return new TidemarkError('view-contended', `${name}: ${key} is written by another instance at the same time`)
}
