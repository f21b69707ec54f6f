import type { Container } from '@azure/cosmos'
import type { Client } from './client.ts'
import { compareGathered, compareView } from './compare-view.ts'
import { disagreements, type LoggedState } from './disagreements.ts'
import { foldRawLog } from './raw-fold.ts'
import { foldRawFulfilments } from './raw-fulfilments.ts'
import { foldRawPayments } from './raw-payments.ts'
import { foldRawShipments } from './raw-shipments.ts'
import { foldRawStock } from './raw-stock.ts'
import { foldRawTrails } from './raw-trails.ts'
import { findLost, inParallel, readRawLog } from './reading.ts'
import { RECOVERY_MS } from './recovery.ts'

/**
 * One value for each service that has a log. Ordering and inventory always run; payments and shipping run both or
 * neither.
 */
export interface PerService<Thing> {
  readonly ordering: Thing
  readonly inventory: Thing
  readonly payments?: Thing
  readonly shipping?: Thing
}

/** `customers` has no log; it runs only beside all others. */
interface Clients extends PerService<Client> {
  readonly customers?: Client
}

/** The result of the check: its counts, and every difference found. */
interface ServicesCheck {
  /** The number of events in all logs. */
  readonly events: number
  readonly products: number
  readonly payments: number
  readonly shipments: number
  /** Orders that customers shows; 0 if it does not run. */
  readonly trails: number
  /** The number of orders by status. */
  readonly decided: ReadonlyMap<string, number>
  /** Units reserved at the end, for orders that wait for shipment. */
  readonly reserved: number
  /** Money captured and not refunded, in minor units by currency. */
  readonly paid: Readonly<Record<string, number>>
  readonly differences: readonly string[]
}

const PAUSE_MS = 250
const REPORT_EVERY_MS = 10_000

/**
 * Checks in the raw logs that the services agree. Every order is decided; exactly what waits for shipment is
 * reserved; customers paid for what they have; no other money is held; nothing was oversold. Waits for work
 * in progress. Then compares the views with their logs.
 * @param positions the stream positions that commands returned: each must be in its log. Skips those of
 * orders.
 * @param settledWithin milliseconds in which the services must come to agree.
 */
export async function checkServices(
  clients: Clients,
  logs: PerService<Container>,
  positions: Iterable<string>,
  settledWithin = RECOVERY_MS,
): Promise<ServicesCheck> {
  const giveUp = performance.now() + settledWithin
  let reportAt = performance.now() + REPORT_EVERY_MS
  for (;;) {
    const folded = await foldAll(logs)
    const open = disagreements(folded)
    if (open.length > 0 && performance.now() < giveUp) {
      if (performance.now() > reportAt) {
        const left = Math.ceil((giveUp - performance.now()) / 1000)
        console.log(`waiting          ${open.length} not settled yet, such as ${open[0]} (up to ${left} s more)`)
        reportAt = performance.now() + REPORT_EVERY_MS
      }
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS))
      continue
    }
    const { orders, stock, payments, shipments, trails } = folded
    const differences = [...collectFaults(folded), ...open, ...collectLost(folded, [...positions])]
    await compareViews(clients, folded, differences)
    const decided = new Map<string, number>()
    for (const { status } of orders.values()) decided.set(String(status), (decided.get(String(status)) ?? 0) + 1)
    return {
      events: folded.events + stock.events + (payments?.events ?? 0) + (shipments?.events ?? 0),
      products: stock.levels.size,
      payments: payments?.documents.size ?? 0,
      shipments: shipments?.documents.size ?? 0,
      trails: clients.customers ? (trails?.documents.size ?? 0) : 0,
      decided,
      reserved: [...stock.levels.values()].reduce((sum, level) => sum + Number(level.reserved), 0),
      paid: Object.fromEntries(
        [...(payments?.totals ?? [])].map(([currency, { captured, refunded }]) => [
          currency,
          readAmount(captured) - readAmount(refunded),
        ]),
      ),
      differences,
    }
  }
}

const readAmount = (sum: unknown): number => (sum as { readonly amount: number }).amount

type FoldedLogs = Awaited<ReturnType<typeof foldAll>>

async function foldAll(logs: PerService<Container>) {
  const ordering = await readRawLog(logs.ordering)
  const payments = logs.payments && (await readRawLog(logs.payments))
  const shipping = logs.shipping && (await readRawLog(logs.shipping))
  const { orders, events } = foldRawLog(ordering)
  return {
    orders,
    events,
    fulfilments: foldRawFulfilments(ordering),
    stock: foldRawStock(await readRawLog(logs.inventory)),
    ...(payments ? { payments: foldRawPayments(payments) } : {}),
    ...(shipping ? { shipments: foldRawShipments(shipping) } : {}),
    ...(payments && shipping ? { trails: foldRawTrails({ ordering, payments, shipping }) } : {}),
  } satisfies LoggedState & { readonly events: number }
}

const collectFaults = ({ stock, payments, shipments }: FoldedLogs): string[] => [
  ...stock.faults,
  ...(payments?.faults ?? []),
  ...(shipments?.faults ?? []),
]

const collectLost = ({ stock, payments, shipments }: FoldedLogs, positions: readonly string[]): string[] => [
  ...findLost('stock-', positions, stock.versions),
  ...(payments ? findLost('payment-', positions, payments.versions) : []),
  ...(shipments ? findLost('shipment-', positions, shipments.versions) : []),
]

async function compareViews(
  clients: Clients,
  { fulfilments, stock, payments, shipments, trails }: FoldedLogs,
  differences: string[],
): Promise<void> {
  const stockView = {
    what: 'stock of',
    path: '/stock',
    category: 'stock',
    id: 'sku',
    statuses: ['in-stock', 'sold-out'],
  }
  await compareView(clients.inventory, { ...stockView, documents: stock.levels, versions: stock.versions }, differences)
  const fulfilmentView = { what: 'fulfilment', path: '/fulfilments', category: 'fulfilment', id: 'orderId' }
  const statuses = ['open', 'completed', 'failed', 'cancelled']
  await compareView(clients.ordering, { ...fulfilmentView, ...fulfilments, statuses }, differences)
  if (clients.payments && payments) {
    const { documents, totals, versions } = payments
    const paymentView = { what: 'payment of', path: '/payments', category: 'payment', id: 'orderId' }
    const statuses = ['open', 'authorised', 'declined', 'voided', 'captured', 'refunded']
    await compareView(clients.payments, { ...paymentView, documents, versions, statuses }, differences)
    const totalsView = { what: 'takings in', path: '/takings', category: 'payment', id: 'currency' }
    await compareGathered(clients.payments, { ...totalsView, documents: totals, versions }, differences)
  }
  if (clients.shipping && shipments) {
    const shipmentView = { what: 'shipment of', path: '/shipments', category: 'shipment', id: 'orderId' }
    const statuses = ['prepared', 'dispatched', 'delivered', 'cancelled', 'recalled', 'returned']
    await compareView(clients.shipping, { ...shipmentView, ...shipments, statuses }, differences)
    await comparePeople({ ...clients, shipping: clients.shipping }, shipments.documents.keys(), differences)
  }
  if (clients.customers && trails) {
    const trailView = { what: 'trail of', path: '/orders', id: 'orderId' }
    await compareGathered(clients.customers, { ...trailView, ...trails }, differences)
  }
}

/**
 * Compares to whom the services say an order goes. Each encrypts name and street with a key of its own, so their logs
 * cannot be compared.
 */
async function comparePeople(
  { ordering, shipping }: { readonly ordering: Client; readonly shipping: Client },
  ids: Iterable<string>,
  differences: string[],
): Promise<void> {
  await inParallel(ids, async (id) => {
    const [order, shipment] = await Promise.all([ordering.get(`/orders/${id}`), shipping.get(`/shipments/${id}`)])
    const [ordered, sent] = [order.body.shippingAddress, shipment.body.address] as readonly Readonly<
      Record<string, unknown>
    >[]
    if (ordered?.name !== sent?.name || ordered?.street !== sent?.street)
      differences.push(`shipment of ${id}: it goes to ${JSON.stringify(sent)}, its order to ${JSON.stringify(ordered)}`)
  })
}
