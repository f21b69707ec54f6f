import type { Answer, Client } from './client.ts'
import { Latency } from './latency.ts'
import { type Random, random } from './random.ts'

/** What a run of the workload saw. */
export interface Seen {
  commands: number
  readonly byStatus: Map<number, number>
  readonly command: Latency
  readonly commandToView: Latency
  /** Positions that commands were answered with: all of them must be in the log. */
  readonly positions: Set<string>
  /** What should not have happened. */
  readonly surprises: string[]
}

interface Workload {
  readonly client: Client
  readonly seen: Seen
  /** Makes the keys of this run its own: the same seed twice on the same data is two runs. */
  readonly run: string
}

const PRODUCTS = Array.from({ length: 40 }, (_, index) => ({
  sku: `SKU-${1000 + index}`,
  unitPrice: 199 + index * 350,
}))
const CITIES = ['Aachen', 'Bergen', 'Coimbra', 'Delft', 'Espoo', 'Fribourg', 'Ghent', 'Hobart'] as const

/**
 * Places orders and does with them what customers do: several lines, repeated requests, address changes by two at once, cancellations,
 * confirmations, and now and then what is refused.
 * @param onOrder called as each order is done with.
 */
export async function runWorkload(
  client: Client,
  options: { readonly orders: number; readonly seed: number; readonly concurrency: number; readonly run: string },
  onOrder: () => void,
): Promise<Seen> {
  const seen: Seen = {
    commands: 0,
    byStatus: new Map(),
    command: new Latency(),
    commandToView: new Latency(),
    positions: new Set(),
    surprises: [],
  }
  const workload: Workload = { client, seen, run: options.run }
  let next = 0
  const worker = async (): Promise<void> => {
    while (next < options.orders) {
      const index = next
      next += 1
      // Each order has a generator of its own: its story does not depend on which worker takes it.
      await oneOrder(workload, index, random(options.seed * 1_000_003 + index))
      onOrder()
    }
  }
  await Promise.all(Array.from({ length: options.concurrency }, worker))
  return seen
}

async function oneOrder(workload: Workload, index: number, dice: Random): Promise<void> {
  const { seen, run } = workload
  const key = `${run}:${index}`
  const order = newOrder(dice)
  const place = (body: unknown): Promise<Answer> => command(workload, '/orders', body, `${key}:place`)

  // A client that heard nothing asks again, sometimes before the first answer is there.
  const [placed, repeated] = await Promise.all([place(order), dice.chance(0.15) ? place(order) : undefined])
  if (!expect(seen, placed, [201], 'place')) return
  if (repeated && JSON.stringify(repeated.body) !== JSON.stringify(placed.body))
    seen.surprises.push(`${key}: a repeated key was answered ${JSON.stringify(repeated.body)}`)
  if (dice.chance(0.05))
    expect(seen, await place({ ...order, customerId: 'somebody-else' }), [422], 'place with a used key')

  const path = `/orders/${placed.body.id}`
  await seeIt(workload, path, placed)

  if (dice.chance(0.25)) {
    // Two clerks read the same version; one of them must read again.
    const versions = { 'if-match': `"${placed.body.version}"` }
    const edits = ['a', 'b'].map((clerk) =>
      command(
        workload,
        `${path}/change-shipping-address`,
        { shippingAddress: newAddress(dice) },
        `${key}:${clerk}`,
        versions,
      ),
    )
    const statuses = (await Promise.all(edits)).map((answer) => answer.status).sort()
    if (statuses.join() !== '200,412')
      seen.surprises.push(`${key}: two edits of one version were answered ${statuses.join()}`)
  }
  if (dice.chance(0.2))
    expect(
      seen,
      await command(workload, `${path}/change-shipping-address`, { shippingAddress: newAddress(dice) }, `${key}:move`),
      [200],
      'change-shipping-address',
    )

  if (dice.chance(0.15)) {
    expect(
      seen,
      await command(workload, `${path}/cancel`, { reason: 'changed my mind' }, `${key}:cancel`),
      [200],
      'cancel',
    )
    if (dice.chance(0.3))
      expect(seen, await command(workload, `${path}/confirm`, {}, `${key}:late`), [409], 'confirm a cancelled order')
  } else if (dice.chance(0.1)) {
    // Cancelled and confirmed at the same moment: the stream decides which came first, the other is refused.
    const race = await Promise.all([
      command(workload, `${path}/cancel`, { reason: 'too late?' }, `${key}:cancel`),
      command(workload, `${path}/confirm`, {}, `${key}:confirm`),
    ])
    const statuses = race.map((answer) => answer.status).sort()
    if (statuses.join() !== '200,409')
      seen.surprises.push(`${key}: a race of cancel and confirm was answered ${statuses.join()}`)
  } else if (dice.chance(0.8)) {
    expect(seen, await command(workload, `${path}/confirm`, {}, `${key}:confirm`), [200], 'confirm')
  }
}

/** Waits for the write in the view, and keeps how long it took from the command's answer on. */
async function seeIt({ client, seen }: Workload, path: string, placed: Answer): Promise<void> {
  const answered = performance.now()
  const view = await client.get(`${path}?position=${encodeURIComponent(placed.body.position)}`)
  seen.commandToView.add(performance.now() - answered)
  if (view.status !== 200 || view.headers.get('etag') !== `"${placed.body.version}"`)
    seen.surprises.push(
      `${path}: after ${placed.body.position} the view answered ${view.status} ${view.headers.get('etag')}`,
    )
}

async function command(
  { client, seen }: Workload,
  path: string,
  body: unknown,
  key: string,
  headers: Readonly<Record<string, string>> = {},
): Promise<Answer> {
  const started = performance.now()
  const answer = await client.post(path, body, { 'idempotency-key': key, 'x-actor': 'demo', ...headers })
  seen.command.add(performance.now() - started)
  seen.commands += 1
  seen.byStatus.set(answer.status, (seen.byStatus.get(answer.status) ?? 0) + 1)
  if (answer.status < 300) seen.positions.add(answer.body.position)
  return answer
}

function expect(seen: Seen, answer: Answer, statuses: readonly number[], what: string): boolean {
  if (statuses.includes(answer.status)) return true
  seen.surprises.push(`${what} was answered ${answer.status} ${JSON.stringify(answer.body)}`)
  return false
}

function newOrder(dice: Random): Record<string, unknown> {
  const count = dice.between(1, 5)
  const products = new Set(Array.from({ length: count }, () => dice.pick(PRODUCTS)))
  return {
    customerId: `customer-${dice.between(1, 500)}`,
    currency: dice.chance(0.8) ? 'EUR' : 'NOK',
    lines: [...products].map(({ sku, unitPrice }) => ({ sku, unitPrice, quantity: dice.between(1, 9) })),
    shippingAddress: newAddress(dice),
  }
}

function newAddress(dice: Random): Record<string, string> {
  return {
    name: `Customer ${dice.between(1, 500)}`,
    street: `Harbour Street ${dice.between(1, 99_999)}`,
    postalCode: String(dice.between(10_000, 99_999)),
    city: dice.pick(CITIES),
    country: dice.pick(['BE', 'CH', 'DE', 'FI', 'NL', 'NO', 'PT']),
  }
}
