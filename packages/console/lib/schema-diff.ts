import type { JsonSchema } from '../api/contract.ts'
import { listChanges, type Row } from './diff.ts'

/** The fields of a schema version: each name with its type and its bounds. */
export function listFields(schema: JsonSchema): Readonly<Record<string, string>> {
  return Object.fromEntries(walk('', schema, true))
}

/** The changes from one version to the next, field by field. */
export function schemaChanges(now: JsonSchema, before: JsonSchema): readonly Row[] {
  return listChanges(listFields(now), listFields(before))
}

function walk(path: string, schema: unknown, required: boolean): readonly [string, string][] {
  if (typeof schema !== 'object' || schema === null) return [[path, JSON.stringify(schema)]]
  const {
    properties,
    items,
    required: needed,
    ...rest
  } = schema as {
    readonly properties?: Readonly<Record<string, unknown>>
    readonly items?: unknown
    readonly required?: readonly string[]
  } & JsonSchema
  const below = [
    ...Object.entries(properties ?? {}).flatMap(([name, each]) =>
      walk(path === '' ? name : `${path}.${name}`, each, needed?.includes(name) ?? false),
    ),
    ...(items === undefined ? [] : walk(`${path}[]`, items, true)),
  ]
  if (path === '') return below
  return [[path, `${formatType(rest)}${required ? '' : ', may be absent'}`], ...below]
}

function formatType(schema: JsonSchema): string {
  const { type, enum: values, const: constant, ...bounds } = schema
  const what =
    constant !== undefined
      ? JSON.stringify(constant)
      : Array.isArray(values)
        ? values.map((value) => JSON.stringify(value)).join(' | ')
        : type === undefined
          ? 'any'
          : String(type)
  const answers = Object.entries(bounds).filter(
    ([name]) => !/^(additionalProperties|\$schema|title|description)$/.test(name),
  )
  return answers.length === 0
    ? what
    : `${what} (${answers.map(([name, value]) => `${name} ${short(value)}`).join(', ')})`
}

function short(value: unknown): string {
  const text = JSON.stringify(value) ?? ''
  return text.length > 60 ? `${text.slice(0, 57)}…` : text
}
