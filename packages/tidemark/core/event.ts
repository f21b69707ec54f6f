import type { StandardSchemaV1 } from '@standard-schema/spec'
import type { JsonOnly } from './json.ts'
import { listPersonalFields } from './personal.ts'

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
  /** Starts at 1 and increases by 1. Of merged versions, the last. */
  readonly version: number
  /** The first of merged versions, which share this schema and its upcaster. Absent: `version` itself. */
  readonly since?: number
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
 * How an ended event type is read: each stored event as several events of other types, as one, or as nothing.
 * @example
 * ```ts
 * import assert from 'node:assert/strict'
 * import { type Ending, eventType, retired } from 'tidemark'
 * import * as z from 'zod'
 *
 * const Left = eventType('Left', z.object({ city: z.string() }))
 * const Moved = eventType('Moved', z.object({ from: z.string() })).readAs([Left], ({ from }) => [
 *   { type: 'Left', data: { city: from } },
 * ])
 * const listNames = ({ into }: Ending): readonly string[] => into.map(({ name }) => name)
 * assert.deepEqual([listNames(Moved.ending), listNames(retired('Lost').ending)], [['Left'], []])
 * ```
 */
export interface Ending {
  /** The types it is read as; empty if it is retired. */
  readonly into: readonly EventType[]
  /** Makes the events from data of the newest version. Pure, total and deterministic. */
  readonly split: (data: never) => readonly DomainEvent[]
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
  /** The newest version, which is the one that is written. 0 for a retired type. */
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
  /** The names under which older code wrote it. */
  readonly formerNames: readonly string[]
  /** The names under which newer code will write it. */
  readonly comingNames: readonly string[]
  /** Present if the type has ended: it is read, but not written any more. */
  readonly ending?: Ending
}

/**
 * An event type that has ended: see `readAs` and `retired`. `EventOf` of it is never.
 * @example
 * ```ts
 * import assert from 'node:assert/strict'
 * import { type EndedEventType, retired } from 'tidemark'
 *
 * const ended: readonly EndedEventType[] = [retired('Moved'), retired('Lost')]
 * assert.ok(ended.every(({ ending }) => ending.into.length === 0))
 * ```
 */
export interface EndedEventType<Name extends string = string> extends EventType<Name, never> {
  readonly ending: Ending
}

/**
 * Merges released versions into one: they share a schema and an upcaster, so the earlier ones can be deleted.
 * @example
 * ```ts
 * import assert from 'node:assert/strict'
 * import { eventType, type MergedVersions } from 'tidemark'
 * import * as z from 'zod'
 *
 * // Version 2 added `by`. One upcaster now reads both versions.
 * const merged: MergedVersions = { through: 2, readableFrom: 1 }
 * const Opened = eventType('Opened', z.object({ title: z.string(), by: z.string().optional() }), merged).breaking(
 *   z.object({ titles: z.array(z.string()) }),
 *   ({ title }) => ({ titles: [title] }),
 * )
 * assert.deepEqual([Opened.versions.length, Opened.version], [2, 3])
 * ```
 */
export interface MergedVersions {
  /** The last of the merged versions. The first is the one that the call would declare without this option. */
  readonly through: number
  /** The `readableFrom` of version `through`, as it was released. Default: `through`. */
  readonly readableFrom?: number
}

/**
 * The declaration of an event type that is written: `eventType` returns it.
 * @example
 * ```ts
 * import assert from 'node:assert/strict'
 * import { eventType, type LiveEventType } from 'tidemark'
 * import * as z from 'zod'
 *
 * const note = z.object({ text: z.string() })
 * const Noted: LiveEventType<'Noted', { text: string }> = eventType('Noted', note).formerly('Written')
 * assert.deepEqual(Noted.formerNames, ['Written'])
 * ```
 */
export interface LiveEventType<Name extends string = string, Data = unknown> extends EventType<Name, Data> {
  /**
   * Adds the next version, with more fields. Readers of this version can read the next one. The compiler
   * checks that data of the next version fits this one.
   */
  additive<Next extends Data>(
    schema: StandardSchemaV1<unknown, Next> & NoInfer<JsonOnly<Next>>,
    upcast: (data: Data) => NoInfer<Next>,
    merged?: MergedVersions,
  ): LiveEventType<Name, Next>
  /**
   * Adds the next version, with another shape or meaning. Readers of this version park such events until a
   * build knows the next version.
   */
  breaking<Next>(
    schema: StandardSchemaV1<unknown, Next> & NoInfer<JsonOnly<Next>>,
    upcast: (data: Data) => NoInfer<Next>,
    merged?: MergedVersions,
  ): LiveEventType<Name, Next>
  /**
   * Renames the type: stored events of the former name are read as this type. The versions continue, so
   * version 2 of the former name is version 2 of this one.
   */
  formerly(name: string): LiveEventType<Name, Data>
  /**
   * Announces a new name: this type is still written, and events of the new name are read as this type. Deploy
   * it everywhere before the rename, so that nobody waits for, or skips, events of the new name.
   */
  becoming(name: string): LiveEventType<Name, Data>
  /**
   * Ends the type: each stored event is read as the events that `split` makes, in that order. They share its
   * version, and all or none of them take effect. List the ended type beside the types it is read as.
   * @param split makes events from data of the newest version. Pure, total and deterministic.
   */
  readAs<Into extends EventType, const Events extends readonly EventOf<Into>[]>(
    into: readonly Into[],
    split: (data: Data) => Events,
  ): EndedEventType<Name>
}

/**
 * Declares an event type in its first version. `additive` and `breaking` add later versions, each with the
 * upcaster from the one before. `formerly`, `readAs` and `retired` end a name or a type.
 *
 * Reading is tolerant: unknown fields are ignored. Writing is strict: data that the schema would drop or
 * change is refused with `event-invalid`. So is data that JSON does not keep, see json.ts. If a schema's type
 * already shows that, the code does not compile.
 * @param merged if the schema is that of several merged versions.
 * @throws RangeError if the merged versions do not follow the one before, or a personal field is where it cannot
 *   be found.
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
  merged?: MergedVersions,
): LiveEventType<Name, Data> {
  const names = { formerNames: [], comingNames: [] }
  return versioned(name, schema, { ...names, versions: addVersion([], { change: 'first', schema }, merged) })
}

/**
 * An event type that is read as nothing: deciders, views and reactions skip its events. Versions and cursors
 * still count them, and the hash chain still contains them. List it in the decider whose streams have them.
 *
 * Its name is taken for ever. Its schemas and samples stay in `schemas/`; the code needs none.
 * @example
 * ```ts
 * import assert from 'node:assert/strict'
 * import { eventType, retired } from 'tidemark'
 * import { eventReader } from 'tidemark/tools'
 * import * as z from 'zod'
 *
 * const { readAll } = eventReader([eventType('Opened', z.object({})), retired('Moved')], 'own')
 * assert.deepEqual(readAll({ type: 'Moved', schemaVersion: 2, data: { to: 'Ghent' } }, 'entry-1@2'), [])
 * ```
 */
export function retired<const Name extends string>(name: Name): EndedEventType<Name> {
  return {
    name,
    version: 0,
    schema: NOTHING,
    readableFrom: 0,
    versions: [],
    formerNames: [],
    comingNames: [],
    ending: { into: [], split: () => [] },
  }
}

/** The schema of what is neither written nor read. */
const NOTHING: StandardSchemaV1<unknown, never> = {
  '~standard': {
    version: 1,
    vendor: 'tidemark',
    validate: () => ({ issues: [{ message: 'the event type is retired' }] }),
  },
}

function addVersion(
  before: readonly EventVersion[],
  next: Pick<EventVersion, 'change' | 'schema' | 'upcast'>,
  merged: MergedVersions | undefined,
): readonly EventVersion[] {
  // A mark that is not found would leave its field unsealed.
  listPersonalFields(next.schema)
  const last = before.at(-1)
  const since = (last?.version ?? 0) + 1
  const version = merged?.through ?? since
  if (!Number.isSafeInteger(version) || version < since)
    throw new RangeError(`version ${since} cannot be merged through version ${version}`)
  const inherited = next.change === 'additive' && !merged ? last?.readableFrom : undefined
  const readableFrom = merged?.readableFrom ?? inherited ?? version
  return [...before, { ...next, version, ...(version === since ? {} : { since }), readableFrom }]
}

function versioned<const Name extends string, Data>(
  name: Name,
  schema: StandardSchemaV1<unknown, Data>,
  declared: Pick<EventType, 'versions' | 'formerNames' | 'comingNames'>,
): LiveEventType<Name, Data> {
  const { versions, formerNames, comingNames } = declared
  const { version = 0, readableFrom = 0 } = versions.at(-1) ?? {}
  const type: EventType<Name, Data> = { name, version, schema, readableFrom, ...declared }
  const grow = <Next>(
    next: Pick<EventVersion, 'change' | 'upcast'> & { readonly schema: StandardSchemaV1<unknown, Next> },
    merged: MergedVersions | undefined,
  ): LiveEventType<Name, Next> =>
    versioned(name, next.schema, { ...declared, versions: addVersion(versions, next, merged) })
  return {
    ...type,
    additive: (schema, upcast, merged) => grow({ change: 'additive', schema, upcast }, merged),
    breaking: (schema, upcast, merged) => grow({ change: 'breaking', schema, upcast }, merged),
    formerly: (old) => versioned(name, schema, { ...declared, formerNames: [...formerNames, old] }),
    becoming: (next) => versioned(name, schema, { ...declared, comingNames: [...comingNames, next] }),
    readAs: (into, split) => ({ ...type, schema: schema as StandardSchemaV1<unknown, never>, ending: { into, split } }),
  }
}

/** Describes what a type reads besides its own name, in one line; empty for most types. */
export function describeNames({ formerNames, comingNames, ending }: EventType): string {
  const names = (word: string, list: readonly string[]): string =>
    list.length > 0 ? ` ${word} ${list.join(', ')}` : ''
  const into = ending?.into.map(({ name, version }) => `${name} ${version}`)
  return [
    names('formerly', formerNames),
    names('becoming', comingNames),
    into ? ` read as ${into.join(', ') || 'nothing'}` : '',
  ].join('')
}

/** The events of a declaration: `EventOf<typeof OrderPlaced | typeof OrderCancelled>`; never for an ended type. */
export type EventOf<Type> = Type extends { readonly ending: Ending }
  ? never
  : Type extends EventType<infer Name, infer Data>
    ? DomainEvent<Name, Data>
    : never

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
export type Recorded<Event extends DomainEvent> = Event extends DomainEvent ? RecordedEvent & Part & Event : never

/**
 * Which of several events it is that one stored event is read as.
 * @example
 * ```ts
 * import assert from 'node:assert/strict'
 * import type { Part } from 'tidemark'
 *
 * // A view that counts stored events counts each once.
 * const isFirst = ({ part }: Part): boolean => part === undefined
 * assert.deepEqual([{}, { part: 2 }].map(isFirst), [true, false])
 * ```
 */
export interface Part {
  /** 2 for the second, and so on. Absent for the first, and for an event that is read as one. */
  readonly part?: number
}

/** The item id of a version: zero-padded, so ids sort as text in version order. */
export function eventId(version: number): string {
  return String(version).padStart(16, '0')
}
