import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { CosmosTarget } from './support.ts'
import {
  assertRefused,
  buildItemsPath,
  captureRefusal,
  createClient,
  newContainer,
  newDatabase,
  sendRaw,
} from './support.ts'

/** Throughput, sessions, and other features of the whole account. */
export function account(target: () => CosmosTarget): void {
  test('the account reports its address, consistency and query engine to any holder of its key', async () => {
    const { status, text } = await sendRaw(target(), 'GET', '')
    const account = JSON.parse(text)
    assert.equal(status, 200)
    assert.equal(account.userConsistencyPolicy.defaultConsistencyLevel, 'Session')
    assert.equal(account.writableLocations[0].databaseAccountEndpoint, `${new URL(target().endpoint).origin}/`)
    assert.ok(JSON.parse(account.queryEngineConfiguration).maxSqlQueryInputLength > 0)
    // The SDK would read it again before nearly every request.
    assert.notEqual(account.id, 'localhost')
  })

  test('an invalid throughput is refused, and a valid one is read and replaced', async (t) => {
    const database = await newDatabase(t, target())
    const create = { id: 'c', partitionKey: '/pk' }
    for (const throughput of [399, 450, 2_000_000])
      assert.equal((await captureRefusal(database.containers.create({ ...create, throughput }))).code, 400)
    for (const throughput of ['0x190', '4e2', '400.0', ''])
      assertRefused(
        await sendRaw(
          target(),
          'POST',
          `dbs/${database.id}/colls`,
          { 'x-ms-offer-throughput': throughput },
          '{"id":"c","partitionKey":{"paths":["/pk"]}}',
        ),
        400,
      )
    const autoscaled = (maxThroughput: unknown): Record<string, string> => ({
      'x-ms-cosmos-offer-autopilot-settings': JSON.stringify({ maxThroughput }),
    })
    for (const headers of [
      ...[999, 1500, 1_001_000, '4000', null].map(autoscaled),
      { ...autoscaled(4000), 'x-ms-offer-throughput': '400' },
      { 'x-ms-cosmos-offer-autopilot-settings': '{' },
    ])
      assertRefused(
        await sendRaw(
          target(),
          'POST',
          `dbs/${database.id}/colls`,
          headers,
          '{"id":"c","partitionKey":{"paths":["/pk"]}}',
        ),
        400,
      )
    const { container } = await database.containers.create({ ...create, throughput: 500 })
    const { resource: offer, offer: handle } = await container.readOffer()
    assert.equal(offer?.content?.offerThroughput, 500)
    assert.ok(offer && handle)
    const { resource: collection } = await container.read()
    assert.equal(offer.offerResourceId, collection?._rid)
    const path = `offers/${offer._rid}`
    const replaced = { ...offer, content: { ...offer.content, offerThroughput: 600 } }
    assertRefused(await sendRaw(target(), 'PUT', path, { 'if-match': '"x"' }, JSON.stringify(replaced)), 412)
    assertRefused(await sendRaw(target(), 'PUT', path, {}, JSON.stringify({ ...replaced, offerResourceId: 'x' })), 400)
    await createClient(t, target()).offer(offer.id).replace(replaced)
    assert.equal((await container.readOffer()).resource?.content?.offerThroughput, 600)
    await container.delete()
    assert.equal((await sendRaw(target(), 'GET', path)).status, 404)
  })

  test('a throughput is autoscaled, shared by a database, or the default', async (t) => {
    const client = createClient(t, target())
    const { database } = await client.databases.create({ id: `shared-${Date.now()}`, maxThroughput: 4000 })
    const { resource } = await database.readOffer()
    assert.deepEqual(resource?.content?.offerAutopilotSettings, { maxThroughput: 4000 })
    const { container: shared } = await database.containers.create({ id: 'c', partitionKey: '/pk' })
    assert.equal((await shared.readOffer()).resource, undefined)
    const own = await newContainer(t, target())
    assert.equal((await own.readOffer()).resource?.content?.offerThroughput, 400)
    const offers = (await client.offers.readAll().fetchAll()).resources
    assert.ok(offers.some(({ _rid }) => _rid === resource?._rid))
    await database.delete()
  })

  test('databases and containers are queried like items', async (t) => {
    const container = await newContainer(t, target())
    const client = createClient(t, target())
    const byId = (id: string) => ({
      query: 'SELECT * FROM r WHERE r.id = @id',
      parameters: [{ name: '@id', value: id }],
    })
    const { resources: databases } = await client.databases.query(byId(container.database.id)).fetchAll()
    assert.deepEqual(
      databases.map(({ id }) => id),
      [container.database.id],
    )
    const { resources: containers } = await container.database.containers.query(byId('c')).fetchAll()
    assert.deepEqual(
      containers.map(({ id }) => id),
      ['c'],
    )
    assert.deepEqual((await container.database.containers.query(byId('none')).fetchAll()).resources, [])
    assert.equal((await captureRefusal(client.databases.query('SELECT FROM').fetchAll())).code, 400)
  })

  test('a session token of a future write is a 404/1002, an invalid one a 400', async (t) => {
    const container = await newContainer(t, target())
    const { headers } = await container.items.create({ id: '1', pk: 'a' })
    const token = String(headers['x-ms-session-token'])
    const [, lsn] = /#(\d+)$/.exec(token) ?? []
    const path = buildItemsPath(container)
    const key = { 'x-ms-documentdb-partitionkey': '["a"]' }
    const read = (session: string, more = {}) =>
      sendRaw(target(), 'GET', `${path}/1`, { ...key, 'x-ms-session-token': session, ...more })
    assert.equal((await read(token)).status, 200)
    assert.equal((await read(`0:1#${lsn}#3=-1`)).status, 200)
    const ahead = await read(`0:-1#${Number(lsn) + 1_000_000}`)
    assertRefused(ahead, 404)
    assert.equal(ahead.headers['x-ms-substatus'], '1002')
    assertRefused(await read(`${token},1:-1#999999999`), 404)
    assert.equal((await read('0:-1#999999999', { 'x-ms-consistency-level': 'Eventual' })).status, 200)
    assertRefused(await read('nonsense'), 400)
    const feed = await sendRaw(target(), 'GET', path, {
      'a-im': 'Incremental Feed',
      'x-ms-session-token': '0:-1#999999999',
    })
    assertRefused(feed, 404)
    const query = { 'x-ms-documentdb-isquery': 'true', 'x-ms-session-token': '0:-1#999999999' }
    assertRefused(await sendRaw(target(), 'POST', path, query, '{"query":"SELECT * FROM c"}'), 404)
  })

  test('a stronger consistency than the account’s is refused, and a weaker one accepted', async (t) => {
    const path = buildItemsPath(await newContainer(t, target()))
    const list = (level: string) => sendRaw(target(), 'GET', path, { 'x-ms-consistency-level': level })
    for (const level of ['Strong', 'BoundedStaleness', 'None']) assertRefused(await list(level), 400)
    for (const level of ['Session', 'ConsistentPrefix', 'Eventual']) assert.equal((await list(level)).status, 200)
  })

  test('stored procedures, triggers, functions, users, permissions and conflicts are refused by name', async (t) => {
    const container = await newContainer(t, target())
    const path = `dbs/${container.database.id}/colls/c`
    for (const type of ['sprocs', 'triggers', 'udfs', 'conflicts'])
      assertRefused(await sendRaw(target(), 'GET', `${path}/${type}`), 400, /not supported by the emulator/)
    assertRefused(await sendRaw(target(), 'GET', `dbs/${container.database.id}/users`), 400, /users are not supported/)
    const trigger = { 'x-ms-documentdb-partitionkey': '["a"]', 'x-ms-documentdb-pre-trigger-include': 'x' }
    assertRefused(
      await sendRaw(target(), 'POST', buildItemsPath(container), trigger, '{"id":"1","pk":"a"}'),
      400,
      /trigger/,
    )
  })
}
