import type { StandardSchemaV1 } from '@standard-schema/spec'
import type { JsonOnly } from './json.ts'

/**
 * What a decider decides: a fact, named in the past tense, and its data (JSON).
 * @example
 * ```ts
 * import assert from 'node:assert/strict'
 * import type { DomainEvent } from 'tidemark'
 *
 * type Book = DomainEvent<'Lent', { reader: string }> | DomainEvent<'Returned', object>
 * // Where the type is known, so are the data.
 * const readerOf = (event: Book): string => (event.type === 'Lent' ? event.data.reader : 'nobody')
 * assert.equal(readerOf({ type: 'Lent', data: { reader: 'Anna' } }), 'Anna')
 * ```
 */
export interface DomainEvent<Type extends string = string, Data = unknown> {
  readonly type: Type
  readonly data: Data
}

/**
 * One version of an event's schema, and how data of the version before it become data of this one.
 * @example
 * ```ts
 * import assert from 'node:assert/strict'
 * import { type EventVersion, eventType } from 'tidemark'
 * import * as z from 'zod'
 *
 * const days = z.object({ days: z.int() })
 * const Lent = eventType('Lent', days).breaking(z.object({ hours: z.int() }), (data) => ({ hours: data.days * 24 }))
 * const breaks = ({ change }: EventVersion): boolean => change === 'breaking'
 * assert.equal(Lent.versions.find(breaks)?.version, 2)
 * ```
 */
export interface EventVersion {
  /** From 1, one more each. */
  readonly version: number
  /**
   * `additive`: readers of the version before can read this one. `breaking`: they cannot, and wait until they
   * know it.
   */
  readonly change: 'first' | 'additive' | 'breaking'
  readonly schema: StandardSchemaV1
  /** The oldest version whose readers can read this one: additive steps back to the last breaking one. */
  readonly readableFrom: number
  /**
   * Absent for the first version. Pure and total: it takes all data that fits the version before, and makes
   * data that fits this one.
   */
  readonly upcast?: (data: never) => unknown
}

/**
 * The declaration of an event: its name, the newest version of its schema (zod, or any Standard Schema), and all
 * versions before.
 * @example
 * ```ts
 * import assert from 'node:assert/strict'
 * import { type EventType, eventType } from 'tidemark'
 * import * as z from 'zod'
 *
 * // Whatever an event says: a decider, a view and a reaction each list theirs so.
 * const Lent = eventType('Lent', z.object({ reader: z.string() }))
 * const Returned = eventType('Returned', z.object({}))
 * const events: readonly EventType[] = [Lent, Returned]
 * assert.deepEqual(
 *   events.map(({ name }) => name),
 *   ['Lent', 'Returned'],
 * )
 * ```
 */
export interface EventType<Name extends string = string, Data = unknown> {
  readonly name: Name
  /** The newest version: what is written. */
  readonly version: number
  readonly schema: StandardSchemaV1<unknown, Data>
  /** The oldest version whose readers can read the newest: additive steps back to the last breaking one. */
  readonly readableFrom: number
  /**
   * Every version that was ever written, the oldest first. One that was released is never edited: `npm run
   * schemas -- --check`.
   */
  readonly versions: readonly EventVersion[]
  /**
   * The next version, for more fields: whoever reads this one can read the next. What fits the next fits this
   * one, which the compiler holds.
   */
  additive<Next extends Data>(
    schema: StandardSchemaV1<unknown, Next> & NoInfer<JsonOnly<Next>>,
    upcast: (data: Data) => NoInfer<Next>,
  ): EventType<Name, Next>
  /**
   * The next version, for another shape or meaning: readers of this one hold such events until they are
   * deployed with the next.
   */
  breaking<Next>(
    schema: StandardSchemaV1<unknown, Next> & NoInfer<JsonOnly<Next>>,
    upcast: (data: Data) => NoInfer<Next>,
  ): EventType<Name, Next>
}

/**
 * Declares an event type in its first version; `additive` and `breaking` add the versions that came later,
 * each with the step from the one before. The schema is tolerant when read (unknown fields pass) and strict
 * when written: what the schema would drop or change is refused (`event-invalid`), so that nothing reaches
 * the log that the schema does not name, or that JSON does not keep: see json.ts. Where its type tells that
 * of a schema, it does not compile.
 * @example
 * ```ts
 * import assert from 'node:assert/strict'
 * import { eventType } from 'tidemark'
 * import * as z from 'zod'
 *
 * const first = z.object({ title: z.string() })
 * const Opened = eventType('Opened', first)
 *   // Readers of version 1 can read version 2, but not version 3.
 *   .additive(first.extend({ by: z.string() }), (data) => ({ ...data, by: 'unknown' }))
 *   .breaking(z.object({ titles: z.array(z.string()) }), ({ title }) => ({ titles: [title] }))
 * assert.deepEqual([Opened.version, Opened.readableFrom], [3, 3])
 * ```
 */
export function eventType<const Name extends string, Data>(
  name: Name,
  schema: StandardSchemaV1<unknown, Data> & NoInfer<JsonOnly<Data>>,
): EventType<Name, Data> {
  return versioned(name, schema, [{ version: 1, change: 'first', schema, readableFrom: 1 }])
}

function versioned<const Name extends string, Data>(
  name: Name,
  schema: StandardSchemaV1<unknown, Data>,
  versions: readonly EventVersion[],
): EventType<Name, Data> {
  const next = versions.length + 1
  const readableFrom = versions.at(-1)?.readableFrom ?? 1
  return {
    name,
    version: versions.length,
    schema,
    readableFrom,
    versions,
    additive: (schema, upcast) =>
      versioned(name, schema, [...versions, { version: next, change: 'additive', schema, readableFrom, upcast }]),
    breaking: (schema, upcast) =>
      versioned(name, schema, [...versions, { version: next, change: 'breaking', schema, readableFrom: next, upcast }]),
  }
}

/** The events of a declaration: `EventOf<typeof OrderPlaced | typeof OrderCancelled>`. */
export type EventOf<Type> = Type extends EventType<infer Name, infer Data> ? DomainEvent<Name, Data> : never

/**
 * What an event says, in one version of its schema.
 * @example
 * ```ts
 * import assert from 'node:assert/strict'
 * import type { EventContent } from 'tidemark'
 *
 * // Whether code that knows the schema up to a version can read what was written.
 * const isReadable = ({ schemaVersion, readableFrom = schemaVersion }: EventContent, known: number): boolean =>
 *   known >= readableFrom
 * assert.ok(isReadable({ type: 'Lent', schemaVersion: 3, readableFrom: 2, data: {} }, 2))
 * assert.ok(!isReadable({ type: 'Lent', schemaVersion: 3, data: {} }, 2))
 * ```
 */
export interface EventContent {
  readonly type: string
  /** The version of the schema that `data` was written with. */
  readonly schemaVersion: number
  /** The oldest version whose readers can read it. Absent: `schemaVersion` itself. */
  readonly readableFrom?: number
  readonly data: unknown
}

/**
 * An event as the log keeps it. All fields are immutable and all but `hash` are hashed.
 * @example
 * ```ts
 * import assert from 'node:assert/strict'
 * import type { RecordedEvent } from 'tidemark'
 *
 * // Who reads a stream's history tells what people asked for from what followed by itself.
 * const wasAskedFor = ({ causation }: Pick<RecordedEvent, 'causation'>): boolean => causation.startsWith('command:')
 * assert.ok(wasAskedFor({ causation: 'command:0197f3a2' }))
 * assert.ok(!wasAskedFor({ causation: 'door-1@4' }))
 * ```
 */
export interface RecordedEvent extends EventContent {
  /** The version, zero-padded to 16 digits: the id within the stream. */
  readonly id: string
  /** The stream, `order-1`: Cosmos DB's partition key, Event Hubs' partition key, CloudEvents' subject. */
  readonly stream: string
  /** 1 for a stream's first event, then one more each. */
  readonly version: number
  /** `/<service>/<category>` */
  readonly source: string
  /** When it was recorded: RFC 3339, UTC, milliseconds; never before the stream's last event. */
  readonly time: string
  /** What other services are told, where that is not what the service keeps for itself. */
  readonly published?: EventContent
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

/**
 * A recorded event whose type tells its data, as views take it.
 * @example
 * ```ts
 * import assert from 'node:assert/strict'
 * import type { Recorded } from 'tidemark'
 * import type { Opened } from './entry.ts'
 *
 * // Beside its typed data an event has who asked for it and when it was recorded. A view may show that.
 * type Shown = Pick<Recorded<Opened>, 'data' | 'time' | 'actor'>
 * const line = ({ data, time, actor }: Shown): string => `${time.slice(0, 10)} ${actor}: ${data.title}`
 * const shown: Shown = { data: { title: 'spring' }, time: '2026-03-01T06:00:00.000Z', actor: 'Anna' }
 * assert.equal(line(shown), '2026-03-01 Anna: spring')
 * ```
 */
export type Recorded<Event extends DomainEvent> = Event extends DomainEvent ? RecordedEvent & Event : never

/** The item id of a version: sorts as text as the version does as a number. */
export function eventId(version: number): string {
  return String(version).padStart(16, '0')
}
