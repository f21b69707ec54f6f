import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { subsetDifferences } from '../../packages/cli/gate/schema-subset.ts'
import type { JsonObject } from '../../packages/cli/schemas/json.ts'
import { buildArbitrary, readable } from '../../packages/cli/schemas/schema-values.ts'
import { jsonSchemaCheck } from './committed.ts'

const text = { type: 'string' }
const whole = { type: 'integer' }
const record = (properties: object, required: readonly string[] = Object.keys(properties), more = {}) => ({
  type: 'object',
  properties,
  required,
  ...more,
})
const closed = { additionalProperties: false }

const formatDifferences = (narrow: unknown, wide: unknown): string[] =>
  subsetDifferences(narrow, wide).map(({ at, what }) => `${at} ${what}`.trim())

describe('every value of the first schema fits the second:', () => {
  for (const [what, narrow, wide] of [
    ['the same', record({ a: text }), record({ a: text })],
    ['other descriptions', { ...text, title: 'A', description: 'b', 'x-c': 1 }, text],
    ['one more field', record({ a: text, b: text }), record({ a: text })],
    ['a field that has become required', record({ a: text }), record({ a: text }, [])],
    [
      'an optional field that a closed object never has',
      record({ a: text }, ['a'], closed),
      record({ a: text, b: text }, ['a']),
    ],
    ['any more', record({ a: text }), {}],
    ['true', record({ a: text }), true],
    ['false', false, text],
    ['tighter bounds', { ...whole, minimum: 2, maximum: 3 }, { ...whole, exclusiveMinimum: 1, maximum: 3 }],
    ['integers instead of numbers', whole, { type: 'number', multipleOf: 1 }],
    ['a shorter text', { ...text, minLength: 2, maxLength: 3 }, { ...text, minLength: 1 }],
    ['fewer values', { enum: ['a', 'b'] }, { type: 'string', enum: ['a', 'b', 'c'] }],
    ['enum values instead of any text', { enum: ['a', 'b'] }, { ...text, minLength: 1 }],
    ['one schema of a union', text, { anyOf: [whole, text] }],
    ['a smaller union', { anyOf: [whole, text] }, { anyOf: [text, { type: 'null' }, whole] }],
    ['one of several types', { type: 'string' }, { type: ['string', 'null'] }],
    [
      'shorter lists of narrower items',
      { type: 'array', items: { enum: ['a'] }, maxItems: 2 },
      { type: 'array', items: text },
    ],
    [
      'a record of narrower values',
      { type: 'object', additionalProperties: { enum: [1] } },
      { type: 'object', additionalProperties: whole },
    ],
    ['the target of a reference', { $ref: '#/$defs/a', $defs: { a: text } }, text],
    ['a field named like a keyword', record({ title: text, a: text }), record({ title: text })],
  ] as const)
    it(what, () => assert.deepEqual(formatDifferences(narrow, wide), []))
})

describe('a value of the first schema may not fit the second:', () => {
  for (const [what, narrow, wide, expected] of [
    ['a missing field', record({ a: text }), record({ a: text, b: text }), 'b is missing'],
    ['a missing optional field', record({ a: text }), record({ a: text, b: text }, ['a']), 'b is not declared'],
    ['optional instead of required', record({ a: text }, []), record({ a: text }), 'a may be missing'],
    ['another type', record({ a: text }), record({ a: whole }), 'a may be of type string, not integer'],
    ['null as well', { type: ['string', 'null'] }, text, 'may be of type null, not string'],
    ['fractions', { type: 'number' }, whole, 'may be of type number, not integer'],
    ['any type', {}, text, 'may be of type null, boolean, number, integer, array, object, not string'],
    ['one more enum value', { enum: ['a', 'b', 'c'] }, { enum: ['a', 'b'] }, 'may be "c"'],
    ['any text instead of enum values', text, { enum: ['a', 'b'] }, 'may be other than "a", "b"'],
    ['a boolean instead of true', { type: 'boolean' }, { const: true }, 'may be false'],
    ['a smaller minimum', { ...whole, minimum: 0 }, { ...whole, minimum: 1 }, 'may be less than 1'],
    ['the bound itself', { type: 'number', minimum: 1 }, { type: 'number', exclusiveMinimum: 1 }, 'may be less than 1'],
    ['a greater maximum', whole, { ...whole, maximum: 9 }, 'may be more than 9'],
    ['no multiple', whole, { ...whole, multipleOf: 5 }, 'may not be a multiple of 5'],
    ['a longer text', { ...text, maxLength: 9 }, { ...text, maxLength: 8 }, 'may have more than 8 characters'],
    ['a shorter text', text, { ...text, minLength: 1 }, 'may have fewer than 1 characters'],
    ['another pattern', { ...text, pattern: '^a$' }, { ...text, pattern: '^b$' }, 'has another pattern than ^b$'],
    ['no format', text, { ...text, format: 'date-time' }, 'has another format than date-time'],
    ['more items', { type: 'array' }, { type: 'array', maxItems: 2 }, 'may have more than 2 items'],
    ['duplicate items', { type: 'array' }, { type: 'array', uniqueItems: true }, 'may have an item twice'],
    [
      'other items',
      { type: 'array', items: text },
      { type: 'array', items: whole },
      '[] may be of type string, not integer',
    ],
    [
      'a nested field',
      record({ a: record({ b: text }, []) }),
      record({ a: record({ b: text }) }),
      'a.b may be missing',
    ],
    [
      'a field that a closed object does not have',
      record({ a: text, b: text }, ['a'], closed),
      record({ a: text }, ['a'], closed),
      'b is not accepted',
    ],
    [
      'an open object instead of a closed one',
      record({ a: text }),
      record({ a: text }, ['a'], closed),
      'accepts no undeclared field',
    ],
    [
      'a record of other values',
      { type: 'object', additionalProperties: text },
      { type: 'object', additionalProperties: whole },
      '* may be of type string, not integer',
    ],
    [
      'a union with another schema',
      { anyOf: [text, whole] },
      { anyOf: [text, { type: 'null' }] },
      'may fit no former alternative',
    ],
    [
      'another type of a field named like a keyword',
      record({ title: whole }),
      record({ title: text }),
      'title may be of type integer, not string',
    ],
    ['any value instead of none', text, false, 'is no longer accepted'],
  ] as const)
    it(what, () =>
      assert.ok(formatDifferences(narrow, wide).includes(expected), formatDifferences(narrow, wide).join('; ')),
    )

  it('only a new enum value is marked as such', () => {
    const isNew = (narrow: unknown, wide: unknown) => subsetDifferences(narrow, wide).map((each) => each.isNewValue)
    assert.deepEqual(isNew({ enum: ['a', 'b'] }, { enum: ['a'] }), [true])
    assert.deepEqual(isNew({ enum: ['a', null] }, { enum: ['a'] }), [undefined])
    assert.deepEqual(isNew({ const: 1 }, text), [undefined])
    assert.deepEqual(isNew(text, { enum: ['a'] }), [undefined])
  })

  it('all differences are reported, not only the first', () =>
    assert.equal(formatDifferences(record({ a: text, b: whole }, []), record({ a: whole, b: whole })).length, 3))
})

describe('schemas that cannot be compared', () => {
  for (const [what, narrow, wide] of [
    ['not', text, { not: { const: 'a' } }],
    ['allOf', { allOf: [text] }, text],
    ['oneOf, if a value may fit two of its schemas', text, { oneOf: [text, { ...text, minLength: 1 }] }],
    ['patternProperties', { type: 'object', patternProperties: { a: text } }, { type: 'object' }],
    ['an unknown keyword', { ...text, tomorrow: 1 }, text],
    ['a reference out of the document', { $ref: 'other.json' }, text],
    ['a reference to itself', { $ref: '#' }, text],
    ['a union with other keywords', { type: 'string', anyOf: [{ minLength: 1 }] }, text],
  ] as const)
    it(`are reported as a difference: ${what}`, () =>
      assert.ok(
        formatDifferences(narrow, wide).some((line) => /cannot be compared|contains itself/.test(line)),
        formatDifferences(narrow, wide).join(),
      ))

  it('are accepted if they are equal', () =>
    assert.deepEqual(formatDifferences({ not: { const: 'a' } }, { not: { const: 'a' } }), []))

  it('are not equal if the same reference leads to different schemas', () => {
    const of = (a: object) => ({ ...record({ a: { $ref: '#/$defs/a' } }), $defs: { a } })
    assert.deepEqual(formatDifferences(of(text), of(whole)), ['a may be of type string, not integer'])
  })
})

// Schemas, and random changes of them, which may remove values, add values, or both.
const leaf: fc.Arbitrary<JsonObject> = fc.oneof(
  fc
    .record({ minimum: fc.integer({ min: -3, max: 3 }), maximum: fc.integer({ min: 3, max: 6 }) }, { requiredKeys: [] })
    .map((bounds) => ({ type: 'integer', ...bounds })),
  fc
    .record(
      { exclusiveMinimum: fc.integer({ min: -3, max: 0 }), maximum: fc.integer({ min: 3, max: 6 }) },
      { requiredKeys: [] },
    )
    .map((bounds) => ({ type: 'number', ...bounds })),
  fc
    .record({ minLength: fc.nat(2), maxLength: fc.integer({ min: 2, max: 5 }) }, { requiredKeys: [] })
    .map((bounds) => ({ type: 'string', ...bounds })),
  fc.subarray(['a', 'b', 'c', 1, null], { minLength: 1 }).map((values) => ({ enum: values })),
  fc.constantFrom<JsonObject>({ type: 'boolean' }, { type: 'null' }, { const: 'a' }),
)
const schemas: fc.Arbitrary<JsonObject> = fc.letrec<{ schema: JsonObject }>((tie) => ({
  schema: fc.oneof(
    { maxDepth: 3, withCrossShrink: true },
    leaf,
    fc.tuple(tie('schema'), fc.nat(2), fc.integer({ min: 2, max: 4 })).map(([items, minItems, maxItems]) => ({
      ...{ type: 'array', items, minItems, maxItems },
    })),
    fc.tuple(tie('schema'), tie('schema')).map((branches) => ({ anyOf: branches })),
    fc
      .record({
        properties: fc.dictionary(fc.constantFrom('a', 'b', 'c'), tie('schema'), { noNullPrototype: true }),
        required: fc.subarray(['a', 'b', 'c']),
        rest: fc.option(tie('schema')),
      })
      .map(({ properties, required, rest }) => ({
        type: 'object',
        properties,
        required: required.filter((name) => name in properties),
        ...(rest ? { additionalProperties: rest } : {}),
      })),
  ),
})).schema

/** The first schema with some parts replaced by parts of the second. */
function mixed(a: unknown, b: unknown, choose: () => boolean): unknown {
  if (
    typeof a !== 'object' ||
    typeof b !== 'object' ||
    a === null ||
    b === null ||
    Array.isArray(a) !== Array.isArray(b)
  )
    return choose() ? a : b
  if (Array.isArray(a)) return choose() ? a : b
  return Object.fromEntries(
    Object.entries({ ...b, ...a }).map(([key, value]) => [
      key,
      key === 'enum' || key === 'type' || !(key in b) ? value : mixed(value, (b as JsonObject)[key], choose),
    ]),
  )
}

const check = jsonSchemaCheck()

describe('the comparison of any two schemas', () => {
  it('reports no difference only if every tried value fits both', () => {
    let same = 0
    let differ = 0
    const pairs = fc.tuple(schemas, schemas, fc.infiniteStream(fc.boolean())).map(([a, b, choices]) => {
      const other = mixed(a, b, () => choices.next().value) as JsonObject
      return [a, other] as const
    })
    fc.assert(
      fc.property(pairs, fc.integer(), ([narrow, wide], seed) => {
        if (subsetDifferences(narrow, wide).length > 0) {
          differ += 1
          return
        }
        same += 1
        for (const value of fc.sample(buildArbitrary(narrow, readable), { seed, numRuns: 20 }))
          assert.equal(check(wide, value), undefined, `${JSON.stringify(value)} fits ${JSON.stringify(narrow)} alone`)
      }),
      { numRuns: 300 },
    )
    assert.ok(same > 30 && differ > 30, `${same} the same, ${differ} different`)
    console.log(`# ${same} pairs in which every value fits, ${differ} in which some may not`)
  })
})
