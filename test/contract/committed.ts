import { hash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { ValidateFunction } from 'ajv'
import { Ajv2020 } from 'ajv/dist/2020.js'
import addFormats from 'ajv-formats'
import canonicalize from 'canonicalize'
import type { EventContent, EventType, RecordedEvent } from 'tidemark'
import { services } from '../../packages/cli/project/config.ts'

/** An event of the stream `order-1`, or of another category by its source. */
export function recordedEvent(content: EventContent, source = '/ordering/order'): RecordedEvent {
  const event = {
    id: '0000000000000001',
    stream: `${source.split('/')[2]}-1`,
    version: 1,
    source,
    time: '2026-01-31T12:00:00.000Z',
    ...content,
    correlation: 'visit-1',
    causation: 'command:1',
    actor: 'ada',
    previousHash: '0'.repeat(64),
  }
  // RFC 8785, over all fields of the event except its hash.
  return { ...event, hash: hash('sha256', canonicalize(event) ?? '') }
}

/** A version of an event: its committed schema and samples, and its declaration. */
export interface CommittedVersion {
  /** Such as `ordering/events/OrderPlaced.v1`. */
  readonly name: string
  readonly type: EventType
  readonly version: number
  // biome-ignore lint/suspicious/noExplicitAny: a file's JSON, read field by field.
  readonly schema: any
  // biome-ignore lint/suspicious/noExplicitAny: a file's JSON, read field by field.
  readonly samples: any
}

const folder = fileURLToPath(new URL('../../schemas/', import.meta.url))
const json = (file: string) => JSON.parse(readFileSync(folder + file, 'utf8'))

/** Every version of every private event, and of every public event that differs from it. */
export function committedVersions(): CommittedVersion[] {
  return services.flatMap(({ name, deciders, publishes }) => {
    const of = (type: EventType, role: string, samples: string): CommittedVersion[] =>
      type.versions.map(({ version }) => {
        const file = `${type.name}.v${version}.json`
        return {
          name: `${name}/${role}/${type.name}.v${version}`,
          type,
          version,
          schema: json(`${name}/${role}/${file}`),
          samples: json(`${name}/${samples}/${file}`),
        }
      })
    const publicTypes = publishes.filter(({ translate }) => translate).map(({ publicEvent: published }) => published)
    return [
      ...deciders.flatMap(({ events }) => events).flatMap((type) => of(type, 'events', 'samples')),
      ...publicTypes.flatMap((type) => of(type, 'contract', 'samples/contract')),
    ]
  })
}

/** The declaration when this version was the newest, as a reader of that time has it. */
export function selectVersion(type: EventType, version: number): EventType {
  const versions = type.versions.slice(0, version)
  const newest = versions.at(-1)
  if (newest === undefined) throw new RangeError(`${type.name} has no version ${version}`)
  const readableFrom = versions.findLast(({ change }) => change !== 'additive')?.version ?? 1
  return { ...type, version, versions, readableFrom, schema: newest.schema }
}

/** Checks values against JSON Schemas. It shares no code with the library that the schemas were written in. */
export function jsonSchemaCheck(): (schema: object, value: unknown) => string | undefined {
  const ajv = new Ajv2020({ strict: true, strictTypes: false, allErrors: true })
  addFormats.default(ajv)
  ajv.addVocabulary(['x-version', 'x-change', 'x-readable-from', 'x-personal', 'x-forgotten'])
  const compiled = new Map<object, ValidateFunction>()
  return (schema, value) => {
    // One schema may be in two folders with one $id.
    const { $id: _, ...rest } = schema as { $id?: string }
    const validate = compiled.get(schema) ?? ajv.compile(rest)
    compiled.set(schema, validate)
    return validate(value) ? undefined : ajv.errorsText(validate.errors)
  }
}
