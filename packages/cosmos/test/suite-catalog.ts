import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ContainerRequest } from '@azure/cosmos'
import type { CosmosTarget } from './support.ts'
import {
  assertRefused,
  buildItemsPath,
  captureRefusal,
  createClient,
  newContainer,
  newDatabase,
  sendRaw,
  signRequest,
} from './support.ts'

/** Databases, containers, and what else an account has. */
export function catalog(target: () => CosmosTarget): void {
  test('an existing database or container is not created again (409), and a missing one is a 404', async (t) => {
    const client = createClient(t, target())
    const container = await newContainer(t, target())
    const { database } = container
    assert.equal((await captureRefusal(client.databases.create({ id: database.id }))).code, 409)
    assert.equal((await captureRefusal(database.containers.create({ id: 'c', partitionKey: '/pk' }))).code, 409)
    assert.equal((await captureRefusal(client.database('none').read())).code, 404)
    assert.equal((await captureRefusal(database.container('none').read())).code, 404)
    const { status, headers } = await sendRaw(target(), 'GET', `dbs/${database.id}/colls/none/docs`)
    assert.deepEqual([status, headers['x-ms-substatus']], [404, '1003'])
  })

  test('unsupported container settings are refused when the container is created', async (t) => {
    const database = await newDatabase(t, target())
    const refused: readonly (readonly [Record<string, unknown>, RegExp])[] = [
      [{ partitionKey: { paths: ['/a', '/b'], kind: 'Hash' } }, /MultiHash/],
      [{ partitionKey: { paths: ['/a', '/b', '/c', '/d'], kind: 'MultiHash' } }, /at most 3/],
      [{ partitionKey: { paths: ['/a', '/a'], kind: 'MultiHash' } }, /partition key/],
      [{ partitionKey: { paths: ['/a'], kind: 'Range' } }, /kind/],
      [{ partitionKey: { paths: ['/a'], version: 1 } }, /version/],
      [{ partitionKey: '/pk', uniqueKeyPolicy: { uniqueKeys: 'x' } }, /unique keys/],
      [{ partitionKey: '/pk', uniqueKeyPolicy: { uniqueKeys: [{ paths: ['a'] }] } }, /unique key/],
      [
        { partitionKey: '/pk', uniqueKeyPolicy: { uniqueKeys: [{ paths: ['/a'] }, { paths: ['/a'] }] } },
        /the same paths/,
      ],
      [{ partitionKey: '/pk', uniqueKeyPolicy: { uniqueKeys: Array(11).fill({ paths: ['/a'] }) } }, /at most 10/],
      [{ partitionKey: '/pk', indexingPolicy: { indexingMode: 'lazy' } }, /mode/],
      [{ partitionKey: '/pk', indexingPolicy: { includedPaths: [{ path: '/a/?' }] } }, /mandatory indexing path/],
      [
        { partitionKey: '/pk', indexingPolicy: { includedPaths: [{ path: '/*' }], excludedPaths: [{ path: '/a' }] } },
        /must end in/,
      ],
      [
        { partitionKey: '/pk', indexingPolicy: { includedPaths: [{ path: '/*' }], excludedPaths: [{ path: '/*' }] } },
        /included and excluded/,
      ],
      [{ partitionKey: '/pk', indexingPolicy: { automatic: false } }, /automatic/],
      [{ partitionKey: '/pk', indexingPolicy: { compositeIndexes: [[{ path: '/a' }]] } }, /composite/],
      [
        { partitionKey: '/pk', indexingPolicy: { spatialIndexes: [{ path: '/a/*', types: ['Point'] }] } },
        /spatialIndexes/,
      ],
      [{ partitionKey: '/pk', conflictResolutionPolicy: { mode: 'Custom' } }, /LastWriterWins/],
      [{ partitionKey: '/pk', vectorEmbeddingPolicy: { vectorEmbeddings: [{ path: '/v' }] } }, /vectorEmbeddingPolicy/],
      [{ partitionKey: '/pk', computedProperties: [{ name: 'a', query: 'b' }] }, /computedProperties/],
      [{ partitionKey: '/pk', defaultTtl: 0 }, /defaultTtl/],
      [{ partitionKey: '/pk', defaultTtl: 2_147_483_648 }, /defaultTtl/],
    ]
    for (const [settings, message] of refused) {
      const refusal = await captureRefusal(database.containers.create({ id: 'c', ...settings } as ContainerRequest))
      assert.equal(refusal.code, 400)
      assert.match(refusal.message, message)
    }
    const deep = `${'{"a":'.repeat(100_000)}1${'}'.repeat(100_000)}`
    const key = '"partitionKey":{"paths":["/pk"]}'
    const bodies = [
      `{"id":"c",${key},"changeFeedPolicy":${deep}}`,
      `{"id":"c",${key},"indexingPolicy":{"compositeIndexes":[[{"path":"/a","order":1e999}]]}}`,
      `{"id":"c ",${key}}`,
      `{"id":"${'c'.repeat(256)}",${key}}`,
    ]
    for (const body of bodies) assertRefused(await sendRaw(target(), 'POST', `dbs/${database.id}/colls`, {}, body), 400)
    for (const body of ['{"id":"c"}', '{"id":"c","partitionKey":{"paths":[]}}', '{"id":"a/b"}', '{}', 'null', '[]'])
      assertRefused(await sendRaw(target(), 'POST', `dbs/${database.id}/colls`, {}, body), 400)
    assert.deepEqual((await database.containers.readAll().fetchAll()).resources, [])
  })

  test('a container is replaced under If-Match (412), but not its id or partition key (400)', async (t) => {
    const container = await newContainer(t, target())
    const { resource } = await container.read()
    assert.ok(resource)
    const path = `dbs/${container.database.id}/colls/c`
    const replace = (change: object, headers = {}) =>
      sendRaw(target(), 'PUT', path, headers, JSON.stringify({ ...resource, ...change }))
    assertRefused(await replace({ defaultTtl: 60 }, { 'if-match': '"other"' }), 412)
    assertRefused(await replace({ id: 'other' }), 400)
    assertRefused(await replace({ partitionKey: { paths: ['/other'], kind: 'Hash' } }), 400)
    assert.equal((await replace({ defaultTtl: 60 }, { 'if-match': resource._etag })).status, 200)
    assert.equal((await container.read()).resource?.defaultTtl, 60)
  })

  test('databases and containers are deleted under If-Match (412), and an unchanged one reads as a 304', async (t) => {
    const container = await newContainer(t, target())
    const path = `dbs/${container.database.id}/colls/c`
    for (const one of [path, `dbs/${container.database.id}`]) {
      const { headers } = await sendRaw(target(), 'GET', one)
      assert.deepEqual(
        [
          await sendRaw(target(), 'GET', one, { 'if-none-match': String(headers.etag) }),
          await sendRaw(target(), 'GET', one, { 'if-none-match': '"x"' }),
        ].map(({ status }) => status),
        [304, 200],
      )
      assertRefused(await sendRaw(target(), 'DELETE', one, { 'if-match': '"x"' }), 412)
      assert.equal((await sendRaw(target(), 'DELETE', one, { 'if-match': String(headers.etag) })).status, 204)
    }
  })

  test('a database is told apart from another whose id is its rid', async (t) => {
    const database = await newDatabase(t, target())
    const { resource } = await database.read()
    const { database: other } = await createClient(t, target()).databases.create({ id: `${resource?._rid}` })
    await other.containers.create({ id: 'c', partitionKey: '/other' })
    await database.containers.create({ id: 'c', partitionKey: '/pk' })
    assert.deepEqual((await database.container('c').read()).resource?.partitionKey?.paths, ['/pk'])
    await other.delete()
    assert.equal((await database.container('c').items.create({ id: '1', pk: 'a' })).statusCode, 201)
  })

  test('quoted paths with a slash work in the partition key, unique keys and the index', async (t) => {
    const container = await newContainer(t, target(), {
      partitionKey: { paths: ['/"a/b"'] },
      uniqueKeyPolicy: { uniqueKeys: [{ paths: ['/"c/d"'] }] },
      indexingPolicy: { includedPaths: [{ path: '/"e/f"/?' }], excludedPaths: [{ path: '/*' }] },
    })
    const item = { id: '1', 'a/b': 'x', 'c/d': 1, 'e/f': 1 }
    // It has one indexed value.
    assert.equal((await container.items.create(item)).requestCharge, 5.15)
    assert.equal((await container.item('1', 'x').read()).resource?.['a/b'], 'x')
    assert.equal((await captureRefusal(container.items.create({ ...item, id: '2' }))).code, 409)
    assert.equal((await container.items.create({ ...item, id: '2', 'c/d': 2 })).statusCode, 201)
  })

  test('databases and containers are created, listed, read and deleted, items with their container', async (t) => {
    const container = await newContainer(t, target(), { partitionKey: '/a/b', defaultTtl: -1 })
    const { database } = container
    assert.deepEqual((await container.read()).resource?.partitionKey, { paths: ['/a/b'], kind: 'Hash', version: 2 })
    const ids = (await createClient(t, target()).databases.readAll().fetchAll()).resources.map(({ id }) => id)
    assert.ok(ids.includes(database.id))
    await container.items.create({ id: '1', a: { b: 'x' } })
    await container.delete()
    await database.containers.create({ id: 'c', partitionKey: '/a/b' })
    assert.equal((await container.item('1', 'x').read()).statusCode, 404)
    await database.delete()
    assert.equal((await captureRefusal(container.read())).code, 404)
  })

  test('a create that waits behind the deletion of its container is a 404, like one that comes later', async (t) => {
    const container = await newContainer(t, target())
    const creates = (): Promise<unknown>[] =>
      Array.from({ length: 20 }, (_, i) => container.items.create({ id: String(i), pk: 'a' }))
    await container.items.create({ id: 'first', pk: 'a' })
    const settled = await Promise.allSettled([...creates(), container.delete(), ...creates()])
    for (const outcome of settled) if (outcome.status === 'rejected') assert.equal(outcome.reason.code, 404)
  })

  test('resources are found by rid, and have the same rids after a restart', async (t) => {
    const container = await newContainer(t, target())
    const { resource: item } = await container.items.create({ id: 'a', pk: 'a' })
    const [database, collection] = [(await container.database.read()).resource, (await container.read()).resource]
    assert.ok(database && collection && item)
    const path = `dbs/${database._rid}/colls/${collection._rid}`
    const readRanges = async () => JSON.parse((await sendRaw(target(), 'GET', `${path}/pkranges`)).text)
    const before = await readRanges()
    assert.deepEqual([before.PartitionKeyRanges.length, before._rid], [1, collection._rid])
    assert.ok(item._self.startsWith(`${path}/docs/${item._rid}`))
    // The SDKs parse rids like this: azure-cosmos-dotnet-v3, ResourceId.cs.
    const bytes = (rid: string): Buffer => Buffer.from(rid.replaceAll('-', '/'), 'base64')
    assert.deepEqual(
      [database, collection, item].map(({ _rid }) => bytes(_rid).length),
      [4, 8, 16],
    )
    assert.ok(bytes(collection._rid).readUInt8(4) >= 0x80 && bytes(item._rid).readUInt8(15) < 0x10)
    await target().restart?.()
    assert.deepEqual(await readRanges(), before)
    const { resource: again } = await container.item('a', 'a').read()
    assert.deepEqual(again, item)
  })

  test('an item is read, replaced and deleted by its signed rid, and another’s rid finds nothing', async (t) => {
    const container = await newContainer(t, target())
    const { resource: item } = await container.items.create({ id: 'a', pk: 'a', n: 1 })
    const { resource: other } = await container.items.create({ id: 'b', pk: 'b' })
    await container.items.create({ id: 'b', pk: 'a' })
    // The rid of an item of another container with the same number.
    const elsewhere = Buffer.from(`${item?._rid}`.replaceAll('-', '/'), 'base64')
    elsewhere.writeUInt32BE(0x8fff_ffff, 4)
    const [database, collection] = [(await container.database.read()).resource, (await container.read()).resource]
    const path = `dbs/${database?._rid}/colls/${collection?._rid}/docs`
    const send = (method: string, rid: string | undefined, body?: string) => {
      const signature = signRequest(target().key, method, `${path}/${rid}`, true)
      return sendRaw(
        target(),
        method,
        `${path}/${rid}`,
        { ...signature, 'x-ms-documentdb-partitionkey': '["a"]' },
        body,
      )
    }
    assert.equal(JSON.parse((await send('GET', item?._rid)).text).id, 'a')
    assert.equal((await send('PUT', item?._rid, '{"id":"a","pk":"a","n":2}')).status, 200)
    for (const rid of [other?._rid, elsewhere.toString('base64').replaceAll('/', '-'), 'AAAAAAAAAAA=', 'nothing'])
      assertRefused(await send('GET', rid), 404)
    // A path with the container's id has the item's id, even if that id is another item's rid.
    await container.items.create({ id: `${item?._rid}`, pk: 'a', n: 7 })
    assert.equal((await container.item(`${item?._rid}`, 'a').read()).resource?.n, 7)
    assert.equal((await send('DELETE', item?._rid)).status, 204)
    assert.equal((await container.item('a', 'a').read()).statusCode, 404)
  })

  test('a client that remembers a deleted container of the same name gets a 400/1024', async (t) => {
    const container = await newContainer(t, target())
    const { resource: before } = await container.read()
    await container.delete()
    await container.database.containers.create({ id: 'c', partitionKey: '/pk' })
    const headers = {
      'x-ms-documentdb-partitionkey': '["a"]',
      'x-ms-cosmos-intended-collection-rid': `${before?._rid}`,
    }
    const refused = await sendRaw(target(), 'POST', buildItemsPath(container), headers, '{"id":"a","pk":"a"}')
    assertRefused(refused, 400)
    assert.equal(refused.headers['x-ms-substatus'], '1024')
  })

  test('a container has one partition key range, whose etag makes the next answer a 304', async (t) => {
    const container = await newContainer(t, target())
    const path = `dbs/${container.database.id}/colls/c/pkranges`
    const { headers, text } = await sendRaw(target(), 'GET', path)
    const [range] = JSON.parse(text).PartitionKeyRanges
    assert.deepEqual([range.id, range.minInclusive, range.maxExclusive], ['0', '', 'FF'])
    assert.equal((await sendRaw(target(), 'GET', path, { 'if-none-match': String(headers.etag) })).status, 304)
    assert.equal((await sendRaw(target(), 'GET', path, { 'if-none-match': '"x"' })).status, 200)
  })
}
