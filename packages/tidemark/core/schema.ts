import { isDeepStrictEqual } from 'node:util'
import type { StandardSchemaV1 } from '@standard-schema/spec'
import { TidemarkError } from './errors.ts'
import type { DomainEvent, EventContent, EventType } from './event.ts'
import { asJson, describeFault, pointerTo } from './json.ts'
import { listPersonalFields } from './personal.ts'

/** A validation error: where (a JSON Pointer, RFC 6901) and what. */
export interface Issue {
  readonly pointer: string
  readonly detail: string
}

export type Validation<Value> =
  | { readonly outcome: 'valid'; readonly value: Value }
  | { readonly outcome: 'invalid'; readonly issues: readonly Issue[] }

/** Validates an input with any synchronous Standard Schema. https://standardschema.dev */
export function validate<Value>(schema: StandardSchemaV1<unknown, Value>, input: unknown): Validation<Value> {
  const result = schema['~standard'].validate(input)
  if (result instanceof Promise)
    throw new TidemarkError('internal', 'a schema of a command or an event must not be asynchronous')
  if (result.issues === undefined) return { outcome: 'valid', value: result.value }
  return {
    outcome: 'invalid',
    issues: result.issues.map((issue) => ({ pointer: formatPointer(issue.path ?? []), detail: issue.message })),
  }
}

function formatPointer(path: NonNullable<StandardSchemaV1.Issue['path']>): string {
  return pointerTo(path.map((segment) => String(typeof segment === 'object' ? segment.key : segment)))
}

/** Formats issues in one line. */
export function describeIssues(issues: readonly Issue[]): string {
  return issues.map((issue) => `${issue.pointer || '/'}: ${issue.detail}`).join('; ')
}

/**
 * How an event's data differs from its schema. If the schema has personal fields, only the places are named: a
 * schema's own messages may quote a text.
 */
export function describeMisfit({ schema }: Pick<EventType, 'schema'>, issues: readonly Issue[]): string {
  if (listPersonalFields(schema).length === 0) return describeIssues(issues)
  return issues.map(({ pointer }) => pointer || '/').join(', ')
}

/**
 * Checks an event strictly before it is written, and returns its content. The data must survive a round trip
 * through JSON and be valid. The schema must not drop a field or change a value.
 * @throws TidemarkError `event-invalid`: the decider's fault, not the caller's; `event-too-large` if the data
 *   is nested too deep.
 */
export function checkWritten(types: readonly EventType[], event: DomainEvent): EventContent {
  const type = types.find((candidate) => candidate.name === event.type)
  if (type === undefined) throw new TidemarkError('event-invalid', `${event.type} is not among the declared events`)
  if (type.ending !== undefined)
    throw new TidemarkError('event-invalid', `${event.type} has ended: it is read, but not written any more`)
  const json = asJson(event.data)
  if (json.outcome === 'invalid')
    throw new TidemarkError(
      json.fault.isTooDeep ? 'event-too-large' : 'event-invalid',
      `${event.type} has data that JSON does not keep: ${describeFault(json.fault)}`,
    )
  const data = json.value
  const result = validate(type.schema, data)
  if (result.outcome === 'invalid')
    throw new TidemarkError(
      'event-invalid',
      `${event.type} does not fit its schema: ${describeMisfit(type, result.issues)}`,
    )
  if (!isDeepStrictEqual(result.value, data))
    throw new TidemarkError('event-invalid', `${event.type} has data that its schema does not name`)
  const { version: schemaVersion, readableFrom } = type
  return {
    type: type.name,
    schemaVersion,
    ...(readableFrom === schemaVersion ? {} : { readableFrom }),
    data,
  }
}
