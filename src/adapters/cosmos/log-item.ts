import { hash } from 'node:crypto'
import { TidemarkError } from '../../core/errors.ts'
import type { RecordedEvent } from '../../core/event.ts'
import type { CommandMark } from '../../core/ports.ts'

const MARK_PREFIX = '~cmd:'

/** A mark as the log's container keeps it, beside the events of its stream. */
export interface MarkItem extends CommandMark {
  readonly id: string
  readonly stream: string
}

/** The key is hashed: a client's key may hold what an id may not. */
export function markId(key: string): string {
  return `${MARK_PREFIX}${hash('sha256', key)}`
}

/** The events among items of the log's container, as they stand. @throws TidemarkError `event-unreadable` */
export function eventsOfItems(items: readonly unknown[]): RecordedEvent[] {
  return items.map(eventOfItem).filter((event) => event !== undefined)
}

/**
 * The event that an item of the log's container is, without what Cosmos DB added (`_rid`, `_lsn`, …); undefined for a mark.
 * @throws TidemarkError `event-unreadable` for anything else: something other than Tidemark writes to the log.
 */
export function eventOfItem(item: unknown): RecordedEvent | undefined {
  const fields = item as Partial<RecordedEvent>
  if (typeof fields?.id === 'string' && fields.id.startsWith(MARK_PREFIX)) return undefined
  if (typeof fields?.version !== 'number' || typeof fields.stream !== 'string' || typeof fields.hash !== 'string')
    throw new TidemarkError(
      'event-unreadable',
      `the log holds an item that is neither event nor mark: ${String(fields?.id)}`,
    )
  return Object.fromEntries(
    Object.entries(fields).filter(([name]) => !name.startsWith('_')),
  ) as unknown as RecordedEvent
}
