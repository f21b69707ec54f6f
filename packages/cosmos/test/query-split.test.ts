import assert from 'node:assert/strict'
import { test } from 'node:test'
import { newFolder, startControlled } from './controlled-emulator.ts'
import { newContainer } from './support.ts'

/** Queries, and whether their results are compared in order. */
// No result is 0 or an empty text, because the SDK's DISTINCT leaves those out.
const QUERIES: readonly (readonly [query: string, ordered: boolean])[] = [
  ['SELECT * FROM c', false],
  ['SELECT VALUE c.n FROM c WHERE c.n > 10', false],
  ['SELECT VALUE c.n FROM c ORDER BY c.n', true],
  ['SELECT c.id, c.n AS number FROM c WHERE c.n < 50 OR c.half = 1 ORDER BY c.n DESC', true],
  ['SELECT TOP 7 VALUE c.n FROM c ORDER BY c.n', true],
  ['SELECT VALUE c.n FROM c ORDER BY c.n OFFSET 5 LIMIT 9', true],
  ['SELECT VALUE t FROM c JOIN t IN c.tags', false],
  ['SELECT DISTINCT VALUE c.half FROM c', false],
  ['SELECT DISTINCT c.half, c.kind FROM c', false],
  ['SELECT VALUE COUNT(1) FROM c', false],
  ['SELECT VALUE SUM(c.n) FROM c WHERE c.half = 2', false],
  ['SELECT VALUE AVG(c.n) FROM c', false],
  ['SELECT VALUE MIN(c.n) FROM c', false],
  ['SELECT VALUE MAX(c.kind) FROM c', false],
  ['SELECT COUNT(1) AS n, AVG(c.n) AS mean, MAX(c.n) AS most FROM c', false],
  ['SELECT c.half, COUNT(1) AS n, SUM(c.n) AS total FROM c GROUP BY c.half', false],
  ['SELECT c.kind, MIN(c.n) AS least FROM c GROUP BY c.kind', false],
  ['SELECT VALUE c.kind FROM c GROUP BY c.kind', false],
  ['SELECT VALUE COUNT(1) FROM c GROUP BY c.kind', false],
]

test('a query over split ranges gives the same by the SDK’s plan as evaluated here as a whole', async (t) => {
  const running = await startControlled(t, await newFolder(t))
  const container = await newContainer(t, running.target)
  for (let n = 0; n < 60; n++)
    await container.items.create({
      id: `i${n}`,
      pk: `k${n % 20}`,
      n: (n * 37) % 60,
      half: 1 + (n % 2),
      kind: `kind ${n % 3}`,
      tags: [n],
    })
  const all = async (query: string, forceQueryPlan: boolean): Promise<unknown[]> =>
    (await container.items.query(query, { forceQueryPlan, maxItemCount: 4 }).fetchAll()).resources
  const whole = new Map<string, unknown[]>()
  for (const [query] of QUERIES) whole.set(query, await all(query, false))
  for (const range of ['0', '2']) {
    const path = `/databases/${container.database.id}/containers/${container.id}/ranges/${range}/split`
    assert.equal((await running.call('POST', path)).status, 200)
  }
  for (const [query, ordered] of QUERIES) {
    const inOrder = (results: readonly unknown[] = []): string[] => {
      const texts = results.map((result) => JSON.stringify(result))
      return ordered ? texts : texts.sort()
    }
    assert.deepEqual(inOrder(await all(query, true)), inOrder(whole.get(query)), query)
  }
})
