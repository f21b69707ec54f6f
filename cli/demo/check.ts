import { isDeepStrictEqual } from 'node:util'
import type { Container } from '@azure/cosmos'
import type { Client } from './client.ts'
import { type Expected, foldRawLog } from './raw-fold.ts'
import { everyPage, inParallel, lost, readRawLog } from './reading.ts'

/** What was compared, and every difference found. */
export interface CheckResult {
  readonly events: number
  readonly orders: number
  readonly listed: number
  readonly products: number
  readonly differences: readonly string[]
}

/**
 * Compares every view with the raw log. Each document is asked for at the last position of its stream, so what is compared is what the
 * view settled on.
 * @param positions that commands were answered with: each of an order must be in the log.
 */
export async function checkViews(client: Client, log: Container, positions: Iterable<string>): Promise<CheckResult> {
  const expected = foldRawLog(await readRawLog(log))
  const differences = [...expected.faults]
  differences.push(...lost('order-', positions, expected.versions))
  await checkOrders(client, expected, differences)
  const listed = await checkLists(client, expected, differences)
  await checkSales(client, expected, differences)
  return { events: expected.events, orders: expected.orders.size, listed, products: expected.sales.size, differences }
}

async function checkOrders(client: Client, expected: Expected, differences: string[]): Promise<void> {
  await inParallel(expected.orders, async ([id, order]) => {
    const stream = `order-${id}`
    const version = expected.versions.get(stream)
    const answer = await client.get(`/orders/${id}?position=${encodeURIComponent(`${stream}@${version}`)}`)
    if (answer.headers.get('etag') !== `"${version}"`)
      differences.push(`order ${id}: the log is at ${version}, the view at ${answer.headers.get('etag')}`)
    if (!isDeepStrictEqual(answer.body, order))
      differences.push(`order ${id}: the log says ${JSON.stringify(order)}, the view ${JSON.stringify(answer.body)}`)
  })
}

/** The lists by status: every order once, under its own status, and none besides. */
async function checkLists(client: Client, expected: Expected, differences: string[]): Promise<number> {
  let listed = 0
  for (const status of ['placed', 'confirmed', 'rejected', 'cancelled']) {
    const ids = (await everyPage(client, `/orders?status=${status}&limit=100`)).map((order) => String(order.orderId))
    const should = [...expected.orders.values()]
      .filter((order) => order.status === status)
      .map((order) => String(order.orderId))
    listed += ids.length
    if (new Set(ids).size !== ids.length) differences.push(`orders ${status}: the list names an order twice`)
    for (const id of new Set(should).difference(new Set(ids)))
      differences.push(`orders ${status}: the list lacks ${id}`)
    for (const id of new Set(ids).difference(new Set(should)))
      differences.push(`orders ${status}: the list has ${id} too much`)
  }
  return listed
}

async function checkSales(client: Client, expected: Expected, differences: string[]): Promise<void> {
  // Once the view has come to the end of every stream, it must be equal.
  await inParallel(expected.versions, async ([stream, version]) => {
    await client.get(`/sales-by-product?limit=1&position=${encodeURIComponent(`${stream}@${version}`)}`)
  })
  const shown = new Map(
    (await everyPage(client, '/sales-by-product?limit=100')).map((product) => [product.sku, product]),
  )
  for (const [sku, product] of expected.sales)
    if (!isDeepStrictEqual(shown.get(sku), product))
      differences.push(
        `sales of ${sku}: the log says ${JSON.stringify(product)}, the view ${JSON.stringify(shown.get(sku))}`,
      )
  for (const sku of shown.keys())
    if (!expected.sales.has(String(sku))) differences.push(`sales of ${sku}: the log has none`)
}
