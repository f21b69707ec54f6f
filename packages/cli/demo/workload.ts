import type { Answer, Client } from './client.ts'
import { ABOVE_ANY_CARD, fulfil, planPayment } from './fulfilment-story.ts'
import { Latency } from './latency.ts'
import { type Random, random } from './random.ts'
import { command, expect, type Seen, type Workload, waitFor } from './shop.ts'

const PRODUCTS = Array.from({ length: 40 }, (_, index) => ({
  sku: `SKU-${1000 + index}`,
  unitPrice: 199 + index * 350,
}))
const CITIES = ['Aachen', 'Bergen', 'Coimbra', 'Delft', 'Espoo', 'Fribourg', 'Ghent', 'Hobart'] as const
const REGIONS = ['Algarve', 'Drenthe', 'Lapland', 'Ticino'] as const

/**
 * Places orders and plays their customers: several lines, repeated requests, concurrent address changes,
 * early and late cancellations, and some refused requests. If inventory runs, there is stock for most orders,
 * and more arrives meanwhile. If payments and shipping run, banks and a warehouse do their part.
 * @param onOrder called when an order is done.
 */
export async function runWorkload(
  client: Client,
  options: {
    readonly orders: number
    readonly seed: number
    readonly concurrency: number
    readonly run: string
    readonly inventory?: Client
    readonly fulfilment?: Workload['fulfilment']
  },
  onOrder: () => void,
): Promise<Seen> {
  const seen: Seen = {
    commands: 0,
    byStatus: new Map(),
    command: new Latency(),
    commandToView: new Latency(),
    decided: new Map(),
    positions: new Set(),
    surprises: [],
  }
  const { inventory, fulfilment, run } = options
  const workload: Workload = {
    client,
    seen,
    run,
    ...(inventory ? { inventory } : {}),
    ...(fulfilment ? { fulfilment } : {}),
  }
  if (inventory) await stockUp(workload, inventory, options.orders, random(options.seed))
  let next = 0
  const worker = async (): Promise<void> => {
    while (next < options.orders) {
      const index = next
      next += 1
      // Each order has its own generator, so its story does not depend on the worker that takes it.
      const seed = options.seed * 1_000_003 + index
      await oneOrder(workload, index, random(seed), random(~seed))
      onOrder()
    }
  }
  await Promise.all(Array.from({ length: options.concurrency }, worker))
  return seen
}

/**
 * @param later the generator for what happens after the confirmation. It is separate, so that the customers'
 * actions do not depend on the confirmation.
 */
async function oneOrder(workload: Workload, index: number, dice: Random, later: Random): Promise<void> {
  const { seen, run } = workload
  const key = `${run}:${index}`
  const { fulfilment } = workload
  const plan = planPayment(later)
  const order = {
    ...newOrder(dice, plan.aboveLimit && fulfilment !== undefined),
    ...(fulfilment ? { payment: plan.payment } : {}),
  }
  const place = (body: unknown): Promise<Answer> => command(workload, '/orders', body, { key: `${key}:place` })

  // A client without an answer repeats its request, sometimes before the first answer arrives.
  const [placed, repeated] = await Promise.all([place(order), dice.chance(0.15) ? place(order) : undefined])
  if (!expect(seen, placed, [201], 'place')) return
  if (repeated && JSON.stringify(repeated.body) !== JSON.stringify(placed.body))
    seen.surprises.push(`${key}: a repeated key was answered ${JSON.stringify(repeated.body)}`)
  if (dice.chance(0.05))
    expect(seen, await place({ ...order, customerId: 'somebody-else' }), [422], 'place with a used key')

  const path = `/orders/${placed.body.id}`
  await seeIt(workload, path, placed)

  // Most customers wait for the decision before they act; the actions of the others race with it.
  if (workload.inventory && dice.chance(0.6)) await seeDecided(workload, path, placed)
  const move = (name: string, headers: Readonly<Record<string, string>> = {}): Promise<Answer> =>
    command(
      workload,
      `${path}/change-shipping-address`,
      { shippingAddress: newAddress(dice) },
      { key: `${key}:${name}`, headers },
    )
  // Without inventory nothing decides orders.
  const decided = workload.inventory ? [409] : []

  if (dice.chance(0.25)) {
    // Two clerks edit the same version. One of them must fail, or both if the order was decided meanwhile.
    const version = { 'if-match': `"${placed.body.version}"` }
    const statuses = (await Promise.all([move('a', version), move('b', version)])).map(({ status }) => status).sort()
    const fine = workload.inventory ? ['200,409', '200,412', '409,412', '412,412', '409,409'] : ['200,412']
    if (!fine.includes(statuses.join()))
      seen.surprises.push(`${key}: two edits of one version were answered ${statuses.join()}`)
  }
  if (dice.chance(0.2)) expect(seen, await move('move'), [200, ...decided], 'change-shipping-address')
  let isCancelled = false
  if (dice.chance(0.15)) {
    const cancelled = await command(workload, `${path}/cancel`, { reason: 'changed my mind' }, { key: `${key}:cancel` })
    expect(seen, cancelled, [200, ...decided], 'cancel')
    isCancelled = cancelled.status === 200
    if (isCancelled && dice.chance(0.3)) expect(seen, await move('late'), [409], 'edit a cancelled order')
  }
  if (workload.inventory) {
    const status = await seeDecided(workload, path, placed)
    if (dice.chance(0.1)) await restock(workload, workload.inventory, key, dice)
    if (fulfilment && !isCancelled && status === 'confirmed')
      await fulfil(workload, fulfilment, { id: placed.body.id, plan, key, dice: later })
  }
}

/** Waits until the order's view shows the decision. */
async function seeDecided({ client, seen }: Workload, path: string, placed: Answer): Promise<string> {
  const started = performance.now()
  const { id, version } = placed.body
  const from = { stream: `order-${id}`, version: version + 1 }
  const { status } = await waitFor(client, path, from, (order) => order.status !== 'placed')
  // Only the first wait counts: a second read finds the decision at once.
  if (!seen.decided.has(id)) seen.decided.set(id, performance.now() - started)
  return status
}

/** Waits for the write in the view, and records the time since the command's answer. */
async function seeIt({ client, seen }: Workload, path: string, placed: Answer): Promise<void> {
  const answered = performance.now()
  const view = await client.get(`${path}?position=${encodeURIComponent(placed.body.position)}`)
  seen.commandToView.add(performance.now() - answered)
  const version = Number(view.headers.get('etag')?.slice(1, -1))
  if (view.status !== 200 || !(version >= placed.body.version))
    seen.surprises.push(
      `${path}: after ${placed.body.position} the view answered ${view.status} ${view.headers.get('etag')}`,
    )
}

/**
 * Stocks too little of some products and none of others, so that orders are rejected or race for the last
 * units.
 */
async function stockUp(workload: Workload, inventory: Client, orders: number, dice: Random): Promise<void> {
  // The average demand for each product: an order has three products and five units of each.
  const demand = Math.ceil((orders * 3 * 5) / PRODUCTS.length)
  for (const { sku } of PRODUCTS) {
    if (dice.chance(0.1)) continue
    const quantity = dice.between(Math.ceil(demand / 2), demand * 2)
    const answer = await command(
      workload,
      `/stock/${sku}/receive`,
      { quantity },
      { key: `${workload.run}:${sku}`, to: inventory },
    )
    expect(workload.seen, answer, [200], 'receive')
  }
}

/** A delivery, sometimes reported twice, and a count that finds more or fewer units than recorded. */
async function restock(workload: Workload, inventory: Client, key: string, dice: Random): Promise<void> {
  const { seen } = workload
  const { sku } = dice.pick(PRODUCTS)
  const receive = (): Promise<Answer> =>
    command(workload, `/stock/${sku}/receive`, { quantity: 7 }, { key: `${key}:receive`, to: inventory })
  const [first, second] = await Promise.all([receive(), dice.chance(0.3) ? receive() : undefined])
  expect(seen, first, [200], 'receive')
  if (second && JSON.stringify(second.body) !== JSON.stringify(first.body))
    seen.surprises.push(`${key}: a repeated delivery was answered ${JSON.stringify(second.body)}`)
  const change = dice.between(-9, 3)
  const count = { change, reason: 'counted' }
  // 409: fewer would be left than are reserved.
  expect(
    seen,
    await command(workload, `/stock/${sku}/adjust`, count, { key: `${key}:adjust`, to: inventory }),
    [200, 409],
    'adjust',
  )
}

function newOrder(dice: Random, aboveLimit: boolean): Record<string, unknown> {
  const count = dice.between(1, 5)
  const products = new Set(Array.from({ length: count }, () => dice.pick(PRODUCTS)))
  return {
    customerId: `customer-${dice.between(1, 500)}`,
    currency: dice.chance(0.8) ? 'EUR' : 'NOK',
    lines: [...products].map(({ sku, unitPrice }) => ({
      sku,
      unitPrice: aboveLimit ? ABOVE_ANY_CARD : unitPrice,
      quantity: dice.between(1, 9),
    })),
    shippingAddress: newAddress(dice),
    ...(dice.chance(0.3) ? { reference: `PO-${dice.between(1000, 9999)}` } : {}),
  }
}

/** Some addresses have a region, and those in Hong Kong and Qatar have no postal code. */
function newAddress(dice: Random): Record<string, string> {
  const country = dice.pick(['BE', 'CH', 'DE', 'FI', 'HK', 'NL', 'NO', 'PT', 'QA'])
  const postalCode = String(dice.between(10_000, 99_999))
  return {
    name: `Customer ${dice.between(1, 500)}`,
    street: `Harbour Street ${dice.between(1, 99_999)}`,
    ...(country === 'HK' || country === 'QA' ? {} : { postalCode }),
    city: dice.pick(CITIES),
    country,
    ...(dice.chance(0.2) ? { region: dice.pick(REGIONS) } : {}),
  }
}
