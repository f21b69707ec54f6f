import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Container, OperationInput } from '@azure/cosmos'
import type { CosmosTarget } from './support.ts'
import { newContainer } from './support.ts'

const WRITERS = 64
const ROUNDS = 10
const STREAM_WRITERS = 16
const APPENDS = 8
const PER_BATCH = 3

/** Many concurrent writers of one item, and of one stream. */
export function races(target: () => CosmosTarget): void {
  test('of 64 writers on one item with If-Match, exactly one wins each round, whatever the operation', async (t) => {
    const container = await newContainer(t, target())
    await container.items.create({ id: '1', pk: 'a', n: 0 })
    const item = container.item('1', 'a')
    for (let round = 1; round <= ROUNDS; round++) {
      const { resource, etag } = await item.read()
      const accessCondition = { type: 'IfMatch', condition: etag }
      const next = { ...resource, n: round }
      const ways = [
        () => item.replace(next, { accessCondition }),
        () => container.items.upsert(next, { accessCondition }),
        () => item.patch([{ op: 'incr', path: '/n', value: 1 }], { accessCondition }),
        () => replaceInBatch(container, next, etag),
      ]
      const outcomes = await Promise.allSettled(
        Array.from({ length: WRITERS }, (_, writer) => (ways[writer % ways.length] ?? ways[0])?.()),
      )
      const won = outcomes.filter(({ status }) => status === 'fulfilled').length
      assert.equal(won, 1, `round ${round}`)
      for (const outcome of outcomes) if (outcome.status === 'rejected') assert.equal(outcome.reason.code, 412)
      assert.equal((await item.read()).resource.n, round)
    }
  })

  test('racing batches append to one stream without a gap: versions are in sequence, batches are whole', async (t) => {
    const container = await newContainer(t, target())
    const appended = new Map<string, number>()
    let conflicts = 0
    await Promise.all(
      Array.from({ length: STREAM_WRITERS }, async (_, writer) => {
        for (let turn = 0; turn < APPENDS; turn++) {
          const name = `${writer}-${turn}`
          while (!(await append(container, name))) conflicts += 1
          appended.set(name, PER_BATCH)
        }
      }),
    )
    const { resources } = await container.items
      .query<{ version: number; batch: string }>('SELECT c.version, c.batch FROM c ORDER BY c.version', {
        partitionKey: 's',
      })
      .fetchAll()
    assert.deepEqual(
      resources.map(({ version }) => version),
      Array.from({ length: STREAM_WRITERS * APPENDS * PER_BATCH }, (_, index) => index),
    )
    for (let at = 0; at < resources.length; at += PER_BATCH)
      assert.equal(new Set(resources.slice(at, at + PER_BATCH).map(({ batch }) => batch)).size, 1)
    assert.deepEqual(new Set(resources.map(({ batch }) => batch)), new Set(appended.keys()))
    assert.ok(conflicts > 0, 'nobody raced')
  })
}

async function replaceInBatch(container: Container, item: { id: string }, ifMatch: string): Promise<void> {
  const operations: OperationInput[] = [{ operationType: 'Replace', id: item.id, ifMatch, resourceBody: item }]
  const { result } = await container.items.batch(operations, 'a')
  const code = result?.[0]?.statusCode
  if (code !== 200) throw Object.assign(new Error('not replaced'), { code })
}

/**
 * Appends as an event store does: reads the end, and creates the next versions.
 * @returns false when another writer was first.
 */
async function append(container: Container, batch: string): Promise<boolean> {
  const { resources } = await container.items
    .query<number>('SELECT VALUE COUNT(1) FROM c', { partitionKey: 's' })
    .fetchAll()
  const first = resources[0] ?? 0
  const operations = Array.from({ length: PER_BATCH }, (_, index): OperationInput => {
    const version = first + index
    return { operationType: 'Create', resourceBody: { id: String(version), pk: 's', version, batch } }
  })
  const { code } = await container.items.batch(operations, 's')
  assert.ok(code === 200 || code === 207, String(code))
  return code === 200
}
