import type { StandardSchemaV1 } from '@standard-schema/spec'
import { isTidemarkError } from './errors.ts'
import { describeNames, type EventType, eventId, type RecordedEvent } from './event.ts'
import { type EventReader, eventReader, listReadTypes } from './event-reader.ts'
import { canonicalHash, GENESIS } from './hash-chain.ts'
import { asJson } from './json.ts'
import { buildJsonSchema, type JsonSchema } from './json-schema.ts'
import { type Next, sample, sequence } from './sample-data.ts'
import { validate } from './schema.ts'
import { type AnyView, describeCategories, isOwnView } from './view.ts'

/** The code of a view that has written a generation. */
export interface WriterCode {
  /** `computeViewCode` of the view. */
  readonly code: string
  /** The build that had it, for people. */
  readonly build: string
}

/** By the number of the generation: all code that has written it, or the first two if it is more. */
export type GenerationCodes = Readonly<Record<string, readonly WriterCode[]>>

/** Code that did not record itself: a build before Tidemark did so. */
export const UNKNOWN_CODE: WriterCode = { code: 'unknown', build: 'unknown' }

const ROUNDS = 24
const EVENTS = 12
const SEED = 1_796_040_000
const STEP_MS = 7 * 3_600_000
/** How often data is made up until it fits. */
const MAX_TRIES = 5

/** An event version to make samples of. */
interface Sampled {
  readonly type: string
  readonly version: number
  readonly schema: StandardSchemaV1
  readonly jsonSchema: JsonSchema
}

/**
 * Identifies what a view's code does: how it reads events and what documents it makes of them. It is tried with
 * some hundred made-up events of every declared version. So it is the same for the same code, whether
 * bundled, minified or not, and covers helpers and upcasters. It does not notice a change that
 * none of these events shows.
 * @param declared the event types of the view's category. A view over several services names its own.
 */
export function computeViewCode(view: AnyView, declared: readonly EventType[]): string {
  const { name, kind, document } = view
  const next = sequence(SEED)
  const trial = new Trial(view)
  const followed = listFollowed(view, declared)
  for (const { category, source, types, reader } of followed) {
    const sampled = types.flatMap(toSampled)
    for (let round = 0; round < ROUNDS && sampled.length > 0; round += 1)
      for (let index = 0; index < EVENTS; index += 1) {
        // Each type begins some of the streams.
        const each = sampled[index === 0 ? round % sampled.length : next(sampled.length)]
        const data = each && makeData(each, next)
        const place = { stream: `${category}-trial-${round}`, version: index + 1, source }
        if (data) trial.apply(toEvent(each, place, data.value), reader)
      }
  }
  const types = followed.flatMap((part) => part.types)
  return canonicalHash({
    ...{ name, kind, category: describeCategories(view) },
    events: types.map((type) => `${type.name}.v${type.version}${describeNames(type)}`),
    document: document === undefined ? null : findJsonSchema(document),
    results: trial.results,
  }).slice(0, 12)
}

/** The categories that a view follows, and how it reads their events. */
function listFollowed(view: AnyView, declared: readonly EventType[]) {
  if (!isOwnView(view))
    return view.sources.map(({ service, category, events }) => ({
      ...{ category, source: `/${service}/${category}`, types: events },
      reader: eventReader(events, 'foreign'),
    }))
  const types = listReadTypes(view.events, declared)
  return [{ category: view.category, source: '/trial', types, reader: eventReader(types, 'own') }]
}

function toSampled({ name, versions }: EventType): readonly Sampled[] {
  return versions.map(({ version, schema }) => ({
    type: name,
    version,
    schema,
    jsonSchema: findJsonSchema(schema),
  }))
}

/** A schema that JSON Schema cannot express allows anything: its samples then try less. */
function findJsonSchema(schema: StandardSchemaV1): JsonSchema {
  try {
    return buildJsonSchema(schema, 'a sample')
  } catch (error) {
    if (!isTidemarkError(error, 'internal')) throw error
    return {}
  }
}

/**
 * Data that fits the schema. A view may rely on that, for instance to end a loop.
 * @returns undefined if some tries gave none.
 */
function makeData({ schema, jsonSchema }: Sampled, next: Next): { readonly value: unknown } | undefined {
  for (let attempt = 1; attempt <= MAX_TRIES; attempt += 1) {
    const value = sample(jsonSchema, next)
    if (validate(schema, value).outcome === 'valid') return { value }
  }
  return undefined
}

function toEvent(
  { type, version: schemaVersion }: Sampled,
  { stream, version, source }: Pick<RecordedEvent, 'stream' | 'version' | 'source'>,
  data: unknown,
): RecordedEvent {
  return {
    ...{ id: eventId(version), stream, version, source, type, schemaVersion },
    data,
    time: new Date(SEED * 1000 + version * STEP_MS).toISOString(),
    ...{ correlation: stream, causation: `command:${version}`, actor: `actor-${version % 2}` },
    ...{ previousHash: GENESIS, hash: GENESIS },
  }
}

/** Applies events to a view in memory, and keeps what comes of it. */
class Trial {
  readonly #view: AnyView
  readonly #documents = new Map<string, unknown>()
  /** What each event changed: the key, the document and its sort key. */
  readonly results: unknown[] = []

  constructor(view: AnyView) {
    this.#view = view
  }

  /** An event that the view cannot apply is a result too. */
  apply(event: RecordedEvent, reader: EventReader): void {
    const [view, documents] = [this.#view, this.#documents]
    try {
      for (const read of reader.readEvents(event)) {
        const keys = view.kind === 'one-stream' ? [read.stream] : [...new Set(view.documentKeys(read))]
        for (const key of keys) {
          const evolved = view.evolve(documents.get(key), read, key)
          const json = asJson(evolved, { levels: Number.POSITIVE_INFINITY, portable: false })
          const document = json.outcome === 'valid' ? json.value : undefined
          documents.set(key, document)
          this.results.push(document === undefined ? [key] : [key, document, view.sort(document)])
        }
      }
    } catch {
      this.results.push('throws')
    }
  }
}
