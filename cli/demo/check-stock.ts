import { isDeepStrictEqual } from 'node:util'
import type { Container } from '@azure/cosmos'
import type { Client } from './client.ts'
import { foldRawLog } from './raw-fold.ts'
import { type ExpectedStock, foldRawStock } from './raw-stock.ts'
import { everyPage, inParallel, lost, readRawLog } from './reading.ts'

/** What was compared, and every difference found. */
export interface StockCheck {
  readonly events: number
  readonly products: number
  /** Orders by what became of them. */
  readonly decided: ReadonlyMap<string, number>
  /** Units that are reserved at the end: those of confirmed orders. */
  readonly reserved: number
  readonly differences: readonly string[]
}

const SETTLED_WITHIN_MS = 60_000
const PAUSE_MS = 250

/**
 * Compares what the two services agreed on, from their raw logs alone: every order is decided, what is confirmed is reserved and
 * nothing else is, nothing was ever oversold. Then inventory's view with its log. What is still on its way is waited for.
 * @param positions that commands were answered with: each of a product must be in the log.
 * @param settledWithin milliseconds in which the services must have come to agree.
 */
export async function checkStock(
  inventory: Client,
  logs: { readonly ordering: Container; readonly inventory: Container },
  positions: Iterable<string>,
  settledWithin = SETTLED_WITHIN_MS,
): Promise<StockCheck> {
  const giveUp = performance.now() + settledWithin
  for (;;) {
    const [ordering, stock] = [await readRawLog(logs.ordering), foldRawStock(await readRawLog(logs.inventory))]
    const orders = foldRawLog(ordering).orders
    const open = disagreements(orders, stock)
    if (open.length > 0 && performance.now() < giveUp) {
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS))
      continue
    }
    const differences = [...stock.faults, ...open, ...lost('stock-', positions, stock.versions)]
    await compareView(inventory, stock, differences)
    const decided = new Map<string, number>()
    for (const { status } of orders.values()) decided.set(String(status), (decided.get(String(status)) ?? 0) + 1)
    const reserved = [...stock.levels.values()].reduce((sum, level) => sum + Number(level.reserved), 0)
    return { events: stock.events, products: stock.levels.size, decided, reserved, differences }
  }
}

/** What the logs disagree on: between them, for a moment; in the end, for good. */
export function disagreements(orders: Map<string, Record<string, unknown>>, stock: ExpectedStock): string[] {
  const found: string[] = []
  for (const [id, { status, lines }] of orders) {
    const units = stock.units.get(id) ?? new Map()
    const reservation = stock.reservations.get(id)
    const fits = {
      confirmed: ['StockReserved'],
      rejected: ['StockReservationRejected'],
      cancelled: ['StockReservationCancelled', 'StockReservationRejected'],
    }[String(status)]
    if (fits === undefined) found.push(`order ${id} is undecided`)
    else if (!fits.includes(String(reservation))) found.push(`order ${id} is ${status}, its reservation ${reservation}`)
    for (const { sku, quantity } of lines as { sku: string; quantity: number }[]) {
      const { reserved = 0, released = 0, shipped = 0 } = units.get(sku) ?? {}
      const should = status === 'confirmed' ? quantity : 0
      const held = reserved - released - shipped
      if (held !== should) found.push(`order ${id} is ${status}, and has ${held} of ${sku} reserved`)
    }
  }
  for (const id of stock.units.keys()) if (!orders.has(id)) found.push(`stock is reserved for ${id}, which is no order`)
  return found
}

async function compareView(inventory: Client, stock: ExpectedStock, differences: string[]): Promise<void> {
  await inParallel(stock.levels, async ([sku, level]) => {
    const version = stock.versions.get(`stock-${sku}`)
    const answer = await inventory.get(`/stock/${sku}?position=${encodeURIComponent(`stock-${sku}@${version}`)}`)
    if (!isDeepStrictEqual(answer.body, level))
      differences.push(
        `stock of ${sku}: the log says ${JSON.stringify(level)}, the view ${JSON.stringify(answer.body)}`,
      )
  })
  const listed = await everyPage(inventory, '/stock?limit=100')
  const skus = new Set(listed.map(({ sku }) => String(sku)))
  if (listed.length !== stock.levels.size || skus.size !== listed.length)
    differences.push(`stock: the log has ${stock.levels.size} products, the view lists ${listed.length}`)
}
