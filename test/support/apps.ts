import assert from 'node:assert/strict'
import { fileURLToPath } from 'node:url'
import { Client } from '../../packages/cli/demo/client.ts'
import { readSettingsFile } from '../../packages/cli/project/local-settings.ts'
import { type Child, startChild } from '../../packages/kit/child.ts'
import { WAIT_MS } from '../../packages/test-support/wait.ts'
import { placeBody } from './orders.ts'

const path = (relative: string): string => fileURLToPath(new URL(`../../${relative}`, import.meta.url))

/** Services as in Azure: each is an app of its own, in a host of its own. */
export class Apps {
  readonly #clients = new Map<string, Client>()

  /** Starts an app with the sample's settings and the given ones. The caller stops it. */
  async start(service: string, settings: Readonly<Record<string, string>>): Promise<Child> {
    const host = await startChild(service, path('packages/functions-host/main.ts'), {
      ...readSettingsFile(path('local.settings.sample.json')),
      TIDEMARK_QUERY_WAIT_MS: '20000',
      FUNCTIONS_HOST_PORT: '0',
      ...settings,
    })
    this.#clients.set(service, new Client(`${host.address}/api/${service}`, WAIT_MS))
    return host
  }

  at(service: string): Client {
    return this.#clients.get(service) ?? assert.fail(`${service} does not run`)
  }

  /** Places, pays, ships and completes an order through all four services and their hubs. */
  async completeAnOrder(): Promise<void> {
    for (const { sku, quantity } of placeBody.lines)
      assert.equal((await this.at('inventory').post(`/stock/${sku}/receive`, { quantity }, {})).status, 200)
    const placed = await this.at('ordering').post('/orders', placeBody, {})
    assert.equal(placed.status, 201, JSON.stringify(placed.body))
    const { id } = placed.body
    const order = async (version: number) =>
      (await this.at('ordering').get(`/orders/${id}?position=order-${id}@${version}`)).body.status
    // A view that is read for the first time may already have the confirmation of the same batch.
    assert.match(await order(1), /^(placed|confirmed)$/)
    assert.equal(await order(2), 'confirmed')
    const prepared = await this.at('shipping').get(`/shipments/${id}?position=shipment-${id}@1`)
    assert.equal(prepared.body.status, 'prepared', JSON.stringify(prepared.body))
    assert.equal((await this.at('shipping').post(`/shipments/${id}/dispatch`, {}, {})).status, 200)
    assert.equal(await order(3), 'completed')
    const payment = await this.at('payments').get(`/payments/${id}?position=payment-${id}@2`)
    assert.equal(payment.body.status, 'captured')
  }
}
