import assert from 'node:assert/strict'
import { after, beforeEach, describe, it } from 'node:test'
import { ChangeFeedStartFrom, type Container } from '@azure/cosmos'
import { cosmosEndpoint } from '../../../test-support/cosmos.ts'
import { EMPTY_STREAM } from '../../core/hash-chain.ts'
import { CosmosEventStore } from '../../cosmos/event-store.ts'
import { CosmosRelayLag } from '../../cosmos/relay-lag.ts'
import { placedV1 } from '../domain/orders.ts'
import { receipt } from '../support/commits.ts'
import { recordedTogether } from '../support/recorded.ts'
import { append } from './event-feed-suite.ts'

const { database, stop } = await cosmosEndpoint()
after(stop)

describe('the lag of the relay', () => {
  let log: Container
  let leases: Container
  let lag: CosmosRelayLag
  let made = 0

  beforeEach(async () => {
    made += 1
    const uniqueKeyPolicy = { uniqueKeys: [{ paths: ['/key'] }] }
    log = (await database.containers.create({ id: `events-${made}`, partitionKey: '/stream', uniqueKeyPolicy }))
      .container
    leases = (await database.containers.create({ id: `leases-${made}`, partitionKey: '/id' })).container
    lag = new CosmosRelayLag(log, leases)
  })

  const place = (...ids: readonly number[]) =>
    Promise.all(ids.map((id) => append(new CosmosEventStore(log), recordedTogether(`order-${id}`, placedV1))))

  /** The end of the feed: for the SDK, and in the service's own form. */
  async function ends(): Promise<{ readonly range: string; readonly continuation: string; readonly etag: string }[]> {
    const [{ resources }, ranges] = [await log.readPartitionKeyRanges().fetchAll(), await log.getFeedRanges()]
    return Promise.all(
      ranges.map(async (range) => {
        const feed = log.items.getChangeFeedIterator({ changeFeedStartFrom: ChangeFeedStartFrom.Beginning(range) })
        for (;;) {
          const { statusCode, continuationToken } = await feed.readNext()
          if (statusCode !== 304) continue
          const etag: string = JSON.parse(continuationToken).Continuation[0].continuationToken
          const { id = '' } = resources.find(({ minInclusive }) => minInclusive === range.minInclusive) ?? {}
          return { range: id, continuation: continuationToken, etag }
        }
      }),
    )
  }

  it('is zero for an empty log, with or without leases', async () => {
    assert.deepEqual(await lag.read(10), { commits: 0, more: false })
    await leases.items.create({ id: 'a', continuation: null })
    assert.deepEqual(await lag.read(10), { commits: 0, more: false })
  })

  it('is the whole log without leases, not counting receipts and foreign items', async () => {
    await place(1, 2, 3)
    await new CosmosEventStore(log).append(EMPTY_STREAM, [receipt('order-4', 'k', 0)])
    await log.items.create({ id: 'x', stream: 'order-5', key: 'x' })
    const { commits, more, oldest } = await lag.read(10)
    assert.deepEqual([commits, more], [3, false])
    const { resources } = await log.items.query<number>('SELECT VALUE MIN(c._ts) FROM c').fetchAll()
    assert.equal(oldest, new Date((resources[0] ?? 0) * 1000).toISOString())
  })

  it('is counted up to a limit, and says when there are more', async () => {
    await place(1, 2, 3)
    const { commits, more } = await lag.read(2)
    assert.deepEqual([commits, more], [2, true])
    assert.equal((await lag.read(3)).more, false)
  })

  it('is what follows the leases of the local host', async () => {
    await place(1, 2)
    for (const { range, continuation } of await ends())
      await leases.items.create({ id: range, continuation, owner: 'a' })
    assert.deepEqual(await lag.read(10), { commits: 0, more: false })
    await place(3)
    assert.equal((await lag.read(10)).commits, 1)
  })

  // Written as the library of the Functions host writes them, with the markers of an initialised lease store.
  it('is what follows the leases of the Functions host', async () => {
    await place(1, 2)
    for (const id of ['host.info', 'host.lock']) await leases.items.create({ id })
    const before = await ends()
    await place(3, 4)
    for (const { range, etag } of before)
      await leases.items.create({ id: `host..${range}`, LeaseToken: range, ContinuationToken: etag, Owner: 'a' })
    assert.equal((await lag.read(10)).commits, 2)
  })

  it('is everything when a lease of the Functions host has not started', async () => {
    await place(1, 2)
    for (const { range } of await ends())
      await leases.items.create({ id: `host..${range}`, LeaseToken: range, ContinuationToken: null, Owner: '' })
    assert.equal((await lag.read(10)).commits, 2)
  })

  it('is unavailable without a log', async () => {
    const none = new CosmosRelayLag(database.container('none'), leases)
    await assert.rejects(none.read(10), { code: 'container-missing' })
  })
})
