import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { describeService } from '../../core/about.ts'
import type { Service } from '../../core/service.ts'
import { formatPosition, parseCategory, parsePosition } from '../../core/stream.ts'
import { buildTopology } from '../../topology.ts'
import { ordering } from '../domain/orders.ts'
import { trail } from '../domain/trails.ts'

const readers: Service = { name: 'readers', deciders: [], publishes: [], views: [trail], reactions: [] }
const shop: Service = { ...ordering, name: 'shop', reactions: [], processes: [] }

describe('a service that only follows others', () => {
  it('has no log, relay, hub or archive, and only the rights to follow', () => {
    const { services, databases, eventHubs, blobContainers } = buildTopology([shop, readers])
    const [, following] = services
    assert.deepEqual(following?.functions, {
      projections: ['readers-views-shop', 'readers-views-books'],
      reactions: [],
      periodic: 'readers-periodic',
    })
    assert.deepEqual(
      [following?.hasLog, following?.receivesFrom, following?.readsArchivesOf],
      [false, ['shop', 'books'], ['shop', 'books']],
    )
    assert.deepEqual(
      databases[1]?.containers.map(({ name }) => name),
      ['trail', 'progress', 'parked'],
    )
    assert.deepEqual(
      eventHubs.map(({ name, consumerGroups }) => [
        name,
        consumerGroups.filter((group) => group.startsWith('readers')),
      ]),
      [['shop', ['readers-views-shop']]],
    )
    assert.ok(!blobContainers.includes('archive-readers'))
  })

  it('may follow its own hub: with a consumer group beside that of its own views', () => {
    const both = { ...shop, views: [...shop.views, trail] }
    const [hub] = buildTopology([both]).eventHubs
    assert.deepEqual(hub?.consumerGroups, ['shop-views', 'shop-views-shop'])
  })

  it('tells its consumers and what each handles', () => {
    const { categories, views, consumers } = describeService(readers, 'b')
    assert.deepEqual([categories, views[0]?.category], [[], 'shop/order, books/order'])
    assert.deepEqual(
      consumers.map(({ name, handlers }) => [name, handlers[0]?.events]),
      [
        ['readers-views-shop', ['Placed', 'Closed']],
        ['readers-views-books', ['Closed']],
      ],
    )
  })
})

describe('a position of another service', () => {
  it('is written and read with its name', () => {
    const position = parsePosition('my-shop/order-a-b@7')
    assert.deepEqual(position, { stream: 'my-shop/order-a-b', version: 7 })
    assert.deepEqual([formatPosition(position), parseCategory(position.stream)], ['my-shop/order-a-b@7', 'order'])
  })

  for (const token of [
    '/order-1@7',
    'Shop/order-1@7',
    'a/b/order-1@7',
    'shop/order@7',
    'shop/order-1',
    'shop order-1@7',
  ])
    it(`is refused as ${token}`, () => assert.throws(() => parsePosition(token), { code: 'invalid-position' }))
})
