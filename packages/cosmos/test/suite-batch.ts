import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { OperationInput, OperationResponse } from '@azure/cosmos'
import type { CosmosTarget } from './support.ts'
import { assertRefused, buildItemsPath, newContainer, sendRaw } from './support.ts'

const create = (id: string, more = {}): OperationInput => ({
  operationType: 'Create',
  resourceBody: { id, pk: 'a', ...more },
})
const HEADERS = {
  'x-ms-documentdb-partitionkey': '["a"]',
  'x-ms-cosmos-is-batch-request': 'True',
  'x-ms-cosmos-batch-atomic': 'True',
}
/** The SDK's type has no If-Match for a delete, but the SDK sends it. */
const withIfMatch = (operation: OperationInput): OperationInput => ({ ...operation, ifMatch: '"x"' }) as OperationInput
const listCodes = (result: readonly OperationResponse[] | undefined): number[] =>
  (result ?? []).map(({ statusCode }) => statusCode)

/** https://learn.microsoft.com/azure/cosmos-db/transactional-batch */
export function batches(target: () => CosmosTarget): void {
  test('a failed batch names the operation and the reason, has 424 for the others, and leaves no trace', async (t) => {
    const container = await newContainer(t, target())
    const { resource, headers } = await container.items.create({ id: 'there', pk: 'a', n: 0 })
    const failing: readonly (readonly [OperationInput, number])[] = [
      [create('there'), 409],
      [create('x', { pk: 'b' }), 400],
      [{ operationType: 'Read', id: 'none' }, 404],
      [{ operationType: 'Delete', id: 'none' }, 404],
      [withIfMatch({ operationType: 'Delete', id: 'there' }), 412],
      [{ operationType: 'Replace', id: 'there', ifMatch: '"x"', resourceBody: { id: 'there', pk: 'a' } }, 412],
      [{ operationType: 'Upsert', ifMatch: '"x"', resourceBody: { id: 'there', pk: 'a' } }, 412],
      [{ operationType: 'Patch', id: 'there', resourceBody: [{ op: 'incr', path: '/pk', value: 1 }] }, 400],
    ]
    for (const [operation, code] of failing) {
      const patch: OperationInput = {
        operationType: 'Patch',
        id: 'there',
        resourceBody: [{ op: 'incr', path: '/n', value: 1 }],
      }
      const answered = await container.items.batch([create('new'), patch, operation, create('more')], 'a')
      assert.equal(answered.code, 207)
      assert.deepEqual(listCodes(answered.result), [424, 424, code, 424])
    }
    assert.deepEqual((await container.items.readAll().fetchAll()).resources, [resource])
    const read = await container.item('there', 'a').read()
    assert.equal(read.headers['x-ms-session-token'], headers['x-ms-session-token'])
  })

  test('a batch over 2 MB is refused with 413, and one of 100 operations is accepted', async (t) => {
    const container = await newContainer(t, target())
    const many = Array.from({ length: 100 }, (_, i) => create(String(i)))
    const large = [create('1', { text: 'x'.repeat(1_200_000) }), create('2', { text: 'x'.repeat(1_200_000) })]
    const body = JSON.stringify(large)
    assertRefused(await sendRaw(target(), 'POST', buildItemsPath(container), HEADERS, body), 413)
    assert.deepEqual((await container.items.readAll().fetchAll()).resources, [])
    assert.equal((await container.items.batch(many, 'a')).code, 200)
  })

  test('an answer to a batch over 4 MB is a 413 of its last operation, 424 of the others, without trace', async (t) => {
    const container = await newContainer(t, target())
    await container.items.create({ id: 'large', pk: 'a', text: 'é'.repeat(500_000) })
    const reads = Array.from({ length: 5 }, (): OperationInput => ({ operationType: 'Read', id: 'large' }))
    const { code, result } = await container.items.batch([create('new'), ...reads], 'a')
    assert.deepEqual([code, listCodes(result)], [207, [424, 424, 424, 424, 424, 413]])
    assert.equal((await container.item('new', 'a').read()).statusCode, 404)
    assert.equal((await container.items.batch(reads.slice(0, 4), 'a')).code, 200)
  })

  test('a read in a batch can be a 304 and fails nothing; If-None-Match on a change is refused', async (t) => {
    const container = await newContainer(t, target())
    const { etag } = await container.items.create({ id: 'there', pk: 'a' })
    const read = (condition: object): OperationInput => ({ operationType: 'Read', id: 'there', ...condition })
    const { code, result } = await container.items.batch(
      [read({ ifNoneMatch: etag }), read({ ifMatch: etag }), read({ ifNoneMatch: '"x"' }), create('new')],
      'a',
    )
    assert.deepEqual([code, listCodes(result)], [207, [304, 304, 200, 201]])
    assert.deepEqual([result?.[0]?.resourceBody, result?.[2]?.resourceBody?.id], [undefined, 'there'])
    assert.equal((await container.item('new', 'a').read()).statusCode, 200)
    const changes: readonly OperationInput[] = [
      { operationType: 'Upsert', ifNoneMatch: '*', resourceBody: { id: 'there', pk: 'a' } },
      { operationType: 'Replace', id: 'there', ifNoneMatch: '*', resourceBody: { id: 'there', pk: 'a' } },
      { operationType: 'Patch', id: 'there', ifNoneMatch: '*', resourceBody: [{ op: 'set', path: '/n', value: 1 }] },
    ]
    for (const change of changes)
      assert.deepEqual(listCodes((await container.items.batch([change], 'a')).result), [400])
    assert.equal((await container.item('there', 'a').read()).etag, etag)
  })

  test('a client that wants no written items back gets only the items that it reads', async (t) => {
    const container = await newContainer(t, target())
    const operations: OperationInput[] = [create('1'), { operationType: 'Read', id: '1' }]
    const { result } = await container.items.batch(operations, 'a', { contentResponseOnWriteEnabled: false })
    assert.deepEqual(
      result?.map(({ statusCode, resourceBody }) => [statusCode, resourceBody?.id]),
      [
        [201, undefined],
        [200, '1'],
      ],
    )
    assert.equal(result?.[0]?.eTag, result?.[1]?.eTag)
    const read = { 'x-ms-documentdb-partitionkey': '["a"]', prefer: 'return=minimal' }
    const { text } = await sendRaw(target(), 'GET', `${buildItemsPath(container)}/1`, read)
    assert.equal(JSON.parse(text).id, '1')
  })

  test('a batch that reads sees what its session has seen, or is a 404/1002; one that only writes runs', async (t) => {
    const container = await newContainer(t, target())
    const headers = { ...HEADERS, 'x-ms-session-token': '0:-1#999999999' }
    const send = (...operations: object[]) =>
      sendRaw(target(), 'POST', buildItemsPath(container), headers, JSON.stringify(operations))
    assert.equal((await send(create('1'))).status, 200)
    const refused = await send(create('2'), { operationType: 'Read', id: '1' })
    assertRefused(refused, 404)
    assert.equal(refused.headers['x-ms-substatus'], '1002')
    assert.equal((await container.item('2', 'a').read()).statusCode, 404)
  })

  test('an unknown operation refuses the whole batch, and one without an id fails it with 400', async (t) => {
    const container = await newContainer(t, target())
    const send = (operation: object) =>
      sendRaw(target(), 'POST', buildItemsPath(container), HEADERS, JSON.stringify([create('x'), operation]))
    for (const operation of [{ operationType: 'Move', id: 'a' }, {}]) assertRefused(await send(operation), 400)
    const { status, text } = await send({ operationType: 'Read' })
    assert.deepEqual([status, listCodes(JSON.parse(text))], [207, [424, 400]])
    assert.deepEqual((await container.items.readAll().fetchAll()).resources, [])
  })

  test('a batch runs all its operations, and each sees those before it', async (t) => {
    const container = await newContainer(t, target())
    const { etag } = await container.items.create({ id: 'there', pk: 'a', n: 0 })
    const { code, result } = await container.items.batch(
      [
        create('1', { n: 1 }),
        { operationType: 'Patch', id: '1', resourceBody: [{ op: 'incr', path: '/n', value: 1 }] },
        { operationType: 'Read', id: '1' },
        { operationType: 'Replace', id: 'there', ifMatch: etag, resourceBody: { id: 'there', pk: 'a', n: 5 } },
        { operationType: 'Upsert', resourceBody: { id: '2', pk: 'a' } },
        { operationType: 'Delete', id: '2' },
      ],
      'a',
    )
    assert.equal(code, 200)
    assert.deepEqual(listCodes(result), [201, 200, 200, 200, 201, 204])
    assert.equal(result?.[2]?.resourceBody?.n, 2)
    assert.equal(result?.[1]?.eTag, result?.[2]?.eTag)
    const { resources } = await container.items.readAll().fetchAll()
    assert.deepEqual(
      resources.map(({ id, n }) => [id, n]),
      [
        ['1', 2],
        ['there', 5],
      ],
    )
  })
}
