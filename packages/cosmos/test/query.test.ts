import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { compileQuery } from '../query/compile/queries.ts'
import { parseQuery } from '../query/syntax/parser.ts'
import type { Json } from '../values/json.ts'
import { formatId, QueryHarness } from './query-harness.ts'

const harness = new QueryHarness()

/** Enough items in a partition for its queries to use indexes. */
const CROWD: readonly Json[] = Array.from({ length: 70 }, (_, index) => ({ pk: 'p', crowd: index }))

// A second, simple evaluation of the language. The emulator's answers must agree with it.

type Operator = '=' | '!=' | '<' | '<=' | '>' | '>='
type Condition =
  | { readonly is: 'compare'; readonly path: readonly string[]; readonly operator: Operator; readonly value: unknown }
  | { readonly is: 'in'; readonly path: readonly string[]; readonly values: readonly unknown[] }
  | { readonly is: 'between'; readonly path: readonly string[]; readonly low: unknown; readonly high: unknown }
  | { readonly is: 'function'; readonly name: string; readonly path: readonly string[]; readonly value: unknown }
  | { readonly is: 'like'; readonly path: readonly string[]; readonly pattern: string }
  | { readonly is: 'path'; readonly path: readonly string[] }
  | { readonly is: 'not'; readonly operand: Condition }
  | { readonly is: 'and' | 'or'; readonly left: Condition; readonly right: Condition }

const MISSING = Symbol('missing')

function valueAt(document: unknown, path: readonly string[]): unknown {
  let value = document
  for (const name of path) {
    if (typeof value !== 'object' || value === null || Array.isArray(value) || !Object.keys(value).includes(name))
      return MISSING
    value = (value as Json)[name]
  }
  return value
}

/** JSON with sorted fields, so that equal objects have equal texts. */
function formatSorted(value: unknown): string {
  return JSON.stringify(value, (_, inner: unknown) =>
    typeof inner === 'object' && inner !== null && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  )
}

const classify = (value: unknown): string => (value === null ? 'null' : Array.isArray(value) ? 'array' : typeof value)

/** Compares by code points, in the order of UTF-8. */
function isLess(a: unknown, b: unknown): boolean {
  if (typeof a !== 'string' || typeof b !== 'string') return Number(a) < Number(b)
  const [left, right] = [a, b].map((text) => Array.from(text, (character) => character.codePointAt(0) ?? 0))
  for (const [index, point] of (left ?? []).entries()) {
    const other = right?.[index]
    if (other === undefined) return false
    if (point !== other) return point < other
  }
  return (left?.length ?? 0) < (right?.length ?? 0)
}

function compared(left: unknown, operator: Operator, right: unknown): boolean | undefined {
  if (left === MISSING) return undefined
  if (operator === '=') return formatSorted(left) === formatSorted(right)
  if (operator === '!=') return formatSorted(left) !== formatSorted(right)
  if (classify(left) !== classify(right) || ['array', 'object'].includes(classify(left))) return undefined
  if (operator === '<') return isLess(left, right)
  if (operator === '>') return isLess(right, left)
  return operator === '<=' ? !isLess(right, left) : !isLess(left, right)
}

function holds(condition: Condition, document: unknown): boolean | undefined {
  switch (condition.is) {
    case 'compare':
      return compared(valueAt(document, condition.path), condition.operator, condition.value)
    case 'in': {
      const value = valueAt(document, condition.path)
      return value === MISSING
        ? undefined
        : condition.values.some((other) => formatSorted(value) === formatSorted(other))
    }
    case 'between': {
      const value = valueAt(document, condition.path)
      return both(compared(value, '>=', condition.low), compared(value, '<=', condition.high))
    }
    case 'function': {
      const value = valueAt(document, condition.path)
      if (condition.name === 'IS_DEFINED') return value !== MISSING
      if (condition.name === 'IS_NULL') return value === null
      if (condition.name === 'ARRAY_CONTAINS')
        return Array.isArray(value)
          ? value.some((one) => formatSorted(one) === formatSorted(condition.value))
          : undefined
      if (condition.name.startsWith('IS_'))
        return value !== MISSING && `IS_${classify(value).toUpperCase()}` === condition.name
      if (typeof value !== 'string' || typeof condition.value !== 'string') return undefined
      if (condition.name === 'STRINGEQUALS') return value === condition.value
      if (condition.name === 'CONTAINS') return value.split(condition.value).length > 1
      if (condition.name === 'ENDSWITH')
        return (
          value.lastIndexOf(condition.value) === value.length - condition.value.length &&
          value.length >= condition.value.length
        )
      return value.slice(0, condition.value.length) === condition.value
    }
    case 'like': {
      const value = valueAt(document, condition.path)
      return typeof value === 'string' ? isLike([...value], [...condition.pattern]) : undefined
    }
    case 'path': {
      const value = valueAt(document, condition.path)
      return typeof value === 'boolean' ? value : undefined
    }
    case 'not': {
      const operand = holds(condition.operand, document)
      return operand === undefined ? undefined : !operand
    }
    case 'and':
      return both(holds(condition.left, document), holds(condition.right, document))
    case 'or': {
      const [left, right] = [holds(condition.left, document), holds(condition.right, document)]
      const neither = both(left === undefined ? left : !left, right === undefined ? right : !right)
      return neither === undefined ? undefined : !neither
    }
  }
}

function isLike([character, ...characters]: string[], [wanted, ...pattern]: string[]): boolean {
  if (wanted === undefined) return character === undefined
  if (wanted === '%')
    return (
      isLike(character === undefined ? [] : [character, ...characters], pattern) ||
      (character !== undefined && isLike(characters, ['%', ...pattern]))
    )
  return character !== undefined && (wanted === '_' || wanted === character) && isLike(characters, pattern)
}

function both(left: boolean | undefined, right: boolean | undefined): boolean | undefined {
  if (left === false || right === false) return false
  return left === undefined || right === undefined ? undefined : true
}

/**
 * Writes a condition as a query. Scalars are literals and parameters in turn, all other values are
 * parameters.
 */
function render(condition: Condition, parameters: Map<string, unknown>): string {
  const path = (names: readonly string[]): string =>
    `c${names
      .map((name, index) => (/^[a-z]\w*$/i.test(name) && index % 2 === 0 ? `.${name}` : `[${JSON.stringify(name)}]`))
      .join('')}`
  const constant = (value: unknown): string => {
    if ((typeof value !== 'object' || value === null) && formatSorted(value).length % 2 === 0)
      return JSON.stringify(value)
    const name = `@p${parameters.size}`
    parameters.set(name, value)
    return name
  }
  switch (condition.is) {
    case 'compare':
      return `${path(condition.path)} ${condition.operator} ${constant(condition.value)}`
    case 'in':
      return `${path(condition.path)} IN (${condition.values.map(constant).join(', ')})`
    case 'between':
      return `${path(condition.path)} BETWEEN ${constant(condition.low)} AND ${constant(condition.high)}`
    case 'like':
      return `${path(condition.path)} LIKE ${constant(condition.pattern)}`
    case 'path':
      return path(condition.path)
    case 'function': {
      const more = ['STARTSWITH', 'ARRAY_CONTAINS', 'ENDSWITH', 'CONTAINS', 'STRINGEQUALS'].includes(condition.name)
        ? `, ${constant(condition.value)}`
        : ''
      return `${condition.name}(${path(condition.path)}${more})`
    }
    case 'not':
      return `NOT (${render(condition.operand, parameters)})`
    default: {
      const [left, right] = [condition.left, condition.right].map((one) => render(one, parameters))
      return condition.is === 'or' ? `(${left} OR ${right})` : `${left} AND ${right}`
    }
  }
}

const EDGE_NUMBERS = [
  ...[-1, -0, 0, 1, 5, 4.999999999999999, 5.000000000000001, 0.1, 0.30000000000000004, 5e-324, 1e21, -1e21],
  ...[2 ** 53 - 1, 2 ** 53, 2 ** 53 + 2, -(2 ** 53), 2 ** 60, 2 ** 63, -(2 ** 63), 2 ** 64, 1.7976931348623157e308],
]
const EDGE_TEXTS = [
  '',
  'a',
  'ab',
  'b',
  '1',
  'true',
  'null',
  '[]',
  'a\0b',
  '\0',
  '\ud800',
  '\ud800x',
  '\uffff',
  '😀',
  "it's",
  '"\\',
]
const EDGES: readonly unknown[] = [...EDGE_NUMBERS, ...EDGE_TEXTS, true, false, null]

const numbers = fc.oneof(fc.integer({ min: -3, max: 3 }), fc.constantFrom(...EDGE_NUMBERS))
const texts = fc.constantFrom(...EDGE_TEXTS)
const scalars = fc.oneof(numbers, texts, fc.boolean(), fc.constant(null))
const values = fc.oneof(
  { weight: 6, arbitrary: scalars },
  { weight: 1, arbitrary: fc.array(scalars, { maxLength: 2 }) },
  { weight: 1, arbitrary: fc.dictionary(fc.constantFrom('v', 'x'), scalars, { maxKeys: 2 }) },
)
const NAMES = ['v', 'version', '0', 'WHERE', 'length', '__proto__', 'ä', 'a b', '"']
const documents = fc.array(
  fc.record(
    {
      pk: fc.constantFrom('p', 1, '1', true, null),
      n: fc.dictionary(fc.constantFrom(...NAMES), values, { maxKeys: 4, noNullPrototype: true }),
      v: values,
      version: fc.oneof({ weight: 4, arbitrary: numbers }, values),
    },
    { requiredKeys: [], noNullPrototype: true },
  ),
  { maxLength: 8 },
)
const paths = fc.oneof(
  fc.constantFrom(['v'], ['version'], ['pk'], ['none'], ['n', 'v', 'x']),
  fc.constantFrom(...NAMES).map((name) => ['n', name]),
)
const leaves: fc.Arbitrary<Condition> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      is: fc.constant('compare' as const),
      path: paths,
      operator: fc.constantFrom<Operator>('=', '!=', '<', '<=', '>', '>='),
      value: values,
    }),
  },
  fc.record({ is: fc.constant('in' as const), path: paths, values: fc.array(values, { minLength: 1, maxLength: 3 }) }),
  fc.record({ is: fc.constant('between' as const), path: paths, low: scalars, high: scalars }),
  fc.record({
    is: fc.constant('function' as const),
    name: fc.constantFrom(
      ...['IS_DEFINED', 'IS_NULL', 'IS_NUMBER', 'IS_STRING', 'IS_ARRAY', 'IS_OBJECT'],
      ...['STARTSWITH', 'ENDSWITH', 'CONTAINS', 'STRINGEQUALS', 'ARRAY_CONTAINS'],
    ),
    path: paths,
    value: scalars,
  }),
  fc.record({
    is: fc.constant('like' as const),
    path: paths,
    pattern: fc.array(fc.constantFrom('a', 'b', '%', '_', '1', '😀'), { maxLength: 4 }).map((some) => some.join('')),
  }),
  fc.record({ is: fc.constant('path' as const), path: paths }),
)
const { condition: conditions } = fc.letrec<{ condition: Condition }>((tie) => ({
  condition: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    leaves,
    fc.record({ is: fc.constantFrom('and' as const, 'or' as const), left: tie('condition'), right: tie('condition') }),
    fc.record({ is: fc.constant('not' as const), operand: tie('condition') }),
  ),
}))

const json = (value: unknown): unknown => JSON.parse(JSON.stringify(value))

for (const [crowd, how] of [
  [[], 'read one by one'],
  [CROWD, 'found by indexes'],
] as const)
  test(`a query selects what a plain evaluation of its condition selects, items ${how}`, async () => {
    await fc.assert(
      fc.asyncProperty(documents, fc.array(conditions, { minLength: 1, maxLength: 4 }), async (sent, asked) => {
        const kept = [...sent.map((document) => json(document) as Json), ...crowd]
        const container = await harness.createFilledContainer(kept)
        for (const condition of asked) {
          const named = new Map<string, unknown>()
          const query = `SELECT VALUE c.id FROM c WHERE ${render(condition, named)}`
          const parameters = Object.fromEntries(named)
          const expected = kept.flatMap((document, index) => (holds(condition, document) ? [formatId(index)] : []))
          const found = (await harness.ask(container, query, { parameters, maxItems: 30 })) as string[]
          assert.deepEqual(found.sort(), expected, query)
          const inKey = expected.filter((id) => kept[Number(id)]?.pk === 'p')
          const foundInKey = (await harness.ask(container, query, { parameters, maxItems: 3, pk: '["p"]' })) as string[]
          assert.deepEqual(foundInKey.sort(), inKey, query)
          const count = query.replace('c.id', 'COUNT(1)')
          assert.deepEqual(await harness.ask(container, count, { parameters }), [expected.length], count)
        }
      }),
      { numRuns: 200 },
    )
  })

test('all edge values, compared by every operator at every path, agree with the plain evaluation', async () => {
  const edges = [
    ...EDGES,
    ['a'],
    [2 ** 60],
    { x: 1 },
    { x: 2 ** 60 },
    { length: 1 },
    {},
    [],
    'x'.repeat(513),
    'x'.repeat(514),
  ]
  const few = edges.map((v) => json({ pk: 'p', v, version: v }) as Json)
  for (const kept of [few, [...few, ...CROWD]]) {
    const container = await harness.createFilledContainer(kept)
    for (const path of [['v'], ['version'], ['v', '0'], ['v', 'x'], ['v', 'length']])
      for (const operator of ['=', '!=', '<', '<=', '>', '>='] as const)
        for (const value of edges) {
          const condition = { is: 'compare' as const, path, operator, value }
          const expected = kept.flatMap((document, index) => (holds(condition, document) ? [formatId(index)] : []))
          const query =
            `SELECT VALUE c.id FROM c WHERE c${path.map((name) => `["${name}"]`).join('')} ` + `${operator} @value`
          const found = (await harness.ask(container, query, {
            parameters: { '@value': value },
            pk: '["p"]',
          })) as string[]
          assert.deepEqual(found.sort(), expected, `${query} ${formatSorted(value)}`)
        }
  }
})

test('values come in exact order, in both directions, page by page and within any range', async () => {
  const long = 'x'.repeat(512)
  const wide = fc.oneof(
    numbers,
    texts,
    fc.double({ noNaN: true, noDefaultInfinity: true }),
    fc.maxSafeInteger(),
    fc.constantFrom(long, `${long}a`, `${long}b`, `${long}é`, null, true, false),
  )
  const size = fc.integer({ min: 1, max: 3 })
  await fc.assert(
    fc.asyncProperty(
      fc.array(wide, { maxLength: 12 }),
      wide,
      size,
      fc.boolean(),
      fc.boolean(),
      async (versions, low, page, down, crowded) => {
        const kept = [...versions.map((version) => json({ pk: 'p', version }) as Json), ...(crowded ? CROWD : [])]
        const container = await harness.createFilledContainer(kept)
        const sorted = kept
          .map(({ version }, index) => ({ version, id: formatId(index) }))
          .filter(({ version }) => compared(version === undefined ? MISSING : version, '>=', low))
          .sort((a, b) => {
            const order = isLess(a.version, b.version) ? -1 : isLess(b.version, a.version) ? 1 : a.id < b.id ? -1 : 1
            return down ? -order : order
          })
        const query = `SELECT VALUE c.id FROM c WHERE c.version >= @low ORDER BY c.version ${down ? 'DESC' : ''}`
        for (const pk of ['["p"]', undefined]) {
          const asked = { parameters: { '@low': low }, maxItems: page, ...(pk === undefined ? {} : { pk }) }
          assert.deepEqual(
            await harness.ask(container, query, asked),
            sorted.map(({ id }) => id),
          )
        }
      },
    ),
    { numRuns: 200 },
  )
})

test('ORDER BY goes by type first: undefined, null, booleans, numbers, texts, arrays, objects', async () => {
  const order = [undefined, null, false, true, -1, 2, '', 'a', '\uffff', '😀', [], { toString: 1, valueOf: null }]
  const shuffled = [...order.keys()].sort((a, b) => ((a * 7) % 12) - ((b * 7) % 12))
  const few = shuffled.map((at) => ({ pk: 'p', at, v: order[at] }))
  const container = await harness.createFilledContainer(few)
  const crowded = await harness.createFilledContainer([...few, ...CROWD.map(() => ({ pk: 'p', v: { last: true } }))])
  const up = [...order.keys()]
  for (const pk of [{}, { pk: '["p"]' }]) {
    assert.deepEqual(await harness.ask(container, 'SELECT VALUE c.at FROM c ORDER BY c.v', { ...pk, maxItems: 2 }), up)
    const down = 'SELECT VALUE c.at FROM c ORDER BY c.v DESC'
    assert.deepEqual(await harness.ask(container, down, { ...pk, maxItems: 2 }), up.toReversed())
    const few = { ...pk, maxItems: 5 }
    assert.deepEqual(await harness.ask(crowded, 'SELECT VALUE c.at FROM c ORDER BY c.v', few), up)
    assert.deepEqual(await harness.ask(crowded, down, few), up.toReversed())
  }
})

test('texts longer than an index tells apart still come in order, page by page', async () => {
  const long = 'x'.repeat(512)
  const ordered = [
    long.slice(1),
    long,
    `${long}\0`,
    `${long}a`,
    `${long}ab`,
    `${long}b`,
    `${long}é`,
    `${long}😀`,
    `${long.slice(1)}y`,
  ]
  // Their ids are in the opposite order.
  const container = await harness.createFilledContainer([
    ...ordered.toReversed().map((v) => ({ pk: 'p', v })),
    ...CROWD,
  ])
  for (const maxItems of [1, 2, 100]) {
    const up = 'SELECT VALUE c.v FROM c WHERE IS_STRING(c.v) ORDER BY c.v'
    assert.deepEqual(await harness.ask(container, up, { pk: '["p"]', maxItems }), ordered)
    assert.deepEqual(await harness.ask(container, `${up} DESC`, { pk: '["p"]', maxItems }), ordered.toReversed())
    for (const [at, v] of ordered.entries()) {
      const after = 'SELECT VALUE c.v FROM c WHERE c.v > @v ORDER BY c.v'
      const found = await harness.ask(container, after, { pk: '["p"]', maxItems, parameters: { '@v': v } })
      assert.deepEqual(found, ordered.slice(at + 1))
    }
  }
})

test('the parser parses or refuses any text', () => {
  const words = fc.constantFrom(
    ...(
      'SELECT FROM WHERE ORDER BY c d * , . ( ) [ ] = != < <> @a "x" \'y\' 1 -1.5e3 AND OR NOT IN BETWEEN TOP VALUE ' +
      'COUNT OFFSET LIMIT AS IS_NULL toString __proto__ " \\ -- ;'
    ).split(' '),
  )
  const any = fc.oneof(
    fc.string(),
    fc.array(words, { maxLength: 12 }).map((some) => some.join(' ')),
    fc.array(words, { maxLength: 8 }).map((some) => `SELECT * FROM c WHERE ${some.join(' ')}`),
  )
  fc.assert(
    fc.property(any, (text) => {
      try {
        assert.ok(compileQuery(parseQuery(text), text).result)
      } catch (error) {
        assert.equal((error as { status?: unknown }).status, 400, String(error))
      }
    }),
    { numRuns: 3000 },
  )
})
