import type { Send } from 'tidemark'
import type { ReservedLines } from './contract.ts'
import { stock } from './stock.ts'

/**
 * Releases the units reserved for an order. Stock does not record which order has which units. So call this
 * only if these units were reserved and nobody else releases or ships them
 * (docs/decisions/0016-stock-state.md).
 */
export async function releaseAll(orderId: string, lines: ReservedLines, send: Send): Promise<void> {
  for (const { sku, quantity } of lines)
    await send(stock, sku, `release:${orderId}:${sku}`, { type: 'release', data: { orderId, quantity } })
}
