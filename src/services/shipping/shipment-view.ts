import type { OneStreamView } from '../../core/view.ts'
import type { Destination, ShipmentEvent } from './events.ts'
import { statusAfter } from './shipment.ts'

/** `prepared` is the warehouse's list of what to hand to the carrier. */
const statuses = ['prepared', 'dispatched', 'delivered', 'cancelled', 'recalled', 'returned'] as const

/** What `GET /shipments/{id}` shows. */
export interface ShipmentDocument {
  readonly orderId: string
  readonly status: (typeof statuses)[number]
  readonly lines: readonly { readonly sku: string; readonly quantity: number }[]
  readonly address: Destination
  readonly carrier?: string
  readonly trackingCode?: string
  /** Why it was cancelled, recalled or returned: the last of these. */
  readonly reason?: string
  readonly preparedAt: string
  readonly updatedAt: string
}

/** One shipment as it stands. */
export const shipmentView: OneStreamView<ShipmentDocument, ShipmentEvent> = {
  kind: 'one-stream',
  name: 'shipment',
  category: 'shipment',
  filters: { status: statuses },
  evolve(document, event) {
    const { time: updatedAt } = event
    if (event.type === 'ShipmentPrepared')
      return { status: 'prepared', ...event.data, preparedAt: updatedAt, updatedAt }
    if (document === undefined) return undefined
    return { ...document, ...event.data, status: statusAfter[event.type], updatedAt }
  },
  sort: (document) => `${document.preparedAt}|${document.orderId}`,
}
