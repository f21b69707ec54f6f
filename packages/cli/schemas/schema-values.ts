import fc from 'fast-check'
import { isObject, type JsonObject } from './json.ts'

/** How to generate a text that the schema does not constrain. */
interface TextStyle {
  /** One character of one UTF-16 code unit, because libraries count the length of a text differently. */
  readonly character: fc.Arbitrary<string>
  readonly longest: number
}

/** Readable words. */
export const readable: TextStyle = { character: fc.constantFrom(...'abcdefghijklmnopqrstuvwxyz'), longest: 10 }

/** Any text, including control characters. */
export const anyText: TextStyle = {
  character: fc.integer({ min: 0, max: 0xd7ff }).map((code) => String.fromCharCode(code)),
  longest: 40,
}

const annotations = ['$schema', '$id', '$comment', 'title', 'description', 'default', 'examples', 'deprecated']
const known: Readonly<Record<string, readonly string[]>> = {
  object: ['properties', 'required', 'additionalProperties', 'propertyNames'],
  array: ['items', 'minItems', 'maxItems'],
  string: ['minLength', 'maxLength', 'pattern', 'format'],
  integer: ['minimum', 'maximum', 'exclusiveMinimum', 'exclusiveMaximum'],
  number: ['minimum', 'maximum', 'exclusiveMinimum', 'exclusiveMaximum'],
  boolean: [],
  null: [],
}

const MORE_ITEMS = 4
const FIRST_DATE = new Date('2020-01-01T00:00:00Z')
const LAST_DATE = new Date('2100-01-01T00:00:00Z')

/**
 * Generates values that fit a JSON Schema. Supports the part of 2020-12 that event schemas use.
 * @throws Error for an unknown keyword, because the values might not fit.
 */
export function buildArbitrary(schema: JsonObject, style: TextStyle): fc.Arbitrary<unknown> {
  if ('const' in schema) return fc.constant(schema.const)
  if (Array.isArray(schema.enum)) return fc.constantFrom(...schema.enum)
  const branches = schema.anyOf ?? schema.oneOf
  if (Array.isArray(branches)) return fc.oneof(...branches.map((branch) => buildArbitrary(branch, style)))
  const type = String(schema.type)
  for (const keyword of Object.keys(schema))
    if (keyword !== 'type' && !keyword.startsWith('x-') && !annotations.includes(keyword))
      if (!known[type]?.includes(keyword)) throw new Error(`cannot generate values for ${keyword} of type ${type}`)
  switch (type) {
    case 'object':
      return objects(schema, style)
    case 'array':
      return arrays(schema, style)
    case 'string':
      return texts(schema, style)
    case 'integer':
      return integers(schema)
    case 'number':
      return numbers(schema)
    case 'boolean':
      return fc.boolean()
    case 'null':
      return fc.constant(null)
    default:
      throw new Error(`cannot generate values for type ${type}`)
  }
}

function objects(schema: JsonObject, style: TextStyle): fc.Arbitrary<unknown> {
  const { properties = {}, required = [], additionalProperties, propertyNames = {} } = schema
  const model = Object.fromEntries(
    Object.entries(properties as Record<string, JsonObject>).map(([name, each]) => [name, buildArbitrary(each, style)]),
  )
  const named = fc.record(model, { requiredKeys: required as string[], noNullPrototype: true })
  if (!isObject(additionalProperties)) return named
  const names = texts({ type: 'string', minLength: 1, ...(propertyNames as JsonObject) }, style).filter(
    (name) => !Object.hasOwn(model, name),
  )
  const rest = fc.dictionary(names, buildArbitrary(additionalProperties, style), {
    maxKeys: MORE_ITEMS,
    noNullPrototype: true,
  })
  return fc.tuple(rest, named).map(([others, fields]) => ({ ...others, ...(fields as object) }))
}

function arrays({ items = {}, minItems = 0, maxItems }: JsonObject, style: TextStyle): fc.Arbitrary<unknown> {
  const minLength = minItems as number
  const maxLength = Math.min((maxItems as number | undefined) ?? Number.POSITIVE_INFINITY, minLength + MORE_ITEMS)
  return fc.array(buildArbitrary(items as JsonObject, style), { minLength, maxLength })
}

function texts(schema: JsonObject, { character, longest }: TextStyle): fc.Arbitrary<string> {
  const { minLength = 0, maxLength = Number.POSITIVE_INFINITY } = schema as { minLength?: number; maxLength?: number }
  const pattern = schema.pattern === undefined ? undefined : new RegExp(String(schema.pattern), 'u')
  const fits = (text: string): boolean =>
    text.length >= minLength && text.length <= maxLength && (pattern === undefined || pattern.test(text))
  if (schema.format === 'date-time')
    return fc
      .date({ min: FIRST_DATE, max: LAST_DATE, noInvalidDate: true })
      .map((date) => date.toISOString())
      .filter(fits)
  if (schema.format === 'uuid') return fc.uuid().filter(fits)
  if (schema.format !== undefined) throw new Error(`cannot generate values for format ${schema.format}`)
  if (pattern) return fc.stringMatching(pattern).filter(fits)
  return fc.string({ unit: character, minLength, maxLength: Math.min(maxLength, Math.max(minLength, longest)) })
}

function integers(schema: JsonObject): fc.Arbitrary<number> {
  const { minimum, maximum, exclusiveMinimum, exclusiveMaximum } = schema as Record<string, number | undefined>
  return fc.integer({
    min: Math.max(minimum ?? Number.MIN_SAFE_INTEGER, (exclusiveMinimum ?? Number.NEGATIVE_INFINITY) + 1),
    max: Math.min(maximum ?? Number.MAX_SAFE_INTEGER, (exclusiveMaximum ?? Number.POSITIVE_INFINITY) - 1),
  })
}

function numbers(schema: JsonObject): fc.Arbitrary<number> {
  const { minimum, maximum, exclusiveMinimum, exclusiveMaximum } = schema as Record<string, number | undefined>
  const min = exclusiveMinimum ?? minimum ?? -Number.MAX_VALUE
  const max = exclusiveMaximum ?? maximum ?? Number.MAX_VALUE
  const bounds = { minExcluded: exclusiveMinimum !== undefined, maxExcluded: exclusiveMaximum !== undefined }
  // JSON has no -0.
  return fc.double({ min, max, ...bounds, noNaN: true }).map((value) => (value === 0 ? 0 : value))
}
