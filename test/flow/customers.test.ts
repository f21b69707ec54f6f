import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { readAddresses } from '../../packages/cli/api/addresses.ts'
import { readCredentials } from '../../packages/cli/api/credentials.ts'
import { ServiceApi } from '../../packages/cli/api/service-api.ts'
import type { Context } from '../../packages/cli/tidemark/command/api-command.ts'
import { Output } from '../../packages/cli/tidemark/output/output.ts'
import { dryRun } from '../../packages/cli/tidemark/what-if/rebuild.ts'
import { Command } from '../../packages/test-support/command.ts'
import { until } from '../../packages/test-support/wait.ts'
import { placeBody } from '../support/orders.ts'
import { call, callOnceSeen, System } from '../support/system.ts'

const LINES = [{ sku: 'tea', quantity: 2, unitPrice: 450 }]
const TRAIL = 'order-trail'

describe('a service that only follows others', () => {
  let system: System
  before(async () => {
    system = await System.start({ services: ['ordering', 'inventory', 'payments', 'shipping', 'customers'] })
    await system.createClient('inventory').post('/stock/tea/receive', { quantity: 10 }, {})
  })
  after(() => system.remove())

  const address = (path: string): string => system.base.replace(/ordering$/, `customers${path}`)
  const read = async (path: string) => (await callOnceSeen('GET', address(path))).body

  /** Runs a command of the CLI against the system. */
  const run = (file: string, ...args: readonly string[]) => {
    const { http, cosmos, blob, eventHubs } = system.ports
    const env = {
      TIDEMARK_HTTP_PORT: String(http),
      TIDEMARK_COSMOS_PORT: String(cosmos),
      TIDEMARK_BLOB_PORT: String(blob),
      TIDEMARK_EVENTHUBS_PORT: String(eventHubs),
      TIDEMARK_DATA: system.dataDir,
    }
    return new Command(`packages/cli/${file}`, args, env).ended
  }

  it('shows an order with its payment and its parcel, and lists those of a customer', async () => {
    const order = { ...placeBody, customerId: 'ada', reference: 'A-1', lines: LINES }
    const { body } = await system.client.post('/orders', order, {})
    const id = String(body.id)
    const own = await read(`/orders/${id}?position=ordering/order-${id}@1`)
    assert.deepEqual([own.customerId, own.reference, own.total], ['ada', 'A-1', { currency: 'EUR', amount: 900 }])
    await system.untilStatus('shipping', `/shipments/${id}`, 'prepared')
    await system.createClient('shipping').post(`/shipments/${id}/dispatch`, { carrier: 'post' }, {})
    const trail = await until(
      'the order to be completed',
      () => read(`/orders/${id}`),
      ({ status, payment }) => status === 'completed' && payment?.status === 'captured',
    )
    assert.deepEqual([trail.parcel, trail.payment.amount], [{ status: 'dispatched' }, own.total])
    const both = `position=ordering/order-${id}@1&position=payments/payment-${id}@1`
    const listed = await read(`/orders?customerId=ada&status=completed&${both}`)
    assert.deepEqual(listed.items, [trail])
    assert.deepEqual((await read('/orders?customerId=bob')).items, [])
  })

  it('refuses a position of a service that it does not follow', async () => {
    const { status, body } = await callOnceSeen('GET', address('/orders?position=inventory/stock-tea@1'))
    assert.deepEqual([status, body.code], [400, 'invalid-position'])
  })

  it('has its view rebuilt from the archives and the hubs of others', async () => {
    const { items } = await read('/orders?customerId=ada')
    const { code, output } = await run('replay.ts', 'customers', TRAIL)
    assert.equal(code, 0, output)
    const pointer = system.openContainer('customers', TRAIL).item('pointer', 'pointer')
    const { resource } = await pointer.read<{ readonly live: number }>()
    assert.equal(resource?.live, 2)
    assert.deepEqual((await read('/orders?customerId=ada')).items, items)
  })

  it('has its view projected by a dry run, and as of a moment, from the same archives and hubs', async () => {
    const { items } = await read('/orders?customerId=ada')
    // Within this process, which is cheaper than a command.
    const url = `customers=${new URL(system.base).origin}`
    const asking = { addresses: readAddresses([url], ['customers']), credentials: readCredentials({}, ['customers']) }
    let out = ''
    const sink = { write: (text: string) => (out += text) }
    const context: Context = {
      ...{ output: new Output({ json: true, out: sink, err: sink, env: {} }), services: ['customers'], asking },
      ...{ remote: true, signal: new AbortController().signal, api: (name) => new ServiceApi(name, asking) },
    }
    assert.equal(await dryRun(context, 'customers', TRAIL, 20), 0, out)
    assert.partialDeepStrictEqual(JSON.parse(out), { compared: 1, changed: 0, added: 0, removed: 0 })
    const key = items[0].orderId
    const { body } = await call('POST', address(`/views/${TRAIL}/as-of`), { body: JSON.stringify({ key }) })
    assert.deepEqual(body.items, [{ key, document: items[0] }])
  })

  it('has its view compared with the archives and the hubs of others', async () => {
    const { code, out, output } = await run('verify.ts', 'customers')
    assert.equal(code, 0, output)
    assert.match(out, /^compared +order-trail 1 documents$/m)
    assert.match(out, /^not verified +whether the archive of shipping is whole: npm run verify -- shipping$/m)
  })

  it('reports how far it is behind each service, and no log of its own', async () => {
    const { body } = await callOnceSeen('GET', address('/status'))
    assert.deepEqual(
      [body.relay, body.archive, body.unknown, body.consumers.map(({ hub }: { hub: string }) => hub)],
      [undefined, undefined, [], ['ordering', 'payments', 'shipping']],
    )
    assert.deepEqual((await read('/streams')).items, [])
    assert.deepEqual((await callOnceSeen('GET', address('/streams/order-1/events'))).body.code, 'stream-not-found')
  })
})
