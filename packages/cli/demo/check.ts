import type { Container } from '@azure/cosmos'
import type { Client } from './client.ts'
import { compareGathered, compareView } from './compare-view.ts'
import { foldRawLog } from './raw-fold.ts'
import { findLost, readRawLog } from './reading.ts'

/** The result of the check: its counts, and every difference found. */
interface CheckResult {
  readonly events: number
  readonly orders: number
  readonly listed: number
  readonly products: number
  readonly differences: readonly string[]
}

/**
 * Compares the views of orders and of sales with the raw log of ordering.
 * @param positions the stream positions that commands returned: each one of an order must be in the log.
 */
export async function checkViews(client: Client, log: Container, positions: Iterable<string>): Promise<CheckResult> {
  const { orders, sales, versions, events, faults } = foldRawLog(await readRawLog(log))
  const differences = [...faults, ...findLost('order-', positions, versions)]
  const statuses = ['placed', 'confirmed', 'rejected', 'cancelled', 'completed']
  const orderView = { what: 'order', path: '/orders', category: 'order', id: 'orderId', statuses }
  const listed = await compareView(client, { ...orderView, documents: orders, versions }, differences)
  const salesView = { what: 'sales of', path: '/sales-by-product', category: 'order', id: 'sku' }
  await compareGathered(client, { ...salesView, documents: sales, versions }, differences)
  return { events, orders: orders.size, listed, products: sales.size, differences }
}
