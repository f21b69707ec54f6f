import type { Client } from './client.ts'
import type { Random } from './random.ts'
import { command, expect, type Workload, waitFor } from './shop.ts'

/** How an order is paid, and what its bank does about it. */
interface PaymentPlan {
  /** The field `payment` of the order's body. */
  readonly payment: { readonly method: 'card' | 'transfer'; readonly withinSeconds?: number }
  /** For a transfer: `late` authorises it around its deadline, `never` does not. */
  readonly bank: 'authorises' | 'declines' | 'late' | 'never'
  /** Whether the order is above the card limit, so that a card is declined. */
  readonly aboveLimit: boolean
}

const ENOUGH_SECONDS = 900
/** Spreads late answers around the time at which payments carries out due commands. */
const LATE_BY_MS = 6000

/** A unit price that no card pays. */
export const ABOVE_ANY_CARD = 1_000_001

/** Most orders are paid by card. Some banks decline, some are late, and some never answer. */
export function planPayment(dice: Random): PaymentPlan {
  const chance = dice.next()
  const transfer = (bank: PaymentPlan['bank'], withinSeconds: number): PaymentPlan => ({
    payment: { method: 'transfer', withinSeconds },
    bank,
    aboveLimit: false,
  })
  if (chance < 0.12) return transfer('authorises', ENOUGH_SECONDS)
  if (chance < 0.16) return transfer('declines', ENOUGH_SECONDS)
  if (chance < 0.19) return transfer('late', 1)
  if (chance < 0.22) return transfer('never', dice.between(1, 3))
  return { payment: { method: 'card' }, bank: 'authorises', aboveLimit: chance < 0.26 }
}

interface ConfirmedOrder {
  readonly id: string
  readonly plan: PaymentPlan
  /** The start of the idempotency keys of its commands. */
  readonly key: string
  /** The generator for what happens to it. */
  readonly dice: Random
}

/** Plays the bank and the warehouse for a confirmed order, and its customer's late actions. */
export async function fulfil(
  workload: Workload,
  { payments, shipping }: { readonly payments: Client; readonly shipping: Client },
  order: ConfirmedOrder,
): Promise<void> {
  const { id, plan } = order
  await pay(workload, payments, order)
  // Do not wait for each deadline here: the check waits for all of them.
  if (plan.bank === 'never') return
  const fulfilment = await waitFor(
    workload.client,
    `/fulfilments/${id}`,
    { stream: `fulfilment-${id}`, version: 1 },
    ({ status, shipment }) => status !== 'open' || shipment !== undefined,
  )
  if (fulfilment.status === 'open') await ship(workload, shipping, order)
}

async function pay(workload: Workload, payments: Client, { id, plan, key, dice }: ConfirmedOrder): Promise<void> {
  const { payment, bank } = plan
  if (payment.method === 'card' || bank === 'never') return
  await waitFor(payments, `/payments/${id}`, { stream: `payment-${id}`, version: 1 }, () => true)
  if (bank === 'late') await new Promise((resolve) => setTimeout(resolve, dice.between(0, LATE_BY_MS)))
  const [what, body] =
    bank === 'declines'
      ? (['decline', { reason: 'no cover' }] as const)
      : (['authorise', { reference: `RF${dice.between(10, 99)} ${dice.between(1000, 9999)}` }] as const)
  const answerBank = () => command(workload, `/payments/${id}/${what}`, body, { key: `${key}:${what}`, to: payments })
  const [answer, again] = await Promise.all([answerBank(), dice.chance(0.2) ? answerBank() : undefined])
  // 409: it expired.
  expect(workload.seen, answer, bank === 'late' ? [200, 409] : [200], what)
  if (again && again.status === answer.status && JSON.stringify(again.body) !== JSON.stringify(answer.body))
    workload.seen.surprises.push(`${key}: a repeated ${what} was answered ${JSON.stringify(again.body)}`)
}

/**
 * Dispatches most shipments and delivers most of these. Some come back, some cannot be delivered, and some
 * stay in the warehouse.
 */
async function ship(workload: Workload, shipping: Client, { id, key, dice }: ConfirmedOrder): Promise<void> {
  const warehouse = (what: string, body: unknown = {}) =>
    command(workload, `/shipments/${id}/${what}`, body, { key: `${key}:${what}`, to: shipping })
  const parcel = dice.chance(0.8) ? { carrier: 'Post', trackingCode: `T${dice.between(1, 1e9)}` } : {}
  const dispatch = () => warehouse('dispatch', parcel)
  const customer = () =>
    command(workload, `/orders/${id}/cancel`, { reason: 'too slow' }, { key: `${key}:cancel-late` })
  const chance = dice.next()
  if (chance < 0.12) return
  if (chance < 0.22) {
    expect(workload.seen, await warehouse('cancel', { reason: 'water damage' }), [200], 'cancel in the warehouse')
    return
  }
  if (chance < 0.34) {
    // The customer cancels during the dispatch.
    const [dispatched, cancelled] = await Promise.all([dispatch(), customer()])
    expect(workload.seen, dispatched, [200, 409], 'dispatch while it is cancelled')
    expect(workload.seen, cancelled, [200, 409], 'cancel while it is dispatched')
    if (dispatched.status !== 200 || cancelled.status !== 200) return
    const from = { stream: `shipment-${id}`, version: 1 }
    await waitFor(shipping, `/shipments/${id}`, from, ({ status }) => status === 'recalled')
    expect(workload.seen, await warehouse('return', { reason: 'recalled' }), [200], 'return of a recalled shipment')
    return
  }
  const [first, again] = await Promise.all([dispatch(), dice.chance(0.15) ? dispatch() : undefined])
  if (!expect(workload.seen, first, [200], 'dispatch')) return
  if (again && JSON.stringify(again.body) !== JSON.stringify(first.body))
    workload.seen.surprises.push(`${key}: a repeated dispatch was answered ${JSON.stringify(again.body)}`)
  if (dice.chance(0.05)) {
    expect(workload.seen, await warehouse('return', { reason: 'not accepted' }), [200], 'return')
    return
  }
  if (dice.chance(0.3)) return
  expect(workload.seen, await warehouse('deliver'), [200], 'deliver')
  expect(workload.seen, await warehouse('cancel', { reason: 'too late' }), [409], 'cancel what is delivered')
  if (dice.chance(0.15)) expect(workload.seen, await warehouse('return', {}), [200], 'return of a delivered shipment')
}
