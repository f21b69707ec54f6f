import assert from 'node:assert/strict'
import { test } from 'node:test'
import { BulkOperationType, type OperationInput } from '@azure/cosmos'
import type { CosmosTarget } from './support.ts'
import { buildItemsPath, captureRefusal, newContainer, sendRaw } from './support.ts'

const BULK = { 'x-ms-cosmos-is-batch-request': 'true', 'x-ms-cosmos-batch-atomic': 'false' }

/** Several operations in one request that is not atomic. */
export function bulk(target: () => CosmosTarget): void {
  test('bulk operations over many partition keys fail one by one, and the others are done', async (t) => {
    const container = await newContainer(t, target())
    const { resource } = await container.items.create({ id: 'there', pk: 'a', n: 1 })
    const operations: OperationInput[] = [
      { operationType: BulkOperationType.Create, partitionKey: 'b', resourceBody: { id: 'new', pk: 'b' } },
      { operationType: BulkOperationType.Create, partitionKey: 'a', resourceBody: { id: 'there', pk: 'a' } },
      { operationType: BulkOperationType.Read, id: 'there', partitionKey: 'a' },
      { operationType: BulkOperationType.Delete, id: 'none', partitionKey: 'c' },
      {
        operationType: BulkOperationType.Replace,
        id: 'there',
        partitionKey: 'a',
        ifMatch: '"x"',
        resourceBody: { id: 'there', pk: 'a' },
      },
      {
        operationType: BulkOperationType.Patch,
        id: 'there',
        partitionKey: 'a',
        resourceBody: { operations: [{ op: 'incr', path: '/n', value: 1 }] },
      },
      { operationType: BulkOperationType.Upsert, partitionKey: 'd', resourceBody: { id: 'up', pk: 'd' } },
    ]
    const results = await container.items.executeBulkOperations(operations)
    assert.deepEqual(
      results.map(({ response, error }) => response?.statusCode ?? error?.code),
      [201, 409, 200, 404, 412, 200, 201],
    )
    assert.deepEqual(results[2]?.response?.resourceBody, resource)
    const { resources } = await container.items.query('SELECT VALUE c.id FROM c').fetchAll()
    assert.deepEqual(resources.sort(), ['new', 'there', 'up'])
    assert.equal((await container.item('there', 'a').read()).resource.n, 2)
  })

  test('without continue-on-error the operations after a failed one are not done, and report 424', async (t) => {
    const container = await newContainer(t, target())
    const create = (id: string, pk: string) => ({
      operationType: 'Create',
      partitionKey: `["${pk}"]`,
      resourceBody: { id, pk },
    })
    const body = JSON.stringify([create('1', 'a'), create('1', 'a'), create('2', 'b')])
    const { status, text } = await sendRaw(
      target(),
      'POST',
      buildItemsPath(container),
      { ...BULK, 'x-ms-cosmos-batch-continue-on-error': 'false' },
      body,
    )
    assert.equal(status, 207)
    assert.deepEqual(
      JSON.parse(text).map(({ statusCode }: { statusCode: number }) => statusCode),
      [201, 409, 424],
    )
    const { resources } = await container.items.query('SELECT VALUE c.id FROM c').fetchAll()
    assert.deepEqual(resources, ['1'])
  })

  test('a bulk request of 1,000 items is stored whole', async (t) => {
    const container = await newContainer(t, target())
    const results = await container.items.executeBulkOperations(
      Array.from({ length: 1000 }, (_, n) => ({
        operationType: BulkOperationType.Create,
        partitionKey: String(n % 7),
        resourceBody: { id: String(n), pk: String(n % 7) },
      })),
    )
    assert.ok(results.every(({ response }) => response?.statusCode === 201))
    const { resources } = await container.items.query('SELECT VALUE COUNT(1) FROM c').fetchAll()
    assert.deepEqual(resources, [1000])
    // A page has at most 1,000 items, whatever the request says.
    await container.items.create({ id: 'one more', pk: '0' })
    const { headers } = await sendRaw(target(), 'GET', buildItemsPath(container), { 'x-ms-max-item-count': '5000' })
    assert.equal(headers['x-ms-item-count'], '1000')
  })

  test('malformed or too large bulk requests, and those of an unknown range, are refused whole', async (t) => {
    const path = buildItemsPath(await newContainer(t, target()))
    const read = { operationType: 'Read', id: '1', partitionKey: '["a"]' }
    const large = {
      operationType: 'Create',
      partitionKey: '["a"]',
      resourceBody: { id: '1', pk: 'a', text: 'x'.repeat(1_100_000) },
    }
    const refused: readonly (readonly [number, unknown, Record<string, string>?])[] = [
      [400, {}],
      [400, []],
      [400, [null]],
      [400, [{ ...read, operationType: 'Drop' }]],
      [400, [{ ...read, partitionKey: 7 }]],
      [400, Array(101).fill(read)],
      [413, [large, large]],
      [410, [read], { 'x-ms-documentdb-partitionkeyrangeid': '7' }],
    ]
    for (const [expected, body, headers = {}] of refused) {
      const { status, text } = await sendRaw(target(), 'POST', path, { ...BULK, ...headers }, JSON.stringify(body))
      assert.equal(status, expected, text)
    }
    for (const operation of [
      { ...read, partitionKey: '[]' },
      { ...read, partitionKey: undefined },
      { ...read, partitionKey: 'a' },
    ]) {
      const { text } = await sendRaw(target(), 'POST', path, BULK, JSON.stringify([operation]))
      assert.equal(JSON.parse(text)[0].statusCode, 400)
    }
  })

  test('bulk items beyond an answer of 4 MB are not done and report 413/3402, and the SDK resends them', async (t) => {
    const container = await newContainer(t, target())
    const ids = ['1', '2', '3', '4', '5', '6']
    for (const id of ids) await container.items.create({ id, pk: id, n: 0, text: 'x'.repeat(1_500_000) })
    const patch = (id: string) => ({ operations: [{ op: 'incr', path: '/n', value: 1 }], id })
    const body = ids.map((id) => ({ operationType: 'Patch', id, partitionKey: `["${id}"]`, resourceBody: patch(id) }))
    const headers = { ...BULK, 'x-ms-cosmos-batch-continue-on-error': 'true' }
    const { status, text } = await sendRaw(target(), 'POST', buildItemsPath(container), headers, JSON.stringify(body))
    assert.equal(status, 207)
    assert.deepEqual(
      JSON.parse(text).map((result: Record<string, unknown>) => [result.statusCode, result.subStatusCode]),
      ids.map((id) => (Number(id) > 2 ? [413, 3402] : [200, undefined])),
    )
    const { resources } = await container.items.query('SELECT VALUE c.n FROM c ORDER BY c.id').fetchAll()
    assert.deepEqual(resources, [1, 1, 0, 0, 0, 0])
    const results = await container.items.executeBulkOperations(
      ids.map((id) => ({ operationType: BulkOperationType.Read, id, partitionKey: id })),
    )
    assert.deepEqual(
      results.map(({ response }) => response?.resourceBody?.id),
      ids,
    )
  })

  test('bulk operations without a partition key have that of their request', async (t) => {
    const container = await newContainer(t, target())
    const operations = [
      { operationType: 'Create', resourceBody: { id: '1', pk: 'a' } },
      { operationType: 'Create', partitionKey: '["b"]', resourceBody: { id: '1', pk: 'b' } },
      { operationType: 'Read', id: '1' },
    ]
    const headers = { ...BULK, 'x-ms-documentdb-partitionkey': '["a"]' }
    const { text } = await sendRaw(target(), 'POST', buildItemsPath(container), headers, JSON.stringify(operations))
    assert.deepEqual(
      JSON.parse(text).map(({ statusCode, resourceBody }: Record<string, { pk?: string }>) => [
        statusCode,
        resourceBody?.pk,
      ]),
      [
        [201, 'a'],
        [201, 'b'],
        [200, 'a'],
      ],
    )
  })

  test('the deprecated bulk of the SDK works as before', async (t) => {
    const container = await newContainer(t, target())
    const operations: OperationInput[] = ['1', '2'].map((id) => ({
      operationType: 'Create',
      resourceBody: { id, pk: id },
    }))
    const results = await container.items.bulk(operations)
    assert.deepEqual(
      results.map(({ statusCode }) => statusCode),
      [201, 201],
    )
    assert.equal((await captureRefusal(container.items.create({ id: '1', pk: '1' }))).code, 409)
  })
}
