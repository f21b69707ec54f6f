import type { EventType, Service } from 'tidemark'
import { type AnyReaction, cloudEvent, dataschemaOf, jsonSchemaOf, reactionsOf, sourceOf } from 'tidemark/tools'
import { eventSchemaOf, versionName } from './event-schema.ts'
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
export function asyncApiOf(service: Service, all: readonly Service[]): JsonObject {
  const followed = reactionsOf(service).filter((reaction) => reaction.service !== service.name)
  const sources = [...new Set(followed.map((reaction) => reaction.service))].toSorted()
  const told = new Map([
    [service.name, service.publishes.map(({ published }) => published)],
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
    channels: Object.fromEntries([...told].map(([name, types]) => [name, channelOf(name, types)])),
    operations: {
      publish: operationOf('send', service.name, told.get(service.name) ?? []),
      ...Object.fromEntries(
        followed.map((reaction) => [reaction.name, operationOf('receive', reaction.service, reaction.events)]),
      ),
    },
    components: {
      messages: Object.assign(
        {},
        ...[...told].map(([name, types]) => messagesOf(all.find((each) => each.name === name) ?? service, types)),
      ),
      schemas: {
        CloudEvent: envelope(),
        ...Object.assign({}, ...[...told].map(([name, types]) => dataOf(name, types))),
      },
    },
  }
}

/** Every type of a service that another follows, as it is published. */
function followedTypes(name: string, followed: readonly AnyReaction[], all: readonly Service[]): readonly EventType[] {
  const publisher = all.find((service) => service.name === name)
  const its = followed.filter(({ service }) => service === name)
  for (const { category, events } of its)
    for (const type of events) {
      const sources = publisher ? sourcesOf(publisher, type) : []
      if (sources.length === 0) throw new Error(`${type.name} is followed, and ${name} does not publish it`)
      if (!sources.includes(sourceOf(name, category)))
        throw new Error(`${type.name} is followed in ${sourceOf(name, category)}, and comes from ${sources.join(', ')}`)
    }
  return [...new Map(its.flatMap(({ events }) => events).map((type) => [type.name, type])).values()]
}

/** Where an event that a service publishes comes from: a source for each category of streams that it is recorded in. */
function sourcesOf({ name, deciders, publishes }: Service, { name: type }: EventType): readonly string[] {
  const kept = publishes.filter(({ published }) => published.name === type).map(({ recorded }) => recorded.name)
  return deciders
    .filter(({ events }) => events.some((event) => kept.includes(event.name)))
    .map(({ category }) => sourceOf(name, category))
    .toSorted()
}

function channelOf(service: string, types: readonly EventType[]): JsonObject {
  return {
    address: service,
    description: `The event hub of ${service}.`,
    messages: Object.fromEntries(
      versionsOf(types).map(({ name }) => [name, { $ref: `#/components/messages/${service}.${name}` }]),
    ),
  }
}

function operationOf(action: 'send' | 'receive', service: string, types: readonly EventType[]): JsonObject {
  return {
    action,
    channel: { $ref: `#/channels/${service}` },
    messages: versionsOf(types).map(({ name }) => ({ $ref: `#/channels/${service}/messages/${name}` })),
  }
}

/** Each version of each type: those that are no longer written are still in the log, and come again with every replay. */
function versionsOf(types: readonly EventType[]): { type: EventType; version: number; name: string }[] {
  return types.flatMap((type) =>
    type.versions.map(({ version }) => ({ type, version, name: versionName(type, version) })),
  )
}

function messagesOf(publisher: Service, types: readonly EventType[]): JsonObject {
  const service = publisher.name
  return Object.fromEntries(
    versionsOf(types).map(({ type, version, name }) => [
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
                source: { enum: sourcesOf(publisher, type) },
                dataschema: { const: dataschemaOf(sourceOf(service, ''), { type: type.name, schemaVersion: version }) },
                data: { $ref: `#/components/schemas/${service}.${name}` },
              },
            },
          ],
        },
      },
    ]),
  )
}

function dataOf(service: string, types: readonly EventType[]): JsonObject {
  return Object.fromEntries(
    versionsOf(types).map(({ type, version, name }) => {
      const declared = { role: 'contract', type, translated: false } as const
      const { $schema: _, $id: __, ...schema } = eventSchemaOf(service, declared, version)
      return [`${service}.${name}`, schema]
    }),
  )
}

function envelope(): JsonObject {
  const { properties, ...rest } = jsonSchemaOf(cloudEvent, 'the envelope')
  const described = Object.entries(properties as Readonly<Record<string, JsonObject>>).map(([name, schema]) => [
    name,
    name in attributes ? { description: attributes[name], ...schema } : schema,
  ])
  return { ...rest, properties: Object.fromEntries(described) }
}
