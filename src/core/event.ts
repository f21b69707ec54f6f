import type { StandardSchemaV1 } from '@standard-schema/spec'

/** What a decider decides: a fact, named in the past tense, and its data (JSON). */
export interface DomainEvent<Type extends string = string, Data = unknown> {
  readonly type: Type
  readonly data: Data
}

/** The declaration of an event: its name, the version of its schema, and the schema (zod, or any Standard Schema). */
export interface EventType<Name extends string = string, Data = unknown> {
  readonly name: Name
  readonly version: number
  readonly schema: StandardSchemaV1<unknown, Data>
}

/**
 * Declares an event type. The schema is tolerant when read (unknown fields pass) and strict when written: what the schema
 * would drop or change is refused (`event-invalid`), so that nothing reaches the log that the schema does not name.
 */
export function eventType<const Name extends string, Data>(
  name: Name,
  version: number,
  schema: StandardSchemaV1<unknown, Data>,
): EventType<Name, Data> {
  return { name, version, schema }
}

/** The events of a declaration: `EventOf<typeof OrderPlaced | typeof OrderCancelled>`. */
export type EventOf<Type> = Type extends EventType<infer Name, infer Data> ? DomainEvent<Name, Data> : never

/** An event as the log keeps it. All fields are immutable and all but `hash` are hashed. */
export interface RecordedEvent {
  /** The version, zero-padded to 16 digits: the id within the stream. */
  readonly id: string
  /** The stream, `order-1`: Cosmos DB's partition key, Event Hubs' partition key, CloudEvents' subject. */
  readonly stream: string
  /** 1 for a stream's first event, then one more each. */
  readonly version: number
  readonly type: string
  /** The version of the schema that `data` was written with. */
  readonly schemaVersion: number
  /** `/<service>/<category>` */
  readonly source: string
  /** When it was recorded: RFC 3339, UTC, milliseconds; never before the stream's last event. */
  readonly time: string
  readonly data: unknown
  /** Common to all that one request set off. */
  readonly correlation: string
  /** What made it happen: `command:<idempotency key>`, or the position of an event of another stream. */
  readonly causation: string
  /** Who asked for it. */
  readonly actor: string
  /** W3C Trace Context of the request, if it had one. */
  readonly traceparent?: string
  /** The hash of the stream's event before it; 64 zeros for the first. */
  readonly previousHash: string
  /** SHA-256, lower-case hex: see hash-chain.ts. */
  readonly hash: string
}

/** A recorded event whose type tells its data, as views take it. */
export type Recorded<Event extends DomainEvent> = Event extends DomainEvent ? RecordedEvent & Event : never

/** The item id of a version: sorts as text as the version does as a number. */
export function eventId(version: number): string {
  return String(version).padStart(16, '0')
}
