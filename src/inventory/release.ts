import type { Send } from 'tidemark'
import type { ReservedLines } from './contract.ts'
import { stock } from './stock.ts'

/**
 * Releases what is reserved for an order. Stock does not know who has what: only a caller who knows that
 * these units were reserved, and that nobody else releases or ships them, may send this
 * (docs/decisions/0016-stock-state.md).
 */
export async function releaseAll(orderId: string, lines: ReservedLines, send: Send): Promise<void> {
  for (const { sku, quantity } of lines)
    await send(stock, sku, `release:${orderId}:${sku}`, { type: 'release', data: { orderId, quantity } })
}
