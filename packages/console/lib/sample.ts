import { get, Problem, post, type Service } from '../api/client.ts'
import type { Accepted } from '../api/contract.ts'
import { pause } from './load.ts'

/**
 * A small workload for the sample services, sent to their public API. If the project does not have these
 * services, the button is hidden.
 */
const NEEDED = ['ordering', 'inventory', 'shipping'] as const

export interface Step {
  readonly text: string
  readonly service: string
  readonly stream: string
}

export function hasSample(services: readonly Service[]): boolean {
  return NEEDED.every((name) => services.some((service) => service.name === name))
}

interface Story {
  readonly customer: string
  readonly lines: readonly { readonly sku: string; readonly quantity: number; readonly unitPrice: number }[]
  readonly next?: 'moves' | 'cancels' | 'ships'
}

const STORIES: readonly Story[] = [
  { customer: 'ada', lines: [line('tea', 2, 450), line('cup', 1, 1250)], next: 'ships' },
  { customer: 'grace', lines: [line('lamp', 1, 8900)], next: 'moves' },
  { customer: 'linus', lines: [line('sextant', 1, 45_000)] },
  { customer: 'edsger', lines: [line('cup', 4, 1250)] },
  { customer: 'barbara', lines: [line('piano', 1, 1_250_000)] },
  { customer: 'alan', lines: [line('tea', 5, 450)], next: 'cancels' },
  { customer: 'katherine', lines: [line('tea', 1, 450), line('lamp', 2, 8900)], next: 'ships' },
]

/** There is no sextant, so its order is rejected. The piano costs more than the card limit. */
const STOCK = { tea: 40, cup: 25, lamp: 6, piano: 2 }

function line(sku: string, quantity: number, unitPrice: number): Story['lines'][number] {
  return { sku, quantity, unitPrice }
}

/** @param onStep called for each accepted command. @throws Problem */
export async function runSample(services: readonly Service[], onStep: (step: Step) => void): Promise<void> {
  const of = (name: string): Service => {
    const service = services.find((each) => each.name === name)
    if (!service) throw new Problem(0, 'console-fault', `there is no service ${name}`)
    return service
  }
  const [ordering, inventory, shipping] = [of('ordering'), of('inventory'), of('shipping')]
  for (const [sku, quantity] of Object.entries(STOCK)) {
    await command(inventory, `/stock/${sku}/receive`, { quantity }, 'warehouse')
    onStep({ text: `received ${quantity} ${sku}`, service: 'inventory', stream: `stock-${sku}` })
  }
  const shipped: string[] = []
  const place = async ({ customer, lines }: Story): Promise<string> => {
    const order = { customerId: customer, currency: 'EUR', lines, shippingAddress: address(customer, 'Quay 1') }
    const { id } = await command(ordering, '/orders', order, customer)
    const what = lines.map(({ sku }) => sku).join(' and ')
    onStep({ text: `${customer} ordered ${what}`, service: 'ordering', stream: `order-${id}` })
    return id
  }
  for (const story of STORIES) {
    const { customer, next } = story
    const id = await place(story)
    if (next === 'ships') shipped.push(id)
    if (next === 'moves') await moves(id, story)
    if (next === 'cancels') {
      const cancel = command(ordering, `/orders/${id}/cancel`, { reason: 'ordered twice' }, customer)
      const text = (await unlessDecided(cancel)) ? `${customer} cancelled` : `${customer} was too late to cancel`
      onStep({ text, service: 'ordering', stream: `order-${id}` })
    }
  }

  /** Changes the address of an order. If the order was already decided, tries with another one. */
  async function moves(first: string, story: Story): Promise<void> {
    const { customer } = story
    let id = first
    for (let attempt = 1; attempt <= MOST_MOVES; attempt += 1) {
      const shippingAddress = address(customer, 'Harbour Road 7')
      const path = `/orders/${id}/change-shipping-address`
      const moved = await unlessDecided(command(ordering, path, { shippingAddress }, 'clerk-maria'))
      const text = moved
        ? `clerk-maria changed the address of ${customer}`
        : `${customer} was too late for a new address`
      onStep({ text, service: 'ordering', stream: `order-${id}` })
      if (moved || attempt === MOST_MOVES) return
      id = await place(story)
    }
  }
  for (const id of shipped) {
    await waitUntilPrepared(shipping, id)
    await command(shipping, `/shipments/${id}/dispatch`, {}, 'warehouse')
    onStep({ text: 'the warehouse dispatched a shipment', service: 'shipping', stream: `shipment-${id}` })
  }
}

async function command(service: Service, path: string, body: unknown, actor: string): Promise<Accepted> {
  const headers = { 'idempotency-key': crypto.randomUUID(), 'x-actor': actor }
  return (await post<Accepted>(service, path, body, headers)).body
}

/** Whether the command took effect. 409 means that the order was decided meanwhile, which is not an error. */
async function unlessDecided(sent: Promise<Accepted>): Promise<boolean> {
  try {
    await sent
    return true
  } catch (error) {
    if (error instanceof Problem && error.status === 409) return false
    throw error
  }
}

const MOST_MOVES = 5
const MAX_ATTEMPTS = 60

async function waitUntilPrepared(shipping: Service, id: string): Promise<void> {
  const never = new AbortController().signal
  for (let look = 1; look <= MAX_ATTEMPTS; look += 1) {
    const { items } = await get<Shipments>(shipping, '/shipments', { status: 'prepared', limit: 100 })
    if (items.some(({ orderId }) => orderId === id)) return
    await pause(500, never)
  }
  throw new Problem(0, 'console-fault', `no shipment of order ${id} was prepared within ${MAX_ATTEMPTS / 2} s`)
}

interface Shipments {
  readonly items: readonly { readonly orderId: string }[]
}

function address(name: string, street: string): unknown {
  return { name, street, postalCode: '9000', city: 'Ghent', country: 'BE' }
}
