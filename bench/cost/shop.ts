import { setTimeout as pause } from 'node:timers/promises'
import type { Answer } from '../../packages/cli/demo/client.ts'
import { address } from '../../test/support/orders.ts'
import type { System } from '../../test/support/system.ts'

const SKUS = 40
const WAIT_MS = 25
const GIVE_UP_MS = 60_000

/** Orders of two lines from placement to completion. A customer and a warehouse send two commands over HTTP. */
export class Shop {
  readonly #system: System
  #orders = 0

  constructor(system: System) {
    this.#system = system
  }

  /** Receives enough stock for all orders. */
  async stockUp(): Promise<void> {
    for (let index = 0; index < SKUS; index += 1)
      await this.command('inventory', `/stock/SKU-${index}/receive`, { quantity: 100_000 }, `stock-${index}`)
  }

  async order(): Promise<string> {
    const id = await this.place()
    await this.shipment(id)
    await this.dispatch(id)
    await this.#until('ordering', 'order', `order-${id}`, 'completed')
    return id
  }

  /** @returns the id of the order. */
  async place(): Promise<string> {
    const index = this.#orders++
    const lines = [
      { sku: `SKU-${index % SKUS}`, quantity: 2, unitPrice: 450 },
      { sku: `SKU-${(index + 7) % SKUS}`, quantity: 1, unitPrice: 1250 },
    ]
    const body = { customerId: `customer-${index}`, currency: 'EUR', lines, shippingAddress: address }
    return (await this.command('ordering', '/orders', body, `order-${index}`)).body.id
  }

  dispatch(id: string): Promise<Answer> {
    return this.command('shipping', `/shipments/${id}/dispatch`, {}, `dispatch-${id}`)
  }

  /** Resolves once the order has a shipment. */
  shipment(id: string): Promise<void> {
    return this.#until('shipping', 'shipment', `shipment-${id}`, 'prepared')
  }

  async command(service: string, path: string, body: object, key: string): Promise<Answer> {
    const answer = await this.#system.createClient(service).post(path, body, { 'idempotency-key': key })
    if (answer.status >= 300) throw new Error(`${path} got the status ${answer.status} ${JSON.stringify(answer.body)}`)
    return answer
  }

  /** Reads the database without the functions, so that the bench's own reads are not counted. */
  async #until(service: string, view: string, stream: string, status: string): Promise<void> {
    const giveUp = Date.now() + GIVE_UP_MS
    const item = this.#system.openContainer(service, view).item('document', `1|document|${stream}`)
    for (;;) {
      const { resource } = await item.read<{ document?: { status?: string } }>()
      if (resource?.document?.status === status) return
      if (Date.now() > giveUp) throw new Error(`${stream} is still ${resource?.document?.status} and not ${status}`)
      await pause(WAIT_MS)
    }
  }
}
