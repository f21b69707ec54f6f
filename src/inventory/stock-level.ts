import type { SingleStreamView } from 'tidemark'
import * as z from 'zod'
import type { StockEvent } from './events.ts'

const statuses = ['in-stock', 'sold-out'] as const

/** What `GET /stock/{sku}` shows. */
const stockLevelDocument = z.object({
  sku: z.string(),
  status: z.enum(statuses),
  onHand: z.int(),
  reserved: z.int(),
  available: z.int(),
  /** Units that orders asked for and did not get. */
  declined: z.int(),
  /**
   * Units that left with orders, and units of these that came back. Absent if the view was not rebuilt since
   * these fields exist.
   */
  shipped: z.int().optional(),
  returned: z.int().optional(),
  updatedAt: z.iso.datetime(),
})
export type StockLevelDocument = z.infer<typeof stockLevelDocument>

/** The stock of each product. */
export const stockLevel: SingleStreamView<StockLevelDocument, StockEvent> = {
  kind: 'one-stream',
  name: 'stock-level',
  category: 'stock',
  document: stockLevelDocument,
  filters: { status: statuses },
  evolve(document, event) {
    const { time: updatedAt } = event
    const { onHand = 0, reserved = 0, declined = 0, shipped = 0, returned = 0 } = document ?? {}
    const counts = { onHand, reserved, declined, shipped, returned }
    const level = (change: Partial<typeof counts>): StockLevelDocument => {
      const counted = { ...counts, ...change }
      const available = counted.onHand - counted.reserved
      const status = available > 0 ? 'in-stock' : 'sold-out'
      return { sku: event.data.sku, status, ...counted, available, updatedAt }
    }
    switch (event.type) {
      case 'StockReceived':
        return level({ onHand: onHand + event.data.quantity })
      case 'StockAdjusted':
        return level({ onHand: onHand + event.data.change })
      case 'UnitsReserved':
        return level({ reserved: reserved + event.data.quantity })
      case 'UnitsDeclined':
        return level({ declined: declined + event.data.requested })
      case 'UnitsReleased':
        return level({ reserved: reserved - event.data.quantity })
      case 'UnitsShipped': {
        const { quantity } = event.data
        return level({ onHand: onHand - quantity, reserved: reserved - quantity, shipped: shipped + quantity })
      }
      case 'UnitsReturned': {
        const { quantity } = event.data
        return level({ onHand: onHand + quantity, returned: returned + quantity })
      }
    }
  },
  sort: (document) => document.sku,
}
