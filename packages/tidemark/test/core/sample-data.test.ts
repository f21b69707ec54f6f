import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import * as z from 'zod'
import { buildJsonSchema, type JsonSchema } from '../../core/json-schema.ts'
import { sample, sequence } from '../../core/sample-data.ts'

const make = (schema: JsonSchema, count = 50): readonly unknown[] => {
  const next = sequence(1)
  return Array.from({ length: count }, () => sample(schema, next))
}

describe('sample data', () => {
  it('is the same for the same seed', () => {
    const schema = buildJsonSchema(z.object({ a: z.string(), b: z.int().optional() }), 'a test')
    assert.deepEqual(make(schema), make(schema))
    assert.ok(new Set(make(schema).map((each) => JSON.stringify(each))).size > 5)
  })

  it('of a closed choice has every choice, and of an optional field both cases', () => {
    const schema = buildJsonSchema(z.object({ kind: z.enum(['x', 'y', 'z']), more: z.boolean().optional() }), 'a test')
    const made = make(schema) as { kind: string; more?: boolean }[]
    assert.deepEqual(new Set(made.map(({ kind }) => kind)), new Set(['x', 'y', 'z']))
    assert.deepEqual(new Set(made.map(({ more }) => more)), new Set([true, false, undefined]))
  })

  it('fits limits and the usual patterns', () => {
    const schema = z.object({
      currency: z.string().regex(/^[A-Z]{3}$/),
      quantity: z.int().positive().max(60),
      share: z.number().min(0).max(1),
      name: z.string().min(3).max(5),
      at: z.iso.datetime(),
      lines: z.array(z.uuid()).min(2),
      byDay: z.record(z.string(), z.int()),
    })
    const made = make(buildJsonSchema(schema, 'a test'))
    for (const each of made) assert.ok(schema.safeParse(each).success, JSON.stringify(each))
  })

  it('ends for a schema that contains itself', () => {
    const tree = z.object({
      get children() {
        return z.array(tree)
      },
    })
    for (const each of make(buildJsonSchema(tree, 'a tree'))) assert.ok('children' in (each as object))
  })

  for (const [what, schema] of Object.entries<JsonSchema>({
    nothing: {},
    'a reference that leads nowhere': { $ref: '#/$defs/missing' },
    'a reference to itself': { $ref: '#' },
    'a choice of nothing': { anyOf: [] },
    'a list that is too long to make': { type: 'array', items: { type: 'string' }, minItems: 1e9 },
    'a text that is too long to make': { type: 'string', minLength: 1e9 },
    'a pattern that is none': { type: 'string', pattern: '[' },
    'no number': { type: 'integer', minimum: 5, maximum: 4 },
    'an unknown type': { type: 'stone' },
  }))
    it(`ends for ${what}`, () => assert.equal(make(schema).length, 50))
})
