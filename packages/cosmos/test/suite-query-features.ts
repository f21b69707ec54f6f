import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Container } from '@azure/cosmos'
import type { CosmosTarget } from './support.ts'
import { newContainer } from './support.ts'

const ANNA = {
  id: 'anna',
  pk: 'x',
  name: 'Anna',
  age: 40,
  city: { name: 'Oslo', zip: '0150' },
  children: [
    { name: 'Ole', age: 7, pets: ['Rex', 'Tom'] },
    { name: 'Kari', age: 3, pets: [] },
  ],
  tags: ['a', 'b'],
}
const BEN = { id: 'ben', pk: 'y', name: 'Ben', age: 25, city: { name: 'Oslo' }, children: [], tags: ['b'] }
const CARL = { id: 'carl', pk: 'x', name: 'Carl', age: 40, city: { name: 'Rome' }, tags: 'none', lost: null }

type Asked = readonly [query: string, expected: readonly unknown[]]

const SELECTION: readonly Asked[] = [
  ['SELECT c.name, c.city.zip FROM c WHERE c.age = 40', [{ name: 'Anna', zip: '0150' }, { name: 'Carl' }]],
  ['SELECT VALUE c.city.zip FROM c', ['0150']],
  [
    'SELECT c.id AS a, c.age b, c.age + 1, LOWER(c.id) FROM c WHERE c.id = "ben"',
    [{ a: 'ben', b: 25, $1: 26, $2: 'ben' }],
  ],
  [
    'SELECT VALUE { "n": c.name, list: [c.age, c.nothing, [c.id]] } FROM c WHERE c.id = "ben"',
    [{ n: 'Ben', list: [25, ['ben']] }],
  ],
  ['SELECT TOP 1 VALUE c.id FROM c ORDER BY c.age', ['ben']],
  ['SELECT 1 AS one, "x" || "y" AS two', [{ one: 1, two: 'xy' }]],
  ['SELECT DISTINCT VALUE c.age FROM c', [25, 40]],
  ['SELECT DISTINCT c.city.name FROM c', [{ name: 'Oslo' }, { name: 'Rome' }]],
  ['SELECT DISTINCT VALUE c.age FROM c ORDER BY c.age DESC', [40, 25]],
]

const SETS: readonly Asked[] = [
  ['SELECT * FROM c.city WHERE city.name = "Oslo"', [ANNA.city, BEN.city]],
  ['SELECT VALUE x.zip FROM c.city AS x', ['0150']],
  ['SELECT VALUE child.name FROM child IN c.children', ['Ole', 'Kari']],
  ['SELECT * FROM child IN people.children WHERE child.age > 5', [ANNA.children[0]]],
  [
    'SELECT c.id, t FROM c JOIN t IN c.tags',
    [
      { id: 'anna', t: 'a' },
      { id: 'anna', t: 'b' },
      { id: 'ben', t: 'b' },
    ],
  ],
  ['SELECT VALUE p FROM c JOIN child IN c.children JOIN p IN child.pets', ['Rex', 'Tom']],
  [
    'SELECT VALUE t || p FROM c JOIN t IN c.tags JOIN k IN c.children JOIN p IN k.pets',
    ['aRex', 'aTom', 'bRex', 'bTom'],
  ],
  [
    'SELECT c.id, s.oldest FROM c JOIN (SELECT MAX(k.age) AS oldest FROM k IN c.children) AS s WHERE s.oldest > 0',
    [{ id: 'anna', oldest: 7 }],
  ],
  ['SELECT VALUE n FROM c JOIN (SELECT VALUE k.name FROM k IN c.children WHERE k.age < 5) AS n', ['Kari']],
]

const CONDITIONS: readonly Asked[] = [
  ['SELECT VALUE c.id FROM c WHERE c.age != 40', ['ben']],
  ['SELECT VALUE c.id FROM c WHERE c.lost != 1', ['carl']],
  ['SELECT VALUE c.id FROM c WHERE NOT (c.age = 40) OR c.lost = null', ['ben', 'carl']],
  ['SELECT VALUE c.id FROM c WHERE c.name IN ("Ben", "Carl") AND c.age NOT IN (25)', ['carl']],
  ['SELECT VALUE c.id FROM c WHERE c.age NOT BETWEEN 30 AND 50', ['ben']],
  ['SELECT VALUE c.id FROM c WHERE c.name LIKE "_e%"', ['ben']],
  ['SELECT VALUE c.id FROM c WHERE c.name NOT LIKE "%n%"', ['carl']],
  ['SELECT VALUE "50%" LIKE "50!%" ESCAPE "!"', [true]],
  ['SELECT VALUE "500" LIKE "50!%" ESCAPE "!"', [false]],
  ['SELECT VALUE "cat" LIKE "[a-c][^x]t"', [true]],
  ['SELECT VALUE c.city.zip ?? "unknown" FROM c', ['0150', 'unknown', 'unknown']],
  ['SELECT VALUE c.age >= 40 ? "old" : c.age > 30 ? "older" : "young" FROM c', ['old', 'young', 'old']],
  ['SELECT VALUE c.id FROM c WHERE c.age % 7 = 4 AND -c.age < 0 AND (c.age & 1) = 1', ['ben']],
  [
    'SELECT VALUE [1 + 2 * 3, (1 + 2) * 3, 7 / 2, 1 | 6 & 3, 5 ^ 1, ~5, 1 << 3, -16 >> 2, 10 - 4 - 3]',
    [[7, 9, 3.5, 3, 4, -6, 8, -4, 3]],
  ],
  ['SELECT VALUE [1 / 0, "a" + "b", 1 || 2, undefined = undefined, {} < {}]', [[]]],
  ['SELECT VALUE [1 = "1", 1 != "1", null = null, [1, {"a": 2}] = [1, {"a": 2.0}]]', [[false, true, true, true]]],
  ['SELECT VALUE [true AND undefined = 1, false AND undefined = 1, true OR undefined = 1]', [[false, true]]],
  ['SELECT VALUE c.children[0]["name"] FROM c WHERE c.children[1].age = 3', ['Ole']],
]

const SUBQUERIES: readonly Asked[] = [
  ['SELECT VALUE c.id FROM c WHERE EXISTS(SELECT VALUE k FROM k IN c.children WHERE k.age > 5)', ['anna']],
  ['SELECT VALUE EXISTS(SELECT VALUE c.nothing) FROM c WHERE c.id = "ben"', [false]],
  ['SELECT VALUE ARRAY(SELECT VALUE k.name FROM k IN c.children) FROM c WHERE c.age = 40', [['Ole', 'Kari'], []]],
  ['SELECT VALUE (SELECT VALUE COUNT(1) FROM k IN c.children WHERE k.age < 5) FROM c', [1, 0, 0]],
  [
    'SELECT VALUE ARRAY(SELECT DISTINCT VALUE LENGTH(k.name) FROM k IN c.children) FROM c WHERE c.id = "anna"',
    [[3, 4]],
  ],
  [
    'SELECT VALUE ARRAY(SELECT k.age > 5 AS old, COUNT(1) AS n FROM k IN c.children GROUP BY k.age > 5) FROM c ' +
      'WHERE c.id = "anna"',
    [
      [
        { old: true, n: 1 },
        { old: false, n: 1 },
      ],
    ],
  ],
  ['SELECT VALUE c.id FROM c WHERE (SELECT VALUE SUM(k.age) FROM k IN c.children) = 10', ['anna']],
]

const AGGREGATES: readonly Asked[] = [
  ['SELECT VALUE COUNT(1) FROM c', [3]],
  ['SELECT COUNT(c.lost) AS n, COUNT(c.nothing) AS none FROM c', [{ n: 1, none: 0 }]],
  [
    'SELECT SUM(c.age) AS s, AVG(c.age) AS a, MIN(c.name) AS lo, MAX(c.age) AS hi FROM c',
    [{ s: 105, a: 35, lo: 'Anna', hi: 40 }],
  ],
  ['SELECT VALUE SUM(c.name) FROM c', []],
  ['SELECT VALUE MAX(c.children) FROM c', []],
  ['SELECT AVG(c.nothing) AS a, COUNT(1) AS n FROM c WHERE false', [{ n: 0 }]],
  [
    'SELECT MIN(x) AS lo, MAX(x) AS hi FROM c JOIN x IN (SELECT VALUE [c.age, c.name, true])',
    [{ lo: true, hi: 'Carl' }],
  ],
  [
    'SELECT c.age, COUNT(1) AS n FROM c GROUP BY c.age',
    [
      { age: 25, n: 1 },
      { age: 40, n: 2 },
    ],
  ],
  [
    'SELECT c.city.name, c.age > 30 AS old, SUM(c.age) / COUNT(1) AS mean FROM c GROUP BY c.city.name, c.age > 30',
    [
      { name: 'Oslo', old: false, mean: 25 },
      { name: 'Oslo', old: true, mean: 40 },
      { name: 'Rome', old: true, mean: 40 },
    ],
  ],
  ['SELECT VALUE UPPER(c["city"].name) FROM c GROUP BY UPPER(c.city["name"])', ['OSLO', 'ROME']],
  [
    'SELECT t, COUNT(1) AS n FROM c JOIN t IN c.tags GROUP BY t',
    [
      { t: 'a', n: 1 },
      { t: 'b', n: 2 },
    ],
  ],
  ['SELECT COUNT(1) AS n FROM c GROUP BY c.nothing', [{ n: 3 }]],
  ['SELECT COUNT(1) AS n FROM c WHERE false GROUP BY c.age', []],
]

/** The query language, by the SDK over all partitions and page by page. */
export function queryFeatures(target: () => CosmosTarget): void {
  for (const [what, cases] of Object.entries({
    'SELECT: lists, VALUE, literals, TOP, DISTINCT and aliases': SELECTION,
    'FROM and JOIN: paths, elements of arrays, subqueries': SETS,
    'WHERE: operators, with undefined and values of several types': CONDITIONS,
    'subqueries: EXISTS, ARRAY and scalar': SUBQUERIES,
    'aggregates and GROUP BY': AGGREGATES,
  }))
    test(`${what} give the results that the language defines`, async (t) => {
      const container = await newContainer(t, target())
      for (const item of [ANNA, BEN, CARL]) await container.items.create(item)
      for (const [query, expected] of cases)
        for (const maxItemCount of [1, 100])
          assert.deepEqual(sorted(await all(container, query, maxItemCount)), sorted(expected), query)
    })
}

async function all(container: Container, query: string, maxItemCount: number): Promise<unknown[]> {
  return (await container.items.query(query, { maxItemCount }).fetchAll()).resources
}

/** No query here depends on the order of its results: ORDER BY has tests of its own. */
const sorted = (results: readonly unknown[]): string[] => results.map((result) => JSON.stringify(result)).sort()
