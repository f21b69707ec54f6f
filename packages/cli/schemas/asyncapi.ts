import type { EventType, Service } from 'tidemark'
import {
  type AnyReaction,
  buildJsonSchema,
  cloudEvent,
  formatDataschema,
  formatSource,
  listReactions,
} from 'tidemark/tools'
import { buildEventSchema, versionName } from './event-schema.ts'
import type { JsonObject } from './json.ts'

/** What CloudEvents itself does not say of our attributes. */
const attributes: Readonly<Record<string, string>> = {
  id: 'The position of the event: `<stream>@<version>`; with `source` unique for ever.',
  subject: 'The stream: also the partition key, so that its events come in their order.',
  dataschema: 'Names the version of the schema of `data`.',
  streamversion: 'From 1, one more for each event of the stream.',
  correlationid: 'Common to all that one request set off.',
  causationid: 'The command or the event that led to this one.',
  actor: 'Who asked for it.',
  traceparent: 'W3C Trace Context of the request.',
  readablefrom: 'The oldest version whose readers can read `data`. Absent: the version itself.',
  recorded:
    "What the service keeps for itself, where it tells others something else. JSON; the service's own business.",
  previoushash: 'The hash of the event before it in the stream.',
  hash: 'SHA-256 over the event: see packages/tidemark/core/hash-chain.ts.',
}

/**
 * AsyncAPI 3.0 of a service: what it sends to its hub, and what it receives from those of others.
 * https://www.asyncapi.com/docs/reference/specification/v3.0.0
 * @param all every service: what one follows, another has to publish.
 * @throws Error where a reaction follows what its service does not publish, or not where it is recorded.
 */
export function buildAsyncApi(service: Service, all: readonly Service[]): JsonObject {
  const followed = listReactions(service).filter((reaction) => reaction.service !== service.name)
  const sources = [...new Set(followed.map((reaction) => reaction.service))].toSorted()
  const publicTypes = new Map([
    [service.name, service.publishes.map(({ publicEvent: published }) => published)],
    ...sources.map((name) => [name, followedTypes(name, followed, all)] as const),
  ])
  return {
    asyncapi: '3.0.0',
    info: {
      title: service.name,
      version: '1.0.0',
      description: 'Events are CloudEvents 1.0 in structured JSON, at least once each, in order for each `subject`.',
    },
    defaultContentType: 'application/cloudevents+json',
    channels: Object.fromEntries([...publicTypes].map(([name, types]) => [name, buildChannel(name, types)])),
    operations: {
      publish: buildOperation('send', service.name, publicTypes.get(service.name) ?? []),
      ...Object.fromEntries(
        followed.map((reaction) => [reaction.name, buildOperation('receive', reaction.service, reaction.events)]),
      ),
    },
    components: {
      messages: Object.assign(
        {},
        ...[...publicTypes].map(([name, types]) =>
          buildMessages(all.find((each) => each.name === name) ?? service, types),
        ),
      ),
      schemas: {
        CloudEvent: envelope(),
        ...Object.assign({}, ...[...publicTypes].map(([name, types]) => buildDataSchemas(name, types))),
      },
    },
  }
}

/** Every type of a service that another follows, as it is published. */
function followedTypes(name: string, followed: readonly AnyReaction[], all: readonly Service[]): readonly EventType[] {
  const publisher = all.find((service) => service.name === name)
  const followedHere = followed.filter(({ service }) => service === name)
  for (const { category, events } of followedHere)
    for (const type of events) {
      const sources = publisher ? listSources(publisher, type) : []
      if (sources.length === 0) throw new Error(`${type.name} is followed, and ${name} does not publish it`)
      if (!sources.includes(formatSource(name, category)))
        throw new Error(
          `${type.name} is followed in ${formatSource(name, category)}, and comes from ${sources.join(', ')}`,
        )
    }
  return [...new Map(followedHere.flatMap(({ events }) => events).map((type) => [type.name, type])).values()]
}

/** Where an event that a service publishes comes from: a source for each category of streams that it is recorded in. */
function listSources({ name, deciders, publishes }: Service, { name: type }: EventType): readonly string[] {
  const privateTypes = publishes
    .filter(({ publicEvent: published }) => published.name === type)
    .map(({ privateEvent: recorded }) => recorded.name)
  return deciders
    .filter(({ events }) => events.some((event) => privateTypes.includes(event.name)))
    .map(({ category }) => formatSource(name, category))
    .toSorted()
}

function buildChannel(service: string, types: readonly EventType[]): JsonObject {
  return {
    address: service,
    description: `The event hub of ${service}.`,
    messages: Object.fromEntries(
      listVersions(types).map(({ name }) => [name, { $ref: `#/components/messages/${service}.${name}` }]),
    ),
  }
}

function buildOperation(action: 'send' | 'receive', service: string, types: readonly EventType[]): JsonObject {
  return {
    action,
    channel: { $ref: `#/channels/${service}` },
    messages: listVersions(types).map(({ name }) => ({ $ref: `#/channels/${service}/messages/${name}` })),
  }
}

/**
 * Each version of each type: those that are no longer written are still in the log, and come again with every
 * replay.
 */
function listVersions(types: readonly EventType[]): { type: EventType; version: number; name: string }[] {
  return types.flatMap((type) =>
    type.versions.map(({ version }) => ({ type, version, name: versionName(type, version) })),
  )
}

function buildMessages(publisher: Service, types: readonly EventType[]): JsonObject {
  const service = publisher.name
  return Object.fromEntries(
    listVersions(types).map(({ type, version, name }) => [
      `${service}.${name}`,
      {
        name: type.name,
        title: `${type.name}, version ${version}`,
        ...(version === type.version ? {} : { summary: 'No longer written; still in the log.' }),
        contentType: 'application/cloudevents+json',
        payload: {
          allOf: [
            { $ref: '#/components/schemas/CloudEvent' },
            {
              properties: {
                type: { const: type.name },
                source: { enum: listSources(publisher, type) },
                dataschema: {
                  const: formatDataschema(formatSource(service, ''), { type: type.name, schemaVersion: version }),
                },
                data: { $ref: `#/components/schemas/${service}.${name}` },
              },
            },
          ],
        },
      },
    ]),
  )
}

function buildDataSchemas(service: string, types: readonly EventType[]): JsonObject {
  return Object.fromEntries(
    listVersions(types).map(({ type, version, name }) => {
      const declared = { role: 'contract', type, translated: false } as const
      const { $schema: _, $id: __, ...schema } = buildEventSchema(service, declared, version)
      return [`${service}.${name}`, schema]
    }),
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
