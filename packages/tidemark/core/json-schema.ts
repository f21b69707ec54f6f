import type { StandardJSONSchemaV1, StandardSchemaV1 } from '@standard-schema/spec'
import { TidemarkError } from './errors.ts'

export type JsonSchema = Readonly<Record<string, unknown>>

/**
 * The JSON Schema (draft 2020-12) of the input that a schema accepts. Works with any library that supports
 * Standard JSON Schema. https://standardschema.dev/json-schema
 * @param what names the schema's subject in the error message.
 * @throws TidemarkError `internal` if the schema has no JSON Schema, or JSON Schema cannot express it.
 * @example
 * ```ts
 * import assert from 'node:assert/strict'
 * import { buildJsonSchema } from 'tidemark/tools'
 * import * as z from 'zod'
 *
 * assert.partialDeepStrictEqual(buildJsonSchema(z.object({ title: z.string() }), 'Opened'), { required: ['title'] })
 * ```
 */
export function buildJsonSchema(schema: StandardSchemaV1, what: string): JsonSchema {
  const standard: StandardSchemaV1.Props & Partial<StandardJSONSchemaV1.Props> = schema['~standard']
  if (standard.jsonSchema === undefined)
    throw new TidemarkError('internal', `the schema of ${what} (${standard.vendor}) gives no JSON Schema`)
  try {
    const { $schema: _, ...jsonSchema } = standard.jsonSchema.input({ target: 'draft-2020-12' })
    return jsonSchema
  } catch (cause) {
    const why = (cause as Error).message
    throw new TidemarkError('internal', `the schema of ${what} has no JSON Schema: ${why}`, { cause })
  }
}
