import type { EventType, Service } from 'tidemark'
import { buildJsonSchema, cloudEvent, formatDataschema, formatSource, hasLog, listReactions } from 'tidemark/tools'
import { versionName } from './event-schema.ts'
import type { JsonObject } from './json.ts'
import { listStoredVersions, type SchemaFiles, type StoredVersion } from './released-events.ts'

/** Descriptions of our attributes, beyond what CloudEvents itself says. */
const attributes: Readonly<Record<string, string>> = {
  id: 'The stream position of the event: `<stream>@<version>`. Together with `source` it is unique for ever.',
  subject: 'The stream. It is also the partition key, so that its events arrive in order.',
  dataschema: 'Names the version of the schema of `data`.',
  streamversion: 'The stream version: 1 for the first event of the stream, and 1 more for each further event.',
  correlationid: 'Shared by everything that one request caused.',
  causationid: 'The command or the event that caused this one.',
  actor: 'The user or program that sent the command.',
  traceparent: 'W3C Trace Context of the request.',
  readablefrom: 'The oldest version whose readers can read `data`. Absent if that is the version itself.',
  recorded: 'The private event as JSON, if it differs from the public one. Only the service itself may rely on it.',
  previoushash: 'The hash of the previous event in the stream.',
  hash: 'SHA-256 over the event: see packages/tidemark/core/hash-chain.ts.',
}

/**
 * What a message says about the names and the end of its event. AsyncAPI has `deprecated` for a schema, not for
 * a message. https://www.asyncapi.com/docs/reference/specification/v3.0.0#schemaObject
 */
const ENDS = ['x-formerly', 'x-becoming', 'x-renamed-to', 'x-read-as', 'x-retired']

/**
 * The AsyncAPI 3.0 document of a service: the events it sends to its hub, and those it receives from other
 * hubs. https://www.asyncapi.com/docs/reference/specification/v3.0.0
 * @param all every service, because another one has to publish what a service follows.
 * @param earlier the current files of `schemas/`, which have the schemas of former names and retired types.
 * @throws Error if a reaction or a view follows an event that its service does not publish, or not from that category.
 *   Also if it follows an event, but not an ended one that is read as it.
 */
export function buildAsyncApi(service: Service, all: readonly Service[], earlier: SchemaFiles = new Map()): JsonObject {
  const list = (name: string, types: readonly EventType[]): readonly Message[] => listMessages(name, types, earlier)
  const followed = listFollowed(service)
  const sources = [...new Set(followed.map((reaction) => reaction.service))].toSorted()
  const publicTypes = new Map([
    ...(hasLog(service)
      ? [[service.name, service.publishes.map(({ publicEvent: published }) => published)] as const]
      : []),
    ...sources.map((name) => [name, followedTypes(name, followed, all)] as const),
  ])
  return {
    asyncapi: '3.0.0',
    info: {
      title: service.name,
      version: '1.0.0',
      description:
        'Events are CloudEvents 1.0 in structured JSON. Each comes at least once, in order for its `subject`.',
    },
    defaultContentType: 'application/cloudevents+json',
    channels: Object.fromEntries(
      [...publicTypes].map(([name, types]) => [name, buildChannel(name, list(name, types))]),
    ),
    operations: {
      ...(hasLog(service)
        ? { publish: buildOperation('send', service.name, list(service.name, publicTypes.get(service.name) ?? [])) }
        : {}),
      ...Object.fromEntries(
        followed.map((follower) => [
          follower.name,
          buildOperation('receive', follower.service, list(follower.service, follower.events)),
        ]),
      ),
    },
    components: {
      messages: Object.assign(
        {},
        ...[...publicTypes].map(([name, types]) =>
          buildMessages(all.find((each) => each.name === name) ?? service, list(name, types)),
        ),
      ),
      schemas: {
        CloudEvent: envelope(),
        ...Object.assign({}, ...[...publicTypes].map(([name, types]) => buildDataSchemas(name, list(name, types)))),
      },
    },
  }
}

/** Events of another service that a reaction or a view follows. */
interface Followed {
  /** The reaction; or the view and what it follows, because a view may follow several services. */
  readonly name: string
  readonly service: string
  readonly category: string
  readonly events: readonly EventType[]
}

function listFollowed(service: Service): readonly Followed[] {
  const sources = service.views.flatMap((view) =>
    view.kind === 'many-services'
      ? view.sources.map((source) => ({ ...source, name: `${view.name}-${source.service}-${source.category}` }))
      : [],
  )
  return [...listReactions(service), ...sources].filter((follower) => follower.service !== service.name)
}

/** The public event types of a service that another service follows. */
function followedTypes(name: string, followed: readonly Followed[], all: readonly Service[]): readonly EventType[] {
  const publisher = all.find((service) => service.name === name)
  const followedHere = followed.filter(({ service }) => service === name)
  for (const { category, events } of followedHere)
    for (const type of events) {
      const sources = publisher ? listSources(publisher, type) : []
      if (sources.length === 0) throw new Error(`${type.name} is followed, but ${name} does not publish it`)
      if (!sources.includes(formatSource(name, category)))
        throw new Error(
          `${type.name} is followed in ${formatSource(name, category)}, but comes from ${sources.join(', ')}`,
        )
    }
  const names = new Set(followedHere.flatMap(({ events }) => events.map((type) => type.name)))
  for (const { publicEvent: ended } of publisher?.publishes ?? []) {
    const into = ended.ending?.into.find((type) => names.has(type.name))
    if (into !== undefined && !names.has(ended.name))
      throw new Error(`${into.name} of ${name} is followed, and ${ended.name} is read as it: follow ${ended.name} too`)
  }
  return [...new Map(followedHere.flatMap(({ events }) => events).map((type) => [type.name, type])).values()]
}

/** The sources of an event that a service publishes: one for each category in which it is recorded. */
function listSources({ name, deciders, publishes }: Service, { name: type }: EventType): readonly string[] {
  const privateTypes = publishes
    .filter(({ publicEvent: published }) => published.name === type)
    .map(({ privateEvent: recorded }) => recorded.name)
  return deciders
    .filter(({ events }) => events.some((event) => privateTypes.includes(event.name)))
    .map(({ category }) => formatSource(name, category))
    .toSorted()
}

function buildChannel(service: string, messages: readonly Message[]): JsonObject {
  return {
    address: service,
    description: `The event hub of ${service}.`,
    messages: Object.fromEntries(
      messages.map(({ message }) => [message, { $ref: `#/components/messages/${service}.${message}` }]),
    ),
  }
}

function buildOperation(action: 'send' | 'receive', service: string, messages: readonly Message[]): JsonObject {
  return {
    action,
    channel: { $ref: `#/channels/${service}` },
    messages: messages.map(({ message }) => ({ $ref: `#/channels/${service}/messages/${message}` })),
  }
}

/** A version of a public event under the name with which it is published. */
interface Message extends StoredVersion {
  readonly type: EventType
  /** `OrderPlaced.v2` */
  readonly message: string
}

/**
 * Each version of each type, under each of its names. Old versions and former names are no longer written, but
 * they are in the log and may be published again.
 */
function listMessages(service: string, types: readonly EventType[], earlier: SchemaFiles): readonly Message[] {
  return types.flatMap((type) =>
    listStoredVersions(service, { role: 'contract', type, translated: false }, earlier).map((stored) => ({
      ...stored,
      type,
      message: versionName(stored, stored.version),
    })),
  )
}

function buildMessages(publisher: Service, messages: readonly Message[]): JsonObject {
  const service = publisher.name
  return Object.fromEntries(
    messages.map(({ type, name, version, schema, message }) => [
      `${service}.${message}`,
      {
        name,
        title: `${name}, version ${version}`,
        ...(version === type.version && name === type.name && !type.ending
          ? {}
          : { summary: 'No longer written; still in the log.' }),
        ...Object.fromEntries(ENDS.flatMap((field) => (field in schema ? [[field, schema[field]]] : []))),
        contentType: 'application/cloudevents+json',
        payload: {
          allOf: [
            { $ref: '#/components/schemas/CloudEvent' },
            {
              properties: {
                type: { const: name },
                source: { enum: listSources(publisher, type) },
                dataschema: {
                  const: formatDataschema(formatSource(service, ''), { type: name, schemaVersion: version }),
                },
                data: { $ref: `#/components/schemas/${service}.${message}` },
              },
            },
          ],
        },
      },
    ]),
  )
}

function buildDataSchemas(service: string, messages: readonly Message[]): JsonObject {
  return Object.fromEntries(
    messages.map(({ message, schema: { $schema: _, $id: __, ...schema } }) => [`${service}.${message}`, schema]),
  )
}

function envelope(): JsonObject {
  const { properties, ...rest } = buildJsonSchema(cloudEvent, 'the envelope')
  const described = Object.entries(properties as Readonly<Record<string, JsonObject>>).map(([name, schema]) => [
    name,
    name in attributes ? { description: attributes[name], ...schema } : schema,
  ])
  return { ...rest, properties: Object.fromEntries(described) }
}
