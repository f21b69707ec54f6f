import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { describe, it } from 'node:test'
import type { Answer } from '../../../packages/cli/demo/client.ts'
import { until } from '../../../packages/test-support/wait.ts'
import { request } from '../../../packages/tidemark/test/support/fakes.ts'
import { cosmosLog, handlingOn } from '../../../packages/tidemark/test/support/handling.ts'
import { createdId, hashKey } from '../../../packages/tidemark/test/support/raw-items.ts'
import { order as decider } from '../../../src/ordering/order.ts'
import { ordering } from '../../../src/ordering/service.ts'
import { appendWith, type Fault, matchRead, type StoreRequest } from '../../support/fault-proxy.ts'
import { address, placeBody } from '../../support/orders.ts'
import type { WitnessedErrors } from '../../support/witnessed-errors.ts'
import { json, type World } from './world.ts'

/** How often the SDK sends a request that is throttled: once, and nine retries. */
const THROTTLED = 10
/** How often a command decides again before its stream counts as contended. */
const ATTEMPTS = 20

/** Transient errors: faults of the store on real connections, and too many writers. */
export function transient(world: () => World, errors: WitnessedErrors): void {
  /** The request for a new order with a key, and the stream that it will have. */
  function placing() {
    const key = randomUUID()
    const id = createdId('ordering', 'order', key)
    const place = (): Promise<Answer> =>
      world().system.call('POST', '/orders', json(placeBody, { 'idempotency-key': key }))
    return { key, id, stream: `order-${id}`, place, append: appendWith(key), lookUp: matchQuery(hashKey(key)) }
  }

  // The content of a stream in the log: nothing, or the commit of one event.
  const nothing = { commits: [], receipts: 0 }
  const once = { commits: [[1, 1]], receipts: 0 }

  async function placedOnce(answer: Answer, { id, stream }: { id: string; stream: string }): Promise<void> {
    assert.deepEqual([answer.status, answer.body], [201, { id, version: 1, events: 1, position: `${stream}@1` }])
    assert.deepEqual(await world().stream(stream), once)
  }

  it('all requests to the store go through the proxy', async () => {
    const { passed } = world().proxy
    const { position } = await world().newOrder()
    await world().system.client.get(`/orders?limit=1&position=${encodeURIComponent(position)}`)
    assert.ok(world().proxy.passed - passed >= 3, 'an append, a write of a view and a read')
  })

  describe('an append of unknown outcome', () => {
    const faults: readonly Fault[] = ['lost', 'unanswered', 408, 449, 503]
    for (const fault of faults)
      it(`has its outcome read from the log after ${fault}, and takes effect once`, async () => {
        const order = placing()
        const plan = world().proxy.plan(fault, order.append)
        await placedOnce(await order.place(), order)
        assert.equal(plan.left(), 0)
      })
  })

  describe('a stalled store delays by little more than one request', {
    concurrency: true,
  }, () => {
    it('an append, which takes effect once and is answered from the log', async () => {
      const order = placing()
      const stalled = world().proxy.plan('stalled', order.append)
      await placedOnce(await order.place(), order)
      assert.equal(stalled.left(), 0)
    })

    it('an append and the search for its key: outcome-unknown, until the key is repeated', async () => {
      const order = placing()
      world().proxy.plan('stalled', order.append)
      const stalled = world().proxy.plan('stalled', order.lookUp, Number.POSITIVE_INFINITY)
      errors.answer('outcome-unknown', await order.place())
      stalled.cancel()
      await placedOnce(await order.place(), order)
    })

    for (const [what, path, fits] of [
      ['a document', (id: string) => `/orders/${id}`, (id: string) => matchRead(`order-${id}`)],
      ['the events of a stream', (id: string) => `/streams/order-${id}/events`, matchQuery],
      ['the state of a stream', (id: string) => `/streams/order-${id}/state`, matchQuery],
    ] as const)
      it(`${what}: unavailable`, async () => {
        const id = randomUUID()
        const stalled = world().proxy.plan('stalled', fits(id), Number.POSITIVE_INFINITY)
        errors.answer('unavailable', await world().system.call('GET', path(id)))
        stalled.cancel()
        assert.equal((await world().system.call('GET', path(id))).status, 404)
      })
  })

  describe('outcome-unknown', () => {
    for (const [what, fault, left] of [
      [
        'of an append that took effect, whose key cannot be searched: repeating the key returns the effect',
        'unanswered',
        once,
      ],
      ['of an append that was lost, whose key cannot be searched: repeating the key makes it', 'lost', nothing],
    ] as const)
      it(what, async () => {
        const order = placing()
        world().proxy.plan(fault, order.append)
        const unread = world().proxy.plan(429, order.lookUp, THROTTLED)
        errors.answer('outcome-unknown', await order.place())
        assert.equal(unread.left(), 0)
        assert.deepEqual(await world().stream(order.stream), left)
        await placedOnce(await order.place(), order)
      })

    it('of a retried append: repeating the key settles it', async () => {
      const order = placing()
      world().proxy.plan('lost', order.append)
      world().proxy.plan('unanswered', order.append)
      errors.answer('outcome-unknown', await order.place())
      await placedOnce(await order.place(), order)
    })
  })

  describe('unavailable', () => {
    it('for a command while the store is throttled: nothing is written until the key is repeated', async () => {
      const order = placing()
      const plan = world().proxy.plan(429, order.append, THROTTLED)
      errors.answer('unavailable', await order.place())
      assert.equal(plan.left(), 0)
      assert.deepEqual(await world().stream(order.stream), nothing)
      await placedOnce(await order.place(), order)
    })

    it('for commands and queries without a store: nothing is written, and all works afterwards', async () => {
      const { id, stream } = await world().newOrder()
      const order = placing()
      const before = await world().written()
      const asked: Answer[] = []
      await world().proxy.down()
      try {
        for (const path of [`/orders/${id}`, '/orders', `/streams/${stream}/events`, `/streams/${stream}/state`])
          asked.push(await world().system.call('GET', path))
        asked.push(await order.place())
      } finally {
        await world().proxy.up()
      }
      for (const answer of asked) errors.answer('unavailable', answer)
      assert.deepEqual(await world().written(), before)
      await placedOnce(await order.place(), order)
    })
  })

  describe('stream-contended', () => {
    it('when another writer is always faster: nothing is written until the key is repeated later', async () => {
      const { id, stream } = await world().newOrder()
      const path = `/orders/${id}/change-shipping-address`
      const moved = (city: string) => ({ shippingAddress: { ...address, city } })
      const key = randomUUID()
      const move = (): Promise<Answer> =>
        world().system.call('POST', path, json(moved('Bruges'), { 'idempotency-key': key }))
      // A rival instance, since commands on one stream take turns within an instance.
      const rival = handlingOn(ordering, cosmosLog(world().system.log))
      let rivals = 0
      const overtake = async (): Promise<void> => {
        rivals += 1
        const command = { type: 'change-shipping-address', data: moved(`City ${rivals}`) }
        const outcome = await rival(decider, request(randomUUID(), command, { stream }))
        assert.ok(outcome.outcome === 'done')
      }
      const overtaken = world().proxy.plan(overtake, appendWith(key), ATTEMPTS)
      errors.answer('stream-contended', await move())
      assert.deepEqual([overtaken.left(), rivals], [0, ATTEMPTS])
      assert.deepEqual(await world().stream(stream), {
        commits: upTo(ATTEMPTS + 1).map((version) => [version, version]),
        receipts: 0,
      })
      const { status, body } = await move()
      assert.deepEqual([status, body.position], [200, `${stream}@${ATTEMPTS + 2}`])
    })
  })

  describe('view-behind', () => {
    it('for a position that the view has not reached, instead of older data', async () => {
      const { id, stream } = await world().newOrder()
      const position = encodeURIComponent(`${stream}@99`)
      for (const path of [`/orders/${id}`, '/orders', '/sales-by-product', '/sales-by-product/tea'])
        errors.answer('view-behind', await world().system.call('GET', `${path}?position=${position}`))
    })
  })

  describe('view-contended', () => {
    it('while another instance writes the document: it is logged, and the view catches up', async () => {
      const { id, stream, position } = await world().newOrder()
      await world().system.client.get(`/orders/${id}?position=${encodeURIComponent(position)}`)
      const item = world().system.openContainer('ordering', 'order').item('document', `1|document|${stream}`)
      const overtake = async (): Promise<void> => {
        const { resource } = await item.read()
        await item.replace(resource)
      }
      const overtaken = world().proxy.plan(overtake, viewWrite(stream), Number.POSITIVE_INFINITY)
      const path = `/orders/${id}/change-shipping-address`
      const moved = await world().system.call('POST', path, json({ shippingAddress: { ...address, city: 'Bruges' } }))
      assert.equal(moved.status, 200)
      const line = await until('the line', () =>
        world().lines.find((each) => each.includes('ordering-views is held') && each.includes(stream)),
      )
      errors.logLine('view-contended', line)
      overtaken.cancel()
      const { body } = await world().system.client.get(
        `/orders/${id}?position=${encodeURIComponent(moved.body.position)}`,
      )
      assert.equal(body.shippingAddress.city, 'Bruges')
    })
  })

  it('a canary that cannot be sent: canary-silent', async () => {
    await world().system.host.stop()
    const refused = world().proxy.plan(503, appendWith('CanarySent'), Number.POSITIVE_INFINITY)
    await world().startHost({ TIDEMARK_CANARY: 'true' })
    const line = await until('the line', () => world().lines.find((each) => each.includes('is held: canary-silent')))
    errors.logLine('canary-silent', line)
    refused.cancel()
    await world().system.host.stop()
    await world().startHost()
  })
}

/** Matches a query for this text, or of the stream with it in its name. */
function matchQuery(text: string): (request: StoreRequest) => boolean {
  return ({ headers, body }) =>
    headers['x-ms-documentdb-isquery'] !== undefined &&
    `${body} ${headers['x-ms-documentdb-partitionkey']}`.includes(text)
}

/** Matches the write of a stream's document in the view of orders. */
function viewWrite(stream: string): (request: StoreRequest) => boolean {
  return ({ method, path, body }) => method === 'PUT' && path.includes('/colls/order/docs/') && body.includes(stream)
}

function upTo(last: number): number[] {
  return Array.from({ length: last }, (_, index) => index + 1)
}
