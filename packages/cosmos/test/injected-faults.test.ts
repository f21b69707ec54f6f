import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { type TestContext, test } from 'node:test'
import { type ConnectionPolicy, type Container, CosmosClient } from '@azure/cosmos'
import fc from 'fast-check'
import { TidemarkError } from '../../tidemark/core/errors.ts'
import type { RecordedEvent } from '../../tidemark/core/event.ts'
import { CosmosEventStore } from '../../tidemark/cosmos/event-store.ts'
import { recorded } from '../../tidemark/test/support/recorded.ts'
import { type ControlledEmulator, startControlled } from './controlled-emulator.ts'
import { buildItemsPath, captureRefusal, newContainer, sendRaw } from './support.ts'

const KEY = { 'x-ms-documentdb-partitionkey': '["a"]' }

async function setFaults({ call }: ControlledEmulator, seed: number, ...faults: readonly object[]): Promise<void> {
  const { status, body } = await call('PUT', '/faults', { seed, faults })
  assert.equal(status, 200, JSON.stringify(body))
}

/** Clears the faults. @returns how many requests had each. */
async function clearFaults({ call }: ControlledEmulator): Promise<readonly number[]> {
  const { body } = await call('GET', '/faults')
  assert.deepEqual((await call('DELETE', '/faults')).body, { settings: null, counts: [] })
  return body.counts
}

/** The container of a client with the SDK's defaults. */
function asByDefault(
  t: TestContext,
  running: ControlledEmulator,
  container: Container,
  policy?: ConnectionPolicy,
): Container {
  const { endpoint, key } = running.target
  const client = new CosmosClient({ endpoint, key, ...(policy && { connectionPolicy: policy }) })
  t.after(() => client.dispose())
  return client.database(container.database.id).container(container.id)
}

async function idsIn(container: Container): Promise<unknown[]> {
  return (await container.items.query('SELECT VALUE c.id FROM c').fetchAll()).resources.sort()
}

const ids = (count: number): string[] => Array.from({ length: count }, (_, i) => String(100 + i))

test('throttle: the SDK waits for the given time and retries, and each request runs once', async (t) => {
  const running = await startControlled(t)
  const container = await newContainer(t, running.target)
  const client = asByDefault(t, running, container)
  await setFaults(running, 7, { kind: 'throttle', operations: ['create-item'], rate: 0.3, retryAfterMs: 5 })
  for (const id of ids(40)) assert.equal((await client.items.create({ id, pk: 'a' })).statusCode, 201)
  const [done = 0] = await clearFaults(running)
  assert.ok(done > 0, 'no fault was done')
  assert.deepEqual(await idsIn(container), ids(40))
})

test('an injected refusal has its status, codes and the usual headers, and changes nothing', async (t) => {
  const running = await startControlled(t)
  const container = await newContainer(t, running.target)
  const create = () => sendRaw(running.target, 'POST', buildItemsPath(container), KEY, '{"id":"1","pk":"a"}')
  for (const [kind, status, code, substatus] of [
    ['throttle', 429, 'TooManyRequests', '3200'],
    ['retry-with', 449, 'RetryWith', undefined],
    ['unavailable', 503, 'ServiceUnavailable', undefined],
    ['gone', 410, 'Gone', '1002'],
  ] as const) {
    await setFaults(running, 1, { kind, rate: 1, ...(kind === 'throttle' && { retryAfterMs: 123 }) })
    const answered = await create()
    assert.deepEqual([answered.status, JSON.parse(answered.text).code], [status, code])
    assert.deepEqual(Object.keys(JSON.parse(answered.text)), ['code', 'message'])
    assert.equal(answered.headers['x-ms-substatus'], substatus)
    assert.equal(answered.headers['x-ms-retry-after-ms'], kind === 'throttle' ? '123' : undefined)
    for (const name of ['x-ms-activity-id', 'x-ms-request-charge', 'x-ms-session-token', 'x-ms-version'])
      assert.ok(answered.headers[name], `${kind} has no ${name}`)
    assert.deepEqual(await clearFaults(running), [1])
  }
  assert.equal((await create()).status, 201)
})

test('retry-with and unavailable: the JS SDK retries once, and only a read that met a 503', async (t) => {
  const running = await startControlled(t)
  const container = await newContainer(t, running.target)
  const client = asByDefault(t, running, container)
  for (const [kind, status] of [
    ['retry-with', 449],
    ['unavailable', 503],
  ] as const) {
    await setFaults(running, 1, { kind, operations: ['create-item'], rate: 1, times: 1 })
    assert.equal((await captureRefusal(client.items.create({ id: kind, pk: 'a' }))).code, status)
    assert.equal((await client.items.create({ id: kind, pk: 'a' })).statusCode, 201)
  }
  await setFaults(running, 1, { kind: 'unavailable', operations: ['read-item'], rate: 1, times: 1 })
  assert.equal((await client.item('unavailable', 'a').read()).statusCode, 200)
  assert.deepEqual(await clearFaults(running), [1])
})

test('drop-before-commit: the connection is lost, nothing was done, and the SDK retries a read', async (t) => {
  const running = await startControlled(t)
  const container = await newContainer(t, running.target)
  const client = asByDefault(t, running, container)
  await setFaults(running, 1, {
    kind: 'drop-before-commit',
    operations: ['create-item', 'read-item'],
    rate: 1,
    times: 2,
  })
  assert.equal((await captureRefusal(client.items.create({ id: '1', pk: 'a' }))).code, 'ECONNRESET')
  assert.deepEqual(await idsIn(container), [])
  assert.equal((await client.item('1', 'a').read()).statusCode, 404)
  assert.deepEqual(await clearFaults(running), [2])
  assert.equal((await client.items.create({ id: '1', pk: 'a' })).statusCode, 201)
})

test('drop-after-commit: the connection is lost, the item is on disk once, and a new create is a 409', async (t) => {
  const running = await startControlled(t)
  const container = await newContainer(t, running.target)
  const client = asByDefault(t, running, container)
  await setFaults(running, 1, { kind: 'drop-after-commit', operations: ['create-item'], rate: 1, times: 1 })
  assert.equal((await captureRefusal(client.items.create({ id: '1', pk: 'a' }))).code, 'ECONNRESET')
  assert.equal((await captureRefusal(client.items.create({ id: '1', pk: 'a' }))).code, 409)
  assert.deepEqual(await idsIn(container), ['1'])
})

test('drop-after-commit: a refusal is dropped too, and changes nothing', async (t) => {
  const running = await startControlled(t)
  const container = await newContainer(t, running.target)
  await container.items.create({ id: '1', pk: 'a', n: 1 })
  await setFaults(running, 1, { kind: 'drop-after-commit', operations: ['create-item'], rate: 1 })
  assert.equal((await captureRefusal(container.items.create({ id: '1', pk: 'a', n: 2 }))).code, 'ECONNRESET')
  assert.deepEqual(await clearFaults(running), [1])
  assert.deepEqual((await container.items.query('SELECT VALUE c.n FROM c').fetchAll()).resources, [1])
})

test('latency: requests are delayed, and all are answered', async (t) => {
  const running = await startControlled(t)
  const container = await newContainer(t, running.target)
  await setFaults(running, 1, { kind: 'latency', operations: ['create-item'], rate: 1, minMs: 1, maxMs: 20 })
  const created = await Promise.all(ids(30).map((id) => container.items.create({ id, pk: 'a' })))
  assert.ok(created.every(({ statusCode }) => statusCode === 201))
  assert.deepEqual(await clearFaults(running), [30])
  assert.deepEqual(await idsIn(container), ids(30))
})

test('the same seed gives the same requests the same answers, and another seed gives others', async (t) => {
  const running = await startControlled(t)
  const container = await newContainer(t, running.target)
  const sequence = async (seed: number): Promise<string> => {
    await setFaults(
      running,
      seed,
      { kind: 'throttle', operations: ['read-item'], rate: 0.3 },
      { kind: 'gone', rate: 0.2 },
      { kind: 'retry-with', rate: 0.2 },
    )
    const statuses: number[] = []
    for (let i = 0; i < 60; i++)
      statuses.push((await sendRaw(running.target, 'GET', `${buildItemsPath(container)}/1`, KEY)).status)
    return statuses.join()
  }
  const first = await sequence(7)
  assert.equal(await sequence(7), first)
  assert.notEqual(await sequence(8), first)
  assert.deepEqual([...new Set(first.split(','))].sort(), ['404', '410', '429', '449'])
})

/**
 * Appends as a command does: it retries an unknown or unavailable outcome. A conflict may come from its own
 * earlier try.
 */
async function appendSurely(store: CosmosEventStore, event: RecordedEvent): Promise<void> {
  const key = `command-${event.version}`
  for (;;)
    try {
      const { stream, version, hash, previousHash } = event
      const after = { version: version - 1, hash: previousHash, commit: version - 1 }
      const { outcome } = await store.append(after, [{ stream, key, fingerprint: hash, events: [event] }])
      if (outcome === 'conflict')
        assert.deepEqual(await store.findOutcome(stream, key), { fingerprint: hash, version, events: 1 })
      else assert.equal(outcome, 'appended')
      return
    } catch (error) {
      if (!(error instanceof TidemarkError && ['unavailable', 'outcome-unknown'].includes(error.code))) throw error
    }
}

test('an event store under faults of every kind neither loses nor repeats an event, whatever the seed', async (t) => {
  const running = await startControlled(t)
  const log = await newContainer(t, running.target, {
    partitionKey: '/stream',
    uniqueKeyPolicy: { uniqueKeys: [{ paths: ['/key'] }] },
  })
  const policy = { enableEndpointDiscovery: false, retryOptions: { maxRetryAttemptCount: 1 } }
  const store = new CosmosEventStore(asByDefault(t, running, log, policy))
  const done = [0, 0, 0, 0, 0, 0]
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 0, max: 2 ** 32 - 1 }), async (seed) => {
      const stream = `order-${randomUUID()}`
      const events = recorded(stream, ...ids(12).map((orderId) => ({ type: 'OrderConfirmed', data: { orderId } })))
      await setFaults(
        running,
        seed,
        { kind: 'throttle', rate: 0.15, retryAfterMs: 1 },
        { kind: 'retry-with', operations: ['batch'], rate: 0.15 },
        { kind: 'unavailable', rate: 0.15 },
        { kind: 'drop-before-commit', operations: ['batch'], rate: 0.15 },
        { kind: 'drop-after-commit', operations: ['batch'], rate: 0.25 },
        { kind: 'latency', rate: 0.2, minMs: 0, maxMs: 3 },
      )
      for (const event of events) await appendSurely(store, event)
      for (const [index, count] of (await clearFaults(running)).entries()) done[index] = (done[index] ?? 0) + count
      const kept: RecordedEvent[] = []
      for await (const page of store.read(stream, 0)) kept.push(...page.flatMap((commit) => commit.events))
      assert.deepEqual(kept, events)
      const { resources } = await log.items.query('SELECT VALUE c.id FROM c', { partitionKey: stream }).fetchAll()
      assert.equal(resources.length, events.length)
    }),
    { numRuns: 20 },
  )
  assert.ok(
    done.every((count) => count > 0),
    done.join(),
  )
})
