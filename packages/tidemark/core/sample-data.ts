import { isDeepStrictEqual } from 'node:util'
import type { JsonSchema } from './json-schema.ts'

/** Few words, so that the samples of several events name the same things. */
const WORDS = ['a', 'b', 'c d', '']
/** For texts with a pattern: codes of countries and currencies, numbers, ids and the like. */
const OTHER_WORDS = [
  'AB',
  'CD',
  'EUR',
  'USD',
  'ABCD',
  '0',
  '12',
  '1234',
  '12345678',
  'a-1',
  'A1',
  '#aabbcc',
  '+4912345678',
]
const NUMBERS = [0, 1, 2, 3, 7, 10, 60, 101, 1_001, 20_000, -1, -50, 0.5, 2.5]
const FORMATS: Readonly<Record<string, readonly string[]>> = {
  'date-time': ['2026-01-31T12:00:00.000Z', '2026-02-01T00:00:00.000Z', '2031-12-31T23:59:59.999Z'],
  date: ['2026-01-31', '2026-02-01'],
  time: ['12:00:00', '23:59:59'],
  uuid: ['11111111-1111-4111-8111-111111111111', '22222222-2222-4222-9222-222222222222'],
  email: ['a@example.com', 'b@example.com'],
  uri: ['https://example.com/a', 'https://example.com/b'],
}
const MOST_ITEMS = 3
/** Larger lower limits are not tried: their samples do not fit. */
const MOST_LEAST = 10
const MOST_TEXT = 1_000
const MOST_DEPTH = 8

/** Returns the next number of a sequence, from 0 to below `count`. */
export type Next = (count: number) => number

/** The same sequence for the same seed, everywhere: xorshift32. https://www.jstatsoft.org/article/view/v008i14 */
export function sequence(seed: number): Next {
  let state = seed | 1
  return (count) => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return (state >>> 0) % count
  }
}

/**
 * A value for a JSON Schema. It has the types, names and choices of the schema, and mostly fits its limits and
 * patterns. Whether it does, the schema must say.
 */
export function sample(schema: JsonSchema, next: Next): unknown {
  return new Sampler(schema, next).sample(schema, 0)
}

class Sampler {
  readonly #root: JsonSchema
  readonly #next: Next

  constructor(root: JsonSchema, next: Next) {
    this.#root = root
    this.#next = next
  }

  sample(schema: JsonSchema, depth: number): unknown {
    const { $ref, const: only, enum: values, anyOf, oneOf, allOf, type } = schema
    if ($ref !== undefined) return depth < MOST_DEPTH ? this.sample(this.#resolve(String($ref)), depth + 1) : null
    if (only !== undefined) return only
    const choices = (values ?? anyOf ?? oneOf) as readonly unknown[] | undefined
    if (choices?.length === 0) return null
    if (choices) return values ? this.#pick(choices) : this.sample(this.#pick(choices) as JsonSchema, depth + 1)
    if (allOf) return Object.assign({}, ...(allOf as readonly JsonSchema[]).map((each) => this.sample(each, depth + 1)))
    return this.#sampleType(Array.isArray(type) ? this.#pick(type) : type, schema, depth)
  }

  #sampleType(type: unknown, schema: JsonSchema, depth: number): unknown {
    switch (type) {
      case 'object':
        return this.#object(schema, depth)
      case 'array':
        return this.#array(schema, depth)
      case 'integer':
      case 'number':
        return this.#number(schema)
      case 'boolean':
        return this.#next(2) === 1
      case 'null':
        return null
      default:
        return this.#text(schema)
    }
  }

  #object({ properties = {}, required = [], additionalProperties }: JsonSchema, depth: number): unknown {
    const isIn = (name: string): boolean => (required as readonly string[]).includes(name)
    const named = Object.entries(properties as Readonly<Record<string, JsonSchema>>)
      .filter(([name]) => isIn(name) || (depth < MOST_DEPTH && this.#next(2) === 1))
      .map(([name, its]) => [name, this.sample(its, depth + 1)])
    const isRecord = typeof additionalProperties === 'object' && !isDeepStrictEqual(additionalProperties, {})
    const extra = isRecord ? [[this.#pick(WORDS), this.sample(additionalProperties as JsonSchema, depth + 1)]] : []
    return Object.fromEntries([...named, ...extra])
  }

  #array({ items, prefixItems, minItems = 0 }: JsonSchema, depth: number): unknown {
    const fixed = ((prefixItems ?? []) as readonly JsonSchema[]).map((each) => this.sample(each, depth + 1))
    if (typeof items !== 'object' || depth >= MOST_DEPTH) return fixed
    const length = Math.min(Number(minItems), MOST_LEAST) + this.#next(MOST_ITEMS)
    return [...fixed, ...Array.from({ length }, () => this.sample(items as JsonSchema, depth + 1))]
  }

  #number(schema: JsonSchema): number {
    const fits = NUMBERS.filter((value) => isInRange(value, schema))
    return fits.length > 0 ? this.#pick(fits) : Number(schema.minimum ?? schema.maximum ?? 1)
  }

  #text({ format, pattern, minLength = 0, maxLength = MOST_TEXT }: JsonSchema): string {
    const own = FORMATS[String(format)]
    if (own) return this.#pick(own)
    const least = Math.min(Number(minLength), MOST_TEXT)
    const words = WORDS.map((word) => word.padEnd(least, 'x')).filter((word) => word.length <= Number(maxLength))
    if (pattern === undefined) return words.length > 0 ? this.#pick(words) : ''
    const isMatch = buildMatch(String(pattern))
    const fits = [...words.filter(isMatch), ...OTHER_WORDS.filter(isMatch)].slice(0, 3)
    return fits.length > 0 ? this.#pick(fits) : 'a'
  }

  /** A reference that leads nowhere allows anything. */
  #resolve(reference: string): JsonSchema {
    const names = reference.split('/').slice(1)
    return (
      names.reduce<JsonSchema | undefined>((from, name) => from?.[name] as JsonSchema | undefined, this.#root) ?? {}
    )
  }

  #pick<Value>(values: readonly Value[]): Value {
    return values[this.#next(values.length)] as Value
  }
}

function isInRange(
  value: number,
  {
    type,
    minimum = Number.NEGATIVE_INFINITY,
    exclusiveMinimum = Number.NEGATIVE_INFINITY,
    maximum = Number.POSITIVE_INFINITY,
    exclusiveMaximum = Number.POSITIVE_INFINITY,
  }: JsonSchema,
): boolean {
  const isAbove = value >= Number(minimum) && value > Number(exclusiveMinimum)
  const isBelow = value <= Number(maximum) && value < Number(exclusiveMaximum)
  return isAbove && isBelow && (type !== 'integer' || Number.isInteger(value))
}

/** No text matches a pattern that is no regular expression of JavaScript. */
function buildMatch(pattern: string): (text: string) => boolean {
  try {
    const expression = new RegExp(pattern, 'u')
    return (text) => expression.test(text)
  } catch {
    return () => false
  }
}
