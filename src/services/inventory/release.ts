import type { Send } from '../../core/reaction.ts'
import { stock } from './stock.ts'

/** Lets go of what an order has of these products; nothing where it has none. */
export async function releaseAll(
  orderId: string,
  lines: readonly { readonly sku: string }[],
  send: Send,
): Promise<void> {
  for (const { sku } of lines)
    await send(stock, sku, `release:${orderId}:${sku}`, { type: 'release', data: { orderId } })
}
