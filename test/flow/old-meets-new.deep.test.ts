import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, before, describe, it } from 'node:test'
import { verifyLog } from 'tidemark/verify'
import topology from '../../infra/topology.json' with { type: 'json' }
import { foldRawLog, type RawItem } from '../../packages/cli/demo/raw-fold.ts'
import { foldRawFulfilments } from '../../packages/cli/demo/raw-fulfilments.ts'
import { readAllPages, readRawLog } from '../../packages/cli/demo/reading.ts'
import { leaseClaims, partitionClaims } from '../../packages/test-support/claims.ts'
import { Command } from '../../packages/test-support/command.ts'
import { until } from '../../packages/test-support/wait.ts'
import { address } from '../support/orders.ts'
import { Releases, type ServiceHost } from '../support/releases.ts'

// Lines with and without a house number that can be separated from the name.
const STREETS = ['Quay 1', 'Quay 1a', 'Rue du 4 Septembre', 'D 10 12', '12 Main Street', 'Quay']

/** An event that a stream reaches once, and where it is recorded. */
interface Milestone {
  readonly service: string
  readonly category: string
  readonly type: string
}
const PAYMENT_OPENED: Milestone = { service: 'payments', category: 'payment', type: 'PaymentOpened' }
const SHIPMENT_PREPARED: Milestone = { service: 'shipping', category: 'shipment', type: 'ShipmentPrepared' }
const STOCK_RESERVED: Milestone = { service: 'inventory', category: 'reservation', type: 'StockReserved' }
const ORDER_COMPLETED: Milestone = { service: 'ordering', category: 'order', type: 'OrderCompleted' }

/**
 * Ordering is deployed from version n, a bundle of an earlier commit, to today's version, back and forward
 * again. Inventory stays at n. Payments and shipping cannot, since the requests of today's ordering break n:
 * PaymentRequested 2, because n did not record the time to pay, and ShipmentRequested 3, because n would send the
 * goods to an encrypted address. Both are deployed after ordering, the wrong way round, so that they wait with these
 * requests until then. Each test continues where the one before ended.
 */
describe('a rolling deployment of ordering, beside older services,', () => {
  let releases: Releases
  let [old, today]: ServiceHost[] = []
  let [inventory, payments, shipping]: ServiceHost[] = []
  /** Every placed order, with the street that its customer wrote last. */
  const streets = new Map<string, string>()
  /** An order placed at n and one placed with today's version. Both wait for their payment. */
  let [oldWaits, newWaits] = ['', '']

  before(async () => {
    releases = await Releases.start()
    inventory = await releases.released('inventory')
    payments = await releases.released('payments')
    shipping = await releases.released('shipping')
    old = await releases.released('ordering')
    const received = await inventory.client.post('/stock/tea/receive', { quantity: 100_000 }, {})
    assert.equal(received.status, 200)
  })
  after(() => releases.remove())

  /** Whether a stream is parked for any handler of ordering. */
  async function waitsSomewhere(stream: string): Promise<boolean> {
    const query = {
      query: 'SELECT VALUE COUNT(1) FROM c WHERE c.kind = "stream" AND c["value"].stream = @stream',
      parameters: [{ name: '@stream', value: stream }],
    }
    const parked = releases.system.openContainer('ordering', 'parked')
    return ((await parked.items.query<number>(query).fetchAll()).resources[0] ?? 0) > 0
  }

  async function place(host: ServiceHost, more: object = {}): Promise<string> {
    const street = STREETS[streets.size % STREETS.length] ?? ''
    const body = {
      customerId: 'ada',
      currency: 'EUR',
      lines: [{ sku: 'tea', quantity: 1, unitPrice: 450 }],
      shippingAddress: { ...address, street },
      ...more,
    }
    const answer = await host.client.post('/orders', body, { 'idempotency-key': randomUUID() })
    assert.equal(answer.status, 201, JSON.stringify(answer.body))
    streets.set(answer.body.id, street)
    return answer.body.id
  }
  const placeMany = (host: ServiceHost, count: number, more: object = {}): Promise<string[]> =>
    Promise.all(Array.from({ length: count }, () => place(host, more)))
  const transfer = { payment: { method: 'transfer', withinSeconds: 86_400 } }

  /** The ids whose stream has no event of the type yet. */
  const without = async ({ service, category, type }: Milestone, ids: Iterable<string>): Promise<string[]> => {
    const streams = await releases.streamsWith(service, type)
    return [...ids].filter((id) => !streams.has(`${category}-${id}`))
  }
  const none = ({ length }: readonly string[]): boolean => length === 0
  const eventually = (what: string, milestone: Milestone, ids: readonly string[]) =>
    until(what, () => without(milestone, ids), none)
  const notCompleted = (ids: Iterable<string>) => without(ORDER_COMPLETED, ids)
  const dispatch = async (id: string): Promise<void> => {
    const { status, body } = await need(shipping).client.post(
      `/shipments/${id}/dispatch`,
      {},
      { 'idempotency-key': id },
    )
    assert.equal(status, 200, JSON.stringify(body))
  }
  /** Dispatches what the warehouse has prepared, except the waiting orders. */
  async function dispatchPrepared(): Promise<void> {
    const prepared = await readAllPages(need(shipping).client, '/shipments?status=prepared&limit=100')
    await Promise.all(prepared.map(({ orderId }) => dispatch(String(orderId))))
  }
  async function authorise(id: string): Promise<void> {
    await eventually('the payment to be open', PAYMENT_OPENED, [id])
    const answer = await need(payments).client.post(`/payments/${id}/authorise`, {}, { 'idempotency-key': `a${id}` })
    assert.equal(answer.status, 200, JSON.stringify(answer.body))
  }
  const settled = (waiting: readonly string[]): Promise<unknown> =>
    until(
      'every order to be completed',
      async () => {
        await dispatchPrepared()
        return notCompleted(new Set(streets.keys()).difference(new Set(waiting)))
      },
      none,
    )
  const readStream = async (id: string) => (await releases.streams('ordering')).get(`order-${id}`) ?? []

  /** The version of ordering's payment request. Either host may have sent it. */
  const readPaymentRequest = async (id: string): Promise<unknown> =>
    (await releases.streams('ordering')).get(`fulfilment-${id}`)?.find(({ type }) => type === 'PaymentRequested')
      ?.schemaVersion

  /**
   * Asserts that an older host answers a request for a stream it cannot read with a retry, and writes nothing
   * for it. Another host may continue with the order meanwhile.
   */
  async function waitsAtOld(host: ServiceHost, id: string): Promise<void> {
    const readPeopleEvents = async () =>
      (await readStream(id)).filter(({ type }) =>
        /^(OrderPlaced|OrderCancelled|ShippingAddressChanged)$/.test(type ?? ''),
      )
    const before = await readPeopleEvents()
    for (const [method, path, body] of [
      ['POST', `/orders/${id}/cancel`, { reason: 'late' }],
      ['POST', `/orders/${id}/change-shipping-address`, { shippingAddress: address }],
      ['GET', `/streams/order-${id}/state`, undefined],
    ] as const) {
      const answer = await host.call(method, path, body ? { body: JSON.stringify(body) } : {})
      assert.deepEqual([path, answer.status, answer.body.code], [path, 503, 'event-unknown'])
      assert.ok(answer.headers.get('retry-after'))
    }
    assert.deepEqual(await readPeopleEvents(), before)
  }

  /**
   * Nothing is lost, doubled or incomplete: ordering's views equal its log, whichever version wrote each part.
   */
  async function assertViewsEqualLog(host: ServiceHost, replayed: boolean): Promise<void> {
    const items = await readRawLog(releases.system.openLog('ordering'))
    const { orders, sales, versions, faults } = foldRawLog(items)
    assert.deepEqual(faults, [])
    assert.equal(orders.size, streets.size)
    for (const [id, order] of orders) {
      const version = versions.get(`order-${id}`)
      const answer = await host.client.get(`/orders/${id}?position=order-${id}@${version}`)
      assert.equal(answer.headers.get('etag'), `"${version}"`)
      // A document that an older version projected has no channel before the view is rebuilt. Any channel
      // must be right.
      const { channel } = replayed ? order : answer.body
      const { channel: _, ...rest } = order
      // In newer orders the log has name and street encrypted.
      const shippingAddress = { ...(rest as RawItem).shippingAddress, name: address.name, street: streets.get(id) }
      const expected: RawItem = { ...rest, shippingAddress, ...(channel === undefined ? {} : { channel }) }
      assert.deepEqual(answer.body, expected)
      if (channel !== undefined) assert.equal(channel, order.channel)
      await host.client.get(`/sales-by-product?limit=1&position=order-${id}@${version}`)
    }
    const shown = await readAllPages(host.client, '/sales-by-product?limit=100')
    assert.deepEqual(new Map(shown.map((product) => [product.sku, product])), sales)
    const { documents } = foldRawFulfilments(items)
    assert.ok(documents.size > 0)
    for (const [id, { asked, status }] of documents) {
      const stream = `fulfilment-${id}`
      const { body } = await host.client.get(`/fulfilments/${id}?position=${stream}@${versions.get(stream)}`)
      assert.deepEqual([body.asked, body.status], [asked, status])
    }
  }

  const readShipment = async (id: string): Promise<RawItem> =>
    (await need(shipping).client.get(`/shipments/${id}?position=shipment-${id}@1`)).body

  /** Every event is as it was written, each command took effect once, and each request was met once. */
  async function assertLogsSound(): Promise<void> {
    for (const service of ['ordering', 'inventory', 'payments', 'shipping']) {
      const faults: unknown[] = []
      const listener = { progress: () => {}, fault: (fault: unknown) => void faults.push(fault) }
      const { streams } = await verifyLog(releases.system.openLog(service), listener)
      assert.ok(streams > 0)
      assert.deepEqual(faults, [])
    }
    for (const [stream, events] of await releases.streams('ordering')) {
      const types = events
        .map(({ type }) => type)
        .filter((type) => !type.endsWith('Noted') && !type.endsWith('Changed') && !type.endsWith('Answered'))
      assert.equal(new Set(types).size, types.length, `${stream}: ${types.join()}`)
    }
    // Every shipment went to the address exactly as the customer wrote it.
    const shipments = await releases.streams('shipping')
    for (const [id, street] of streets)
      for (const { data } of shipments.get(`shipment-${id}`)?.slice(0, 1) ?? []) {
        // Today's version encrypts it, and shows it to who asks.
        const isSealed = data.address.street.startsWith('~personal:')
        const shown = isSealed ? await readShipment(id) : data
        assert.equal(shown.address.street, street)
      }
  }

  it('starts with n: orders are placed and decided, and some are dispatched', async () => {
    const ids = await placeMany(need(old), 8)
    oldWaits = await place(need(old), transfer)
    await eventually('shipments to be prepared', SHIPMENT_PREPARED, ids)
    await Promise.all(ids.slice(0, 4).map(dispatch))
    await eventually('four orders to be completed', ORDER_COMPLETED, ids.slice(0, 4))
    await eventually('the payment to be open', PAYMENT_OPENED, [oldWaits])
    assert.deepEqual((await readStream(oldWaits)).map(({ type, schemaVersion }) => [type, schemaVersion])[0], [
      'OrderPlaced',
      2,
    ])
  })

  it('adds today’s version: older services read its orders, and n waits at its private ones', async () => {
    const listRelayOwners = async () =>
      (await leaseClaims(releases.system.openContainer('ordering', 'leases'))).map(({ owner }) => owner)
    const relays = await listRelayOwners()
    today = await releases.today('ordering')
    const host = today
    const { partitions } = topology.eventHubs.find(({ name }) => name === 'ordering') ?? {}
    const shared = async (): Promise<boolean> => {
      const claims = await partitionClaims(releases.system.claims)
      return ['ordering-views', 'ordering-reactions'].every((name) => {
        const its = claims.filter(({ group }) => group === `ordering/${name}`)
        return its.length === partitions && new Set(its.map(({ owner }) => owner)).size === 2
      })
    }
    await until('both hosts to have partitions', shared)
    const fresh: string[] = []
    const asker = need(payments)
    await until('the older payments to wait at an unknown event', async () => {
      if (fresh.length < 200) fresh.push(...(await placeMany(host, 4, { channel: 'phone', reference: 'PO-4711' })))
      return asker.held().length > 0
    })
    for (const { stream, event } of asker.held()) {
      assert.equal(event, 'PaymentRequested 2')
      assert.ok(stream.startsWith('fulfilment-'), stream)
    }
    payments = await releases.today('payments')
    await asker.stop()
    const courier = need(shipping)
    await until('the older shipping to wait at an unknown event', async () => courier.held().length > 0)
    for (const { event } of courier.held()) assert.equal(event, 'ShipmentRequested 3')
    shipping = await releases.today('shipping')
    await courier.stop()
    await until('orders that are completed, and others at which n waits', async () => {
      if (fresh.length < 400) fresh.push(...(await placeMany(host, 4, { channel: 'phone' })))
      await dispatchPrepared()
      const waiting = await notCompleted(fresh)
      return waiting.length < fresh.length && need(old).output().includes('event-unknown')
    })
    await until('an order whose payment today’s version requested', async () => {
      newWaits = await place(host, transfer)
      fresh.push(newWaits)
      await eventually('its payment to be open', PAYMENT_OPENED, [newWaits])
      if ((await readPaymentRequest(newWaits)) === 2) return true
      await authorise(newWaits)
      return false
    })
    await eventually('the stock of all of them', STOCK_RESERVED, fresh)

    const kept = await readStream(newWaits)
    assert.partialDeepStrictEqual(kept[0], {
      type: 'OrderPlaced',
      schemaVersion: 6,
      published: { schemaVersion: 5, readableFrom: 1 },
    })
    // The older relay sends what today's version recorded, and the consumers checked both hashes.
    assert.deepEqual(await listRelayOwners(), relays)
    assert.ok(relays.length > 0 && relays.every((owner) => owner !== ''))

    const held = need(old).held()
    assert.ok(held.length > 0)
    for (const { stream, event } of held)
      if (stream.startsWith('order-')) {
        assert.equal(event, 'OrderPlaced 6')
        assert.ok(fresh.includes(stream.slice('order-'.length)), stream)
      } else {
        // Also of an older order, which today's version continued.
        assert.match(
          `${stream} ${event}`,
          /^fulfilment-\S+ (Payment(Requested|Answered) 2|(FulfilmentStarted|AddressNoted|ShipmentRequested) 3)$/,
        )
      }
    assert.doesNotMatch(need(inventory).output() + need(payments).output() + need(shipping).output(), /is held/)
  })

  it('answers 503 for such an order at n, and as usual at today’s version', async () => {
    await waitsAtOld(need(old), newWaits)
    const { status, body } = await need(today).call('GET', `/streams/order-${newWaits}/state`, {})
    assert.equal(status, 200)
    const { streetName, houseNumber } = body.state.shippingAddress
    assert.equal([streetName, houseNumber].filter(Boolean).join(' '), streets.get(newWaits))
  })

  it('runs a command once that is sent to one version and repeated to the other', async () => {
    for (const [first, second, takesIt] of [
      [need(old), need(today), true],
      // Today's fingerprint leaves out name and street, so n takes the same request for another.
      [need(today), need(old), false],
    ] as const) {
      const body = JSON.stringify({
        customerId: 'ada',
        currency: 'EUR',
        lines: [{ sku: 'tea', quantity: 1, unitPrice: 450 }],
        shippingAddress: address,
      })
      const options = { body, headers: { 'idempotency-key': randomUUID() } }
      const answer = await first.call('POST', '/orders', options)
      assert.equal(answer.status, 201)
      streets.set(answer.body.id, address.street)
      const again = await second.call('POST', '/orders', options)
      if (takesIt) assert.deepEqual([again.status, again.body], [answer.status, answer.body])
      else assert.deepEqual([again.status, again.body.code], [422, 'idempotency-key-reused'])
    }
  })

  it('ignores n’s cached state of an order that today’s version has continued', async () => {
    // Without inventory an order stays placed, and its address may be changed.
    await need(inventory).stop()
    const id = await place(need(old))
    const shippingAddress = { ...address, street: 'Kai', houseNumber: '7 bis' }
    const moved = await need(today).call('POST', `/orders/${id}/change-shipping-address`, {
      body: JSON.stringify({ shippingAddress }),
    })
    assert.equal(moved.status, 200, JSON.stringify(moved.body))
    streets.set(id, 'Kai 7 bis')
    const again = { body: JSON.stringify({ shippingAddress: { ...address, street: 'Kai 7 bis' } }) }
    await waitsAtOld(need(old), id)
    assert.equal((await need(today).call('POST', `/orders/${id}/change-shipping-address`, again)).status, 200)
    assert.deepEqual(
      (await readStream(id)).map(({ type, schemaVersion }) => [type, schemaVersion]),
      [
        ['OrderPlaced', 2],
        ['ShippingAddressChanged', 4],
      ],
    )
    inventory = await releases.released('inventory')
  })

  it('ends n: today’s version takes over in order, and views equal the log', async () => {
    await need(old).stop()
    await settled([oldWaits, newWaits])
    await assertViewsEqualLog(need(today), false)
    await assertLogsSound()
  })

  it('goes back: n continues with what it knows, and waits with the rest', async () => {
    old = await releases.released('ordering')
    const host = old
    await need(today).stop()
    await authorise(oldWaits)
    await until('the older order to be completed', async () => {
      await dispatchPrepared()
      return none(await notCompleted([oldWaits]))
    })
    const before = await readStream(newWaits)
    await authorise(newWaits)
    // The answer of payments concerns a fulfilment that n cannot read, so the payment's stream is parked. The
    // fulfilment's own stream may not be, if today's version has handled all of it.
    await until('n to be blocked', () => waitsSomewhere(`payment-${newWaits}`))
    await waitsAtOld(host, newWaits)
    assert.deepEqual(await readStream(newWaits), before)
    // Nothing else waits.
    const placed: string[] = []
    await until('an order to be completed by n', async () => {
      if (placed.length < 200) placed.push(...(await placeMany(host, 2)))
      await dispatchPrepared()
      return (await notCompleted(placed)).length < placed.length
    })
    assert.deepEqual(await readStream(newWaits), before)
  })

  it('goes forward again: everything is completed once, and views equal the log', async () => {
    today = await releases.today('ordering')
    await need(old).stop()
    await settled([])
    await assertViewsEqualLog(need(today), false)
    await assertLogsSound()
  })

  it('ends with a rebuild of all versions, after which views show what older versions did not know', async () => {
    const { cosmos, http } = releases.system.ports
    const env = { TIDEMARK_COSMOS_PORT: String(cosmos), TIDEMARK_HTTP_PORT: String(http) }
    for (const view of ['order', 'sales-by-product', 'fulfilment']) {
      const { code, output } = await new Command('packages/cli/replay.ts', ['ordering', view], env).ended
      assert.equal(code, 0, output)
    }
    await assertViewsEqualLog(need(today), true)
    const versions = (await releases.streams('ordering'))
      .values()
      .flatMap((events) => events.map(({ type, schemaVersion }) => `${type} ${schemaVersion}`))
    const seen = new Set(versions)
    for (const each of [
      ...['OrderPlaced 2', 'OrderPlaced 6', 'ShippingAddressChanged 4'],
      ...['ShipmentRequested 1', 'ShipmentRequested 3'],
      ...['PaymentRequested 1', 'PaymentRequested 2', 'PaymentAnswered 1', 'PaymentAnswered 2'],
    ])
      assert.ok(seen.has(each), each)
  })
})

function need<Value>(value: Value | undefined): Value {
  assert.ok(value !== undefined)
  return value
}
