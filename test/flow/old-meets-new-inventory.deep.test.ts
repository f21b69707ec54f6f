import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, before, describe, it } from 'node:test'
import { foldRawStock } from '../../packages/cli/demo/raw-stock.ts'
import { readRawLog } from '../../packages/cli/demo/reading.ts'
import { Command } from '../../packages/test-support/command.ts'
import { until } from '../../packages/test-support/wait.ts'
import { address } from '../support/orders.ts'
import { Releases, type ServiceHost } from '../support/releases.ts'

/**
 * Inventory is deployed from version n, a bundle of an earlier commit, to today's version, back and forward
 * again. Ordering stays at n. Each test continues where the one before ended.
 */
describe('a rolling deployment of inventory, beside an older ordering,', () => {
  let releases: Releases
  let ordering: ServiceHost
  let [old, today]: ServiceHost[] = []
  /** Every placed order, with its product and quantity. */
  const orders = new Map<string, { readonly sku: string; readonly quantity: number }>()

  before(async () => {
    releases = await Releases.start()
    ordering = await releases.released('ordering')
    old = await releases.released('inventory')
    await releases.today('payments', 'shipping')
    await receive(old, 'tea', 100_000)
    await receive(old, 'cup', 3)
  })
  after(() => releases.remove())

  async function receive(host: ServiceHost, sku: string, quantity: number): Promise<void> {
    const answer = await host.client.post(`/stock/${sku}/receive`, { quantity }, { 'idempotency-key': randomUUID() })
    assert.equal(answer.status, 200, JSON.stringify(answer.body))
  }
  async function place(sku: string, quantity: number): Promise<string> {
    const body = {
      customerId: 'ada',
      currency: 'EUR',
      lines: [{ sku, quantity, unitPrice: 450 }],
      shippingAddress: address,
      payment: { method: 'transfer', withinSeconds: 86_400 },
    }
    const answer = await ordering.client.post('/orders', body, { 'idempotency-key': randomUUID() })
    assert.equal(answer.status, 201, JSON.stringify(answer.body))
    orders.set(answer.body.id, { sku, quantity })
    return answer.body.id
  }
  const decidedAs = async (ids: readonly string[]): Promise<(string | undefined)[]> => {
    const log = await releases.streams('ordering')
    return ids.map((id) => log.get(`order-${id}`)?.[1]?.type)
  }
  const decided = (ids: readonly string[]): Promise<unknown> =>
    until(
      'orders to be decided',
      () => decidedAs(ids),
      (types) => !types.includes(undefined),
    )
  const readStock = async (sku: string) => (await releases.streams('inventory')).get(`stock-${sku}`) ?? []
  const readVersions = async (sku: string) =>
    (await readStock(sku)).filter(({ type }) => type === 'UnitsDeclined').map(({ schemaVersion }) => schemaVersion)

  /**
   * Asserts that the host answers no command and no query for this product, and writes nothing for them.
   * Other hosts may continue to reserve it for orders.
   */
  async function waitsAtOld(host: ServiceHost, sku: string): Promise<void> {
    const readPeopleEvents = async () => (await readStock(sku)).filter(({ data }) => data.orderId === undefined)
    const before = await readPeopleEvents()
    for (const [method, path, body] of [
      ['POST', `/stock/${sku}/receive`, { quantity: 1 }],
      ['POST', `/stock/${sku}/adjust`, { change: 0, reason: 'counted' }],
      ['GET', `/streams/stock-${sku}/state`, undefined],
    ] as const) {
      const answer = await host.call(method, path, body ? { body: JSON.stringify(body) } : {})
      assert.deepEqual([path, answer.status, answer.body.code], [path, 503, 'event-unknown'])
    }
    assert.deepEqual(await readPeopleEvents(), before)
  }

  async function assertAgreed(host: ServiceHost): Promise<void> {
    const { levels, units, versions, faults } = foldRawStock(await readRawLog(releases.system.openLog('inventory')))
    // No product is oversold, and none answered an order twice.
    assert.deepEqual(faults, [])
    for (const [sku, level] of levels) {
      const stream = `stock-${sku}`
      const { body } = await host.client.get(`/stock/${sku}?position=${stream}@${versions.get(stream)}`)
      assert.deepEqual(body, level)
    }
    const outcomes = await decidedAs([...orders.keys()])
    assert.ok(outcomes.length > 0)
    for (const [index, [id, { sku, quantity }]] of [...orders].entries()) {
      const { reserved, declined } = need(units.get(id)?.get(sku))
      const expected = outcomes[index] === 'OrderConfirmed' ? [quantity, 0] : [0, quantity]
      assert.deepEqual([reserved, declined], expected, id)
    }
  }

  it('starts with n, which confirms orders, and declines those without enough stock', async () => {
    const ids = [await place('cup', 2), await place('tea', 1)]
    await decided(ids)
    ids.push(await place('cup', 2), await place('nothing', 1))
    await decided(ids)
    assert.deepEqual(await decidedAs(ids), ['OrderConfirmed', 'OrderConfirmed', 'OrderRejected', 'OrderRejected'])
    assert.deepEqual(await readVersions('cup'), [1])
  })

  it('adds today’s version, whose refusals block n but reach the older ordering', async () => {
    today = await releases.today('inventory')
    const host = today
    const rare: string[] = []
    await until('orders that today’s version declines and n cannot read', async () => {
      if (rare.length < 200) rare.push(await place(`rare-${rare.length}`, 2), await place(`rare-${rare.length}`, 1))
      const log = await releases.streams('inventory')
      const versions = new Set(
        [...log.values()]
          .flat()
          .flatMap(({ type, schemaVersion }) => (type === 'UnitsDeclined' ? [schemaVersion] : [])),
      )
      return versions.has(1) && versions.has(2) && need(old).held().length > 0
    })
    await until('one of them to be rejected', async () => (await decidedAs(rare)).includes('OrderRejected'))
    for (const { event } of need(old).held()) assert.equal(event, 'UnitsDeclined 2')
    const { stream } = need(need(old).held()[0])
    const sku = stream.slice('stock-'.length)
    await waitsAtOld(need(old), sku)
    await receive(host, sku, 10)
    assert.equal((await host.call('GET', `/streams/${stream}/state`, {})).body.state.onHand, 10)
    assert.doesNotMatch(ordering.output(), /is held/)
  })

  it('ends n: today’s version takes over, decides every order once, and views equal the log', async () => {
    await need(old).stop()
    await decided([...orders.keys()])
    await assertAgreed(need(today))
  })

  it('goes back to n, which continues with the products that it can read', async () => {
    // Declined by today's code, so n cannot read it from here on.
    await decided([await place('cup', 2)])
    assert.deepEqual(await readVersions('cup'), [1, 2])
    old = await releases.released('inventory')
    await need(today).stop()
    const waiting = await place('cup', 1)
    await until('n to be blocked', async () =>
      need(old)
        .held()
        .some(({ stream }) => stream === 'stock-cup'),
    )
    await waitsAtOld(need(old), 'cup')
    const teas: string[] = []
    await until('tea to be confirmed', async () => {
      if (teas.length < 100) teas.push(await place('tea', 1))
      return (await decidedAs(teas)).includes('OrderConfirmed')
    })
    assert.deepEqual(await decidedAs([waiting]), [undefined])
  })

  it('goes forward again: waiting orders are decided once, and views equal the log after a rebuild too', async () => {
    today = await releases.today('inventory')
    await need(old).stop()
    await decided([...orders.keys()])
    await assertAgreed(need(today))
    const { cosmos, http } = releases.system.ports
    const env = { TIDEMARK_COSMOS_PORT: String(cosmos), TIDEMARK_HTTP_PORT: String(http) }
    const { code, output } = await new Command('packages/cli/replay.ts', ['inventory', 'stock-level'], env).ended
    assert.equal(code, 0, output)
    await assertAgreed(need(today))
  })
})

function need<Value>(value: Value | undefined): Value {
  assert.ok(value !== undefined)
  return value
}
