import type { SingleStreamView } from 'tidemark'
import * as z from 'zod'
import { shippedLines } from './contract.ts'
import { destination, type ShipmentEvent } from './events.ts'
import { statusAfter } from './shipment.ts'

/** The warehouse lists `prepared` shipments to hand them to the carrier. */
const statuses = ['prepared', 'dispatched', 'delivered', 'cancelled', 'recalled', 'returned'] as const

/** What `GET /shipments/{id}` shows. */
const shipmentDocument = z.object({
  orderId: z.string(),
  status: z.enum(statuses),
  lines: shippedLines,
  address: destination,
  carrier: z.string().exactOptional(),
  trackingCode: z.string().exactOptional(),
  /** Why it was last cancelled, recalled or returned. */
  reason: z.string().exactOptional(),
  preparedAt: z.iso.datetime(),
  updatedAt: z.iso.datetime(),
})
export type ShipmentDocument = z.infer<typeof shipmentDocument>

/** The current state of one shipment. */
export const shipmentView: SingleStreamView<ShipmentDocument, ShipmentEvent> = {
  kind: 'one-stream',
  name: 'shipment',
  category: 'shipment',
  document: shipmentDocument,
  filters: { status: statuses },
  evolve(document, event) {
    const { time: updatedAt } = event
    if (event.type === 'ShipmentPrepared') {
      const { customerId: _, ...data } = event.data
      return { status: 'prepared', ...data, preparedAt: updatedAt, updatedAt }
    }
    if (document === undefined) return undefined
    return { ...document, ...event.data, updatedAt, status: statusAfter[event.type] }
  },
  sort: (document) => document.preparedAt,
}
