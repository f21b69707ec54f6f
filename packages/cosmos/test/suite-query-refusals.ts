import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { CosmosTarget } from './support.ts'
import { captureRefusal, newContainer } from './support.ts'

/** A query that must be refused, the part that the error points at, and the error's message. */
type Refused = readonly [query: string, at: string | undefined, message: RegExp, code?: string]

const SYNTAX: readonly Refused[] = [
  ['', '', /unexpected end/, 'SC1001'],
  ['DELETE FROM c', 'DELETE', /near 'DELETE'/, 'SC1001'],
  ['SELECT * FORM c', 'FORM', /incorrect syntax near 'FORM'/, 'SC1001'],
  ['SELECT * FROM c WHERE', '', /unexpected end/, 'SC1001'],
  ['SELECT * FROM c WHERE c.a = "open', '"open', /near '"open'/, 'SC1001'],
  [String.raw`SELECT * FROM c WHERE c.a = "\x"`, String.raw`"\x"`, /near/, 'SC1001'],
  ['SELECT c.order FROM c', 'order', /near 'order'/, 'SC1001'],
  ['SELECT VALUE [1,,2]', ',', /near ','/, 'SC1001'],
  ['SELECT * FROM c OFFSET 1', '', /unexpected end/, 'SC1001'],
  ['SELECT * FROM c LIMIT 1', 'LIMIT', /near 'LIMIT'/, 'SC1001'],
  ['SELECT * FROM c OFFSET 0.5.1 LIMIT 1', '.', /near/, 'SC1001'],
  ['SELECT c.a FROM c GROUP BY c.a HAVING c.a > 1', 'HAVING', /near 'HAVING'/, 'SC1001'],
  ['SELECT * FROM c ORDER BY RANK c.a', 'RANK', /near 'RANK'/, 'SC1001'],
  ['SELECT VALUE ALL(SELECT 1)', 'SELECT', /near 'SELECT'/, 'SC1001'],
  ['SELECT * FROM c WHERE c.a = 1e999', '1e999', /1e999 is too large/],
  ['SELECT * FROM c; SELECT 1', ';', /near ';'/, 'SC1001'],
]

const SERVICE: readonly Refused[] = [
  ['SELECT * FROM c WHERE d.a = 1', 'd', /Identifier 'd' could not be resolved/, 'SC2001'],
  ['SELECT c.a FROM c AS root JOIN t IN c.tags', 't IN c.tags', /Identifier 'c' could not be resolved/, 'SC2001'],
  ['SELECT VALUE C.a FROM c', 'C', /Identifier 'C' could not be resolved/, 'SC2001'],
  ['SELECT NOPE(c.a) FROM c', 'NOPE(c.a)', /'NOPE' is not a recognized built-in function name/, 'SC2005'],
  ['SELECT constructor(c.a) FROM c', 'constructor(c.a)', /'constructor' is not a recognized/, 'SC2005'],
  ['SELECT STARTSWITH(c.a) FROM c', 'STARTSWITH(c.a)', /The STARTSWITH function requires/, 'SC2050'],
  ['SELECT *', '*', /not valid if FROM clause is omitted/],
  ['SELECT * FROM c JOIN t IN c.tags', '*', /only valid with a single input set/, 'SC2040'],
  ['SELECT c.a, COUNT(1) FROM c', 'c.a', /Property reference 'c.a' is invalid in the select list/, 'SC2102'],
  ['SELECT c.b FROM c GROUP BY c.a', 'c.b', /Property reference 'c.b' is invalid in the select list/, 'SC2102'],
  ['SELECT VALUE MAX(MIN(c.a)) FROM c', 'MIN(c.a)', /Cannot perform an aggregate function on an expression/],
  ['SELECT VALUE SUM((SELECT VALUE 1)) FROM c', 'SELECT VALUE 1', /Cannot perform an aggregate function on/],
  ['SELECT * FROM c WHERE COUNT(1) > 1', 'COUNT(1)', /COUNT is valid in the select list only/],
  ['SELECT c.a, COUNT(1) AS n FROM c GROUP BY c.a ORDER BY c.a', 'c.a', /'ORDER BY' is not supported in presence/],
  ['SELECT VALUE COUNT(1) FROM c ORDER BY c.a', 'c.a', /'ORDER BY' is not supported in presence/],
  ['SELECT * FROM c ORDER BY 1', '1', /could not be mapped to a document path/],
  ['SELECT * FROM c ORDER BY LOWER(c.a)', 'LOWER(c.a)', /could not be mapped to a document path/],
  ['SELECT c.id FROM c JOIN t IN c.tags ORDER BY t.a', 't.a', /could not be mapped to a document path/],
  ['SELECT * FROM c ORDER BY c.a, c.b', undefined, /does not have a corresponding composite index/],
  ['SELECT * FROM c ORDER BY c._etag', undefined, /specified order-by item is excluded/],
  ['SELECT TOP 1 * FROM c OFFSET 0 LIMIT 1', 'SELECT TOP 1 * FROM c OFFSET 0 LIMIT 1', /'TOP' and 'OFFSET LIMIT'/],
  ['SELECT TOP 0.5 * FROM c', undefined, /whole numbers/],
  ['SELECT * FROM c OFFSET 0.5 LIMIT 1', undefined, /whole numbers/],
  ['SELECT c.a, c.b.a FROM c', 'c.b.a', /The name 'a' is given to more than one item/],
  ['SELECT c.a FROM c JOIN c IN c.list', 'c IN c.list', /alias 'c' is specified more than once/],
  [
    'SELECT VALUE (SELECT VALUE t FROM t IN c.tags) FROM c',
    'SELECT VALUE t FROM t IN c.tags',
    /cardinality of a scalar/,
  ],
  [`SELECT 1 FROM c ${'JOIN a IN c.a '.repeat(11)}`, 'a IN c.a', /exceeded the maximum number of joins/],
]

const UNSUPPORTED: readonly Refused[] = [
  ['SELECT udf.tax(c.a) FROM c', 'udf.tax(c.a)', /function udf.tax is not supported/],
  ['SELECT * FROM c WHERE ST_DISTANCE(c.a, c.b) < 1', 'ST_DISTANCE(c.a, c.b)', /function ST_DISTANCE is not supported/],
  ['SELECT VectorDistance(c.a, [1]) FROM c', 'VectorDistance(c.a, [1])', /function VECTORDISTANCE is not supported/],
  ['SELECT * FROM c WHERE FullTextContains(c.a, "x")', 'FullTextContains(c.a, "x")', /FULLTEXTCONTAINS is not/],
  ['SELECT * FROM (SELECT VALUE c FROM c) AS s', '(SELECT VALUE c FROM c) AS s', /subquery as the first set/],
  ['SELECT ARRAY(SELECT VALUE t FROM t IN c.tags ORDER BY t) FROM c', 't', /'ORDER BY' in a subquery is not supported/],
  ['SELECT * FROM c GROUP BY c.a', '*', /'SELECT \*' of groups is not supported/],
  ['SELECT VALUE RegexMatch("a", "(a)\\\\1")', undefined, /pattern of RegexMatch is not supported/],
]

/** The errors of queries: the position and the construct, as the service names them. */
export function queryRefusals(target: () => CosmosTarget): void {
  for (const [what, cases] of [
    ['that is not a query', SYNTAX],
    ['that the service refuses', SERVICE],
    ['that the emulator does not support', UNSUPPORTED],
  ] as const)
    test(`a text ${what} is a 400 that names the position and the construct`, async (t) => {
      const container = await newContainer(t, target())
      await container.items.create({ id: '1', pk: 'a', a: 1, tags: ['x', 'y'] })
      for (const [query, at, message, expectedCode] of cases) {
        const refused = await captureRefusal(container.items.query(query, { partitionKey: 'a' }).fetchAll())
        assert.equal(refused.code, 400, query)
        const [, json = ''] = /Message: (\{.*\})/s.exec(refused.message) ?? []
        const { errors } = JSON.parse(json) as { errors: Record<string, unknown>[] }
        const [error] = errors
        assert.match(String(error?.message), message, query)
        assert.equal(error?.code, expectedCode, query)
        assert.equal(error?.severity, 'Error')
        const { start, end } = (error?.location ?? {}) as { start?: number; end?: number }
        assert.equal(start === undefined ? undefined : query.slice(start, end), at, query)
      }
    })

  test('the plan of a refused query is refused too', async (t) => {
    const container = await newContainer(t, target())
    for (const query of ['SELECT * FORM c', 'SELECT d.a FROM c', 'SELECT * FROM c ORDER BY c.a, c.b']) {
      const asked = container.items.query(query, { forceQueryPlan: true })
      assert.equal((await captureRefusal(asked.fetchAll())).code, 400, query)
    }
  })
}
