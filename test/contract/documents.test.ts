import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import type { EventType, RecordedEvent, Service } from 'tidemark'
import { type AnyView, buildJsonSchema } from 'tidemark/tools'
import { services } from '../../packages/cli/project/config.ts'
import { isObject, type JsonObject } from '../../packages/cli/schemas/json.ts'
import { anyText, buildArbitrary } from '../../packages/cli/schemas/schema-values.ts'
import { jsonSchemaCheck, recordedEvent } from './committed.ts'

const LARGEST = 1_000_000

/** Limits numbers to integers whose sums stay safe. */
function summable(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(summable)
  if (!isObject(schema)) return schema
  const all = Object.fromEntries(Object.entries(schema).map(([key, value]) => [key, summable(value)]))
  if (schema.type !== 'integer') return all
  const { minimum = -LARGEST, maximum = LARGEST } = schema as { minimum?: number; maximum?: number }
  return { ...all, minimum: Math.max(minimum, -LARGEST), maximum: Math.min(maximum, LARGEST) }
}

/** The categories that a view follows, each with the service that publishes it and the events that a test makes. */
function listSources({ name, deciders }: Service, view: AnyView) {
  if (view.kind === 'many-services') return view.sources
  const { category } = view
  const events = deciders.find((decider) => decider.category === category)?.events ?? []
  return [{ service: name, category, events }]
}

function buildHistories(service: Service, view: AnyView): fc.Arbitrary<RecordedEvent[]> {
  const sources = listSources(service, view)
  for (const { events, category } of sources)
    assert.ok(events.length > 0, `${view.name} follows nothing of ${category}`)
  const buildEvent = ([type, source]: readonly [EventType, string]): fc.Arbitrary<RecordedEvent> =>
    buildArbitrary(summable(buildJsonSchema(type.schema, type.name)) as JsonObject, anyText).map((data) =>
      recordedEvent({ type: type.name, schemaVersion: type.version, data }, source),
    )
  const types = sources.flatMap(({ service, category, events }) =>
    events.map((type) => [type, `/${service}/${category}`] as const),
  )
  const [first, ...others] = types.map(buildEvent)
  assert.ok(first)
  // Most streams start with their usual first event; everything after it is random.
  return fc
    .tuple(fc.option(first), fc.array(fc.oneof(first, ...others), { maxLength: 12 }))
    .map(([begun, rest]) => [...(begun ? [begun] : []), ...rest])
}

/** All documents of a history, each after each event. */
function* foldDocuments(view: AnyView, history: readonly RecordedEvent[]): Generator<unknown> {
  const documents = new Map<string, unknown>()
  for (const event of history)
    for (const key of view.kind === 'one-stream' ? [event.stream] : view.documentKeys(event)) {
      const document = view.evolve(documents.get(key), event, key)
      documents.set(key, document)
      if (document !== undefined) yield document
    }
}

describe('the documents of views', () => {
  const check = jsonSchemaCheck()
  for (const service of services)
    for (const view of service.views)
      it(`fit their OpenAPI schema after any events: ${view.name}`, () => {
        assert.ok(view.document)
        const schema = buildJsonSchema(view.document, view.name)
        let seen = 0
        fc.assert(
          fc.property(buildHistories(service, view), (history) => {
            for (const document of foldDocuments(view, history)) {
              // As a client receives it, without undefined fields.
              assert.equal(check(schema, JSON.parse(JSON.stringify(document))), undefined)
              seen += 1
            }
          }),
        )
        assert.ok(seen > 100, `${seen} documents`)
      })
})
