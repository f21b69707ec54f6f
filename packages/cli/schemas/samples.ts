import { createHash } from 'node:crypto'
import { isDeepStrictEqual } from 'node:util'
import fc from 'fast-check'
import type { DomainEvent, EventContent, EventType } from 'tidemark'
import { eventReader } from 'tidemark/tools'
import type { EventSchema } from './event-schema.ts'
import { isObject, type JsonObject } from './json.ts'
import { buildArbitrary, readable } from './schema-values.ts'

/** Golden samples of one version of an event. */
interface Samples extends JsonObject {
  readonly type: string
  readonly version: number
  /**
   * The newest version, to which `read` is upcast. If samples have `reads`: the newest version of each type
   * that they are read as.
   */
  readonly readAs: number | Readonly<Record<string, number>>
  readonly samples: readonly Sample[]
}

interface Sample extends JsonObject {
  /** The data as it was once written. */
  readonly data: unknown
  /** The data as the current code reads it; absent for the newest version. */
  readonly read?: unknown
  /** Instead of `read`, for a former name and an ended type: the events that it is read as, maybe none. */
  readonly reads?: readonly DomainEvent[]
}

/**
 * Reads data of a version that was once the newest, with the current code.
 * @param file the file of the samples, which names the service.
 */
export type ReadOn = (file: string, content: EventContent) => readonly DomainEvent[]

const SAMPLES = 3

/**
 * The samples of a version: the existing ones, or else new ones, the same on every machine. Their `read`
 * always comes from the current upcasters.
 * @param earlier the existing samples, whose data never change.
 * @param schema of the version, under the name with which it is in the log.
 * @throws Error if existing data can no longer be read, or are read differently each time.
 */
export function buildSamples(type: EventType, schema: EventSchema, earlier: JsonObject | undefined): Samples {
  const { title: name, 'x-version': version } = schema
  const data = readEarlierData(earlier) ?? newData(schema)
  if (name !== type.name || type.ending) {
    const newest = type.ending ? type.ending.into : [type]
    const readAs = Object.fromEntries(newest.map((each) => [each.name, each.version]))
    return {
      type: name,
      version,
      readAs,
      samples: data.map((each) => ({ data: each, reads: readAll(type, schema, each) })),
    }
  }
  const samples = data.map((each) =>
    version === type.version ? { data: each } : { data: each, read: read(type, schema, each) },
  )
  return { type: type.name, version, readAs: type.version, samples }
}

function readEarlierData(earlier: JsonObject | undefined): readonly unknown[] | undefined {
  if (!Array.isArray(earlier?.samples) || earlier.samples.length === 0) return undefined
  return earlier.samples.map((sample) => (isObject(sample) ? sample.data : undefined))
}

function newData(schema: EventSchema): readonly unknown[] {
  const seed = createHash('sha256').update(schema.$id).digest().readInt32BE()
  const made = fc.sample(buildArbitrary(schema, readable), { seed, numRuns: SAMPLES })
  return [...new Map(made.map((data) => [JSON.stringify(data), data])).values()]
}

function readAll(type: EventType, schema: EventSchema, data: unknown): readonly DomainEvent[] {
  const content = { type: schema.title, schemaVersion: schema['x-version'], data }
  const what = `a sample of ${schema.$id}`
  const reader = eventReader([type, ...(type.ending?.into ?? [])], 'foreign')
  const [reads, again] = [reader.readAll(content, what), reader.readAll(content, what)]
  if (!isDeepStrictEqual(reads, again)) throw new Error(`${what} is read differently each time`)
  return reads.map((each) => ({ type: each.type, data: each.data }))
}

function read(type: EventType, schema: EventSchema, data: unknown): unknown {
  const content = { type: type.name, schemaVersion: schema['x-version'], data }
  return eventReader([type], 'foreign').read(content, `a sample of ${schema.$id}`)
}
