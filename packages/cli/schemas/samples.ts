import { createHash } from 'node:crypto'
import fc from 'fast-check'
import type { EventType } from 'tidemark'
import { eventReader } from 'tidemark/tools'
import type { EventSchema } from './event-schema.ts'
import { isObject, type JsonObject } from './json.ts'
import { buildArbitrary, readable } from './schema-values.ts'

/** Golden samples of one version of an event. */
interface Samples extends JsonObject {
  readonly type: string
  readonly version: number
  /** The newest version, to which `read` is upcast. */
  readonly readAs: number
  readonly samples: readonly Sample[]
}

interface Sample extends JsonObject {
  /** The data as it was once written. */
  readonly data: unknown
  /** The data as the current code reads it; absent for the newest version. */
  readonly read?: unknown
}

/**
 * Reads data of a version that was once the newest, with the current code.
 * @param file the file of the samples, which names the event.
 */
export type ReadOn = (file: string, version: number, data: unknown) => unknown

const SAMPLES = 3

/**
 * The samples of a version: the existing ones, or else new ones, the same on every machine. Their `read`
 * always comes from the current upcasters.
 * @param earlier the existing samples, whose data never change.
 * @throws Error if existing data can no longer be read.
 */
export function buildSamples(type: EventType, schema: EventSchema, earlier: JsonObject | undefined): Samples {
  const version = schema['x-version']
  const data = readEarlierData(earlier) ?? newData(schema)
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

function read(type: EventType, schema: EventSchema, data: unknown): unknown {
  const content = { type: type.name, schemaVersion: schema['x-version'], data }
  return eventReader([type], 'foreign').read(content, `a sample of ${schema.$id}`)
}
