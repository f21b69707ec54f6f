import * as z from 'zod'
import { TidemarkError } from './errors.ts'
import { type EventContent, eventId, type RecordedEvent } from './event.ts'
import { hashFits } from './hash-chain.ts'
import { isTooDeep, MAX_NESTING } from './json.ts'
import { formatPosition, isStream, parseCategory } from './stream.ts'

/**
 * CloudEvents 1.0, structured JSON, as Event Hubs carries it. `id` is the event's stream position, which is
 * unique within `source`. Extension attributes follow the section "Naming Conventions" (lower-case letters
 * and digits).
 * https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/spec.md
 * @example
 * ```ts
 * import assert from 'node:assert/strict'
 * import { cloudEvent } from 'tidemark/tools'
 *
 * assert.ok(!cloudEvent.safeParse({ specversion: '1.0', id: 'entry-1@1' }).success)
 * ```
 */
export const cloudEvent = z.object({
  specversion: z.literal('1.0'),
  id: z.string(),
  source: z.string().regex(/^\/[a-z][a-z0-9-]*\/[a-z][a-z0-9]*$/),
  subject: z.string().refine(isStream),
  type: z.string().min(1),
  datacontenttype: z.literal('application/json'),
  dataschema: z.string(),
  time: z.iso.datetime(),
  data: z.unknown(),
  streamversion: z.int().positive(),
  correlationid: z.string(),
  causationid: z.string(),
  actor: z.string(),
  traceparent: z.string().optional(),
  readablefrom: z.int().positive().optional(),
  recorded: z.string().optional(),
  previoushash: z.string().regex(/^[0-9a-f]{64}$/),
  hash: z.string().regex(/^[0-9a-f]{64}$/),
})

export type CloudEvent = z.infer<typeof cloudEvent>

/**
 * The private content of an event whose public event differs. The attribute `recorded` carries it as a JSON
 * string.
 */
const recordedContent = z.object({
  type: z.string().min(1),
  schemaVersion: z.int().positive(),
  readableFrom: z.int().positive().optional(),
  data: z.unknown(),
})

/**
 * `urn:tidemark:<service>:<event type>:<schema version>`
 * @example
 * ```ts
 * import assert from 'node:assert/strict'
 * import { formatDataschema } from 'tidemark/tools'
 *
 * const content = { type: 'Opened', schemaVersion: 2 }
 * assert.equal(formatDataschema('/entries/entry', content), 'urn:tidemark:entries:Opened:2')
 * ```
 */
export function formatDataschema(source: string, { type, schemaVersion }: Omit<EventContent, 'data'>): string {
  return `urn:tidemark:${source.split('/')[1]}:${type}:${schemaVersion}`
}

/**
 * Builds the message of an event. Its type and data are those of the public event. If the private event
 * differs, the attribute `recorded` carries it, for the service's own consumers and for the hash. A hub has
 * no access control per event: everyone who can read the hub can also read private events.
 * @example
 * ```ts
 * import assert from 'node:assert/strict'
 * import type { RecordedEvent } from 'tidemark'
 * import { cloudEvent, toCloudEvent } from 'tidemark/tools'
 *
 * const event: RecordedEvent = {
 *   ...{ id: '0000000000000001', stream: 'entry-1', version: 1, source: '/entries/entry' },
 *   ...{ type: 'Opened', schemaVersion: 1, data: { title: 'a title' }, time: '2026-01-31T12:00:00.000Z' },
 *   ...{ correlation: 'visit-1', causation: 'command:1', actor: 'ada' },
 *   ...{ previousHash: '0'.repeat(64), hash: '1'.repeat(64) },
 * }
 * assert.equal(cloudEvent.parse(toCloudEvent(event)).subject, 'entry-1')
 * ```
 */
export function toCloudEvent(event: RecordedEvent): CloudEvent {
  const { type, schemaVersion, readableFrom, data } = event
  const content = event.published ?? event
  return {
    specversion: '1.0',
    id: formatPosition(event),
    source: event.source,
    subject: event.stream,
    type: content.type,
    datacontenttype: 'application/json',
    dataschema: formatDataschema(event.source, content),
    time: event.time,
    data: content.data,
    streamversion: event.version,
    correlationid: event.correlation,
    causationid: event.causation,
    actor: event.actor,
    ...(event.traceparent === undefined ? {} : { traceparent: event.traceparent }),
    ...(content.readableFrom === undefined ? {} : { readablefrom: content.readableFrom }),
    ...(event.published ? { recorded: JSON.stringify({ type, schemaVersion, readableFrom, data }) } : {}),
    previoushash: event.previousHash,
    hash: event.hash,
  }
}

/**
 * Whether a message may belong to a stream of these categories. False only if it certainly belongs to another
 * category, so a consumer need not parse it. True if in doubt.
 */
export function mayBelongTo(categories: ReadonlySet<string>, message: unknown): boolean {
  const subject = (message as Partial<CloudEvent> | null | undefined)?.subject
  return typeof subject !== 'string' || !isStream(subject) || categories.has(parseCategory(subject))
}

/**
 * Reads the recorded event from a message and verifies its hash, so a consumer gets exactly what the log
 * stores.
 * @throws TidemarkError `event-unreadable` if the message is not such an event, `hash-mismatch` if it was
 *   changed on the way.
 */
export function fromCloudEvent(message: unknown): RecordedEvent {
  const parsed = cloudEvent.safeParse(message)
  if (!parsed.success) {
    const [issue] = parsed.error.issues
    throw new TidemarkError(
      'event-unreadable',
      `the message is not a CloudEvent of Tidemark: ${[...(issue?.path ?? []), issue?.message].join(': ')}`,
    )
  }
  const attributes = parsed.data
  const { type, readablefrom } = attributes
  const publicContent: EventContent = {
    type,
    schemaVersion: Number(attributes.dataschema.slice(attributes.dataschema.lastIndexOf(':') + 1)),
    ...(readablefrom === undefined ? {} : { readableFrom: readablefrom }),
    data: attributes.data,
  }
  const recorded = attributes.recorded === undefined ? undefined : parseRecordedContent(attributes.recorded)
  const event: RecordedEvent = {
    id: eventId(attributes.streamversion),
    stream: attributes.subject,
    version: attributes.streamversion,
    ...(recorded ?? publicContent),
    source: attributes.source,
    time: attributes.time,
    ...(recorded ? { published: publicContent } : {}),
    correlation: attributes.correlationid,
    causation: attributes.causationid,
    actor: attributes.actor,
    ...(attributes.traceparent === undefined ? {} : { traceparent: attributes.traceparent }),
    previousHash: attributes.previoushash,
    hash: attributes.hash,
  }
  const position = formatPosition(event)
  if (attributes.id !== position || attributes.dataschema !== formatDataschema(attributes.source, publicContent))
    throw new TidemarkError('event-unreadable', `the attributes of ${position} contradict each other`)
  if (!Number.isSafeInteger(publicContent.schemaVersion) || publicContent.schemaVersion < 1)
    throw new TidemarkError('event-unreadable', `${position} has no schema version in ${attributes.dataschema}`)
  if (attributes.source.split('/')[2] !== parseCategory(event.stream))
    throw new TidemarkError('event-unreadable', `${position} has another category than its source ${attributes.source}`)
  // Tidemark never records data this deep, and forwarding or storing it could fail.
  if (isTooDeep(publicContent.data) || (recorded && isTooDeep(recorded.data)))
    throw new TidemarkError('event-unreadable', `${position} has data nested deeper than ${MAX_NESTING} levels`)
  if (!hashFits(event)) throw new TidemarkError('hash-mismatch', `${position} does not match its hash`)
  return event
}

function parseRecordedContent(recorded: string): EventContent {
  try {
    const { readableFrom, ...content } = recordedContent.parse(JSON.parse(recorded))
    return { ...content, ...(readableFrom === undefined ? {} : { readableFrom }) }
  } catch (cause) {
    throw new TidemarkError('event-unreadable', 'the attribute recorded is not the content of an event', { cause })
  }
}
