import type { StandardSchemaV1 } from '@standard-schema/spec'
import type { JsonOnly } from './json.ts'

/**
 * A fact that a decider decided: its name in the past tense, and its data (JSON).
 * @example
 * ```ts
 * import assert from 'node:assert/strict'
 * import type { DomainEvent } from 'tidemark'
 *
 * type Book = DomainEvent<'Lent', { reader: string }> | DomainEvent<'Returned', object>
 * // Narrowing the type narrows the data.
 * const nameReader = (event: Book): string => (event.type === 'Lent' ? event.data.reader : 'nobody')
 * assert.equal(nameReader({ type: 'Lent', data: { reader: 'Anna' } }), 'Anna')
 * ```
 */
export interface DomainEvent<Type extends string = string, Data = unknown> {
  readonly type: Type
  readonly data: Data
}

/**
 * One version of an event's schema, and the upcaster from the version before.
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
  /** Starts at 1 and increases by 1. */
  readonly version: number
  /**
   * `additive`: readers of the version before can read this one. `breaking`: they cannot, and wait for a
   * build that knows it.
   */
  readonly change: 'first' | 'additive' | 'breaking'
  readonly schema: StandardSchemaV1
  /**
   * The oldest version whose readers can read this one. Additive steps keep it; a breaking step resets it.
   */
  readonly readableFrom: number
  /**
   * The upcaster; absent for the first version. Pure and total: it accepts any data that fits the version
   * before and returns data that fits this one.
   */
  readonly upcast?: (data: never) => unknown
}

/**
 * The declaration of an event: its name, the newest version of its schema (zod, or any Standard Schema), and
 * all earlier versions.
 * @example
 * ```ts
 * import assert from 'node:assert/strict'
 * import { type EventType, eventType } from 'tidemark'
 * import * as z from 'zod'
 *
 * // A decider, a view and a reaction each list the events they read like this.
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
  /** The newest version, which is the one that is written. */
  readonly version: number
  readonly schema: StandardSchemaV1<unknown, Data>
  /**
   * The oldest version whose readers can read the newest. Additive steps keep it; a breaking step resets it.
   */
  readonly readableFrom: number
  /**
   * Every version ever written, oldest first. Never edit a released one; `npm run schemas -- --check`
   * verifies this.
   */
  readonly versions: readonly EventVersion[]
  /**
   * Adds the next version, with more fields. Readers of this version can read the next one. The compiler
   * checks that data of the next version fits this one.
   */
  additive<Next extends Data>(
    schema: StandardSchemaV1<unknown, Next> & NoInfer<JsonOnly<Next>>,
    upcast: (data: Data) => NoInfer<Next>,
  ): EventType<Name, Next>
  /**
   * Adds the next version, with another shape or meaning. Readers of this version park such events until a
   * build knows the next version.
   */
  breaking<Next>(
    schema: StandardSchemaV1<unknown, Next> & NoInfer<JsonOnly<Next>>,
    upcast: (data: Data) => NoInfer<Next>,
  ): EventType<Name, Next>
}

/**
 * Declares an event type in its first version. `additive` and `breaking` add later versions, each with the
 * upcaster from the one before.
 *
 * Reading is tolerant: unknown fields are ignored. Writing is strict: data that the schema would drop or
 * change is refused with `event-invalid`. So is data that JSON does not keep, see json.ts. If a schema's type
 * already shows that, the code does not compile.
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
 * The content of an event, in one version of its schema.
 * @example
 * ```ts
 * import assert from 'node:assert/strict'
 * import type { EventContent } from 'tidemark'
 *
 * // Whether code that knows the schema up to a version can read the content.
 * const isReadable = ({ schemaVersion, readableFrom = schemaVersion }: EventContent, known: number): boolean =>
 *   known >= readableFrom
 * assert.ok(isReadable({ type: 'Lent', schemaVersion: 3, readableFrom: 2, data: {} }, 2))
 * assert.ok(!isReadable({ type: 'Lent', schemaVersion: 3, data: {} }, 2))
 * ```
 */
export interface EventContent {
  readonly type: string
  /** The schema version that `data` was written with. */
  readonly schemaVersion: number
  /** The oldest version whose readers can read it. Absent: `schemaVersion` itself. */
  readonly readableFrom?: number
  readonly data: unknown
}

/**
 * An event as the log stores it. All fields are immutable, and all but `hash` are hashed.
 * @example
 * ```ts
 * import assert from 'node:assert/strict'
 * import type { RecordedEvent } from 'tidemark'
 *
 * // Tells events that a client's command caused from events that a reaction caused.
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
  /** Starts at 1 in each stream and increases by 1. */
  readonly version: number
  /** `/<service>/<category>` */
  readonly source: string
  /** When it was recorded: RFC 3339, UTC, milliseconds. Never before the stream's previous event. */
  readonly time: string
  /** The public event that other services get, if it differs from the private one. */
  readonly published?: EventContent
  /** The correlation id, shared by everything one request caused. */
  readonly correlation: string
  /** The cause: `command:<idempotency key>`, or the position of an event of another stream. */
  readonly causation: string
  /** Who sent the command. */
  readonly actor: string
  /** The request's W3C Trace Context, if it had one. */
  readonly traceparent?: string
  /** The hash of the stream's previous event; 64 zeros for the first. */
  readonly previousHash: string
  /** SHA-256, lower-case hex: see hash-chain.ts. */
  readonly hash: string
}

/**
 * A recorded event whose `type` determines the type of its data, as views get it.
 * @example
 * ```ts
 * import assert from 'node:assert/strict'
 * import type { Recorded } from 'tidemark'
 * import type { Opened } from './entry.ts'
 *
 * // Besides its typed data, an event has the actor and the time. A view may show them.
 * type Shown = Pick<Recorded<Opened>, 'data' | 'time' | 'actor'>
 * const line = ({ data, time, actor }: Shown): string => `${time.slice(0, 10)} ${actor}: ${data.title}`
 * const shown: Shown = { data: { title: 'spring' }, time: '2026-03-01T06:00:00.000Z', actor: 'Anna' }
 * assert.equal(line(shown), '2026-03-01 Anna: spring')
 * ```
 */
export type Recorded<Event extends DomainEvent> = Event extends DomainEvent ? RecordedEvent & Event : never

/** The item id of a version: zero-padded, so ids sort as text in version order. */
export function eventId(version: number): string {
  return String(version).padStart(16, '0')
}
