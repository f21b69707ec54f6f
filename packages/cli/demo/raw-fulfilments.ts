import { type RawItem, readLog } from './raw-fold.ts'

/** The number of a fulfilment's inputs, by sender. */
interface InputCounts {
  stock: number
  payment: number
  shipment: number
  /** From the order: its new addresses, its confirmation, its cancellation. */
  order: number
}

export interface ExpectedFulfilments {
  /** What `GET /fulfilments/{id}` should answer, by order. */
  readonly documents: Map<string, Record<string, unknown>>
  readonly inputs: Map<string, InputCounts>
  /** The number of each order's events that its fulfilment must record. */
  readonly orderEvents: Map<string, number>
  readonly versions: Map<string, number>
}

const ORDER_TYPES = ['ShippingAddressChanged', 'OrderConfirmed', 'OrderCancelled']
const ANSWERS = { StockAnswered: 'stock', PaymentAnswered: 'payment', ShipmentAnswered: 'shipment' } as const

/**
 * The demo's own fold of the fulfilments in ordering's raw log. Like raw-fold.ts, it shares no code with the
 * service.
 */
export function foldRawFulfilments(items: readonly RawItem[]): ExpectedFulfilments {
  const { events, versions } = readLog(items)
  const documents = new Map<string, Record<string, unknown>>()
  const inputs = new Map<string, InputCounts>()
  const orderEvents = new Map<string, number>()
  for (const { type, data } of events)
    if (ORDER_TYPES.includes(type)) orderEvents.set(data.orderId, (orderEvents.get(data.orderId) ?? 0) + 1)
  for (const { stream, type, data, time } of events.filter(({ stream }) => stream.startsWith('fulfilment-'))) {
    const id = stream.slice('fulfilment-'.length)
    const document = (documents.get(id) as RawItem) ?? { orderId: id, status: 'open', asked: [], startedAt: time }
    const counts = inputs.get(id) ?? { stock: 0, payment: 0, shipment: 0, order: 0 }
    const who = ANSWERS[type as keyof typeof ANSWERS]
    document.updatedAt = time
    if (who !== undefined) {
      document[who] = data.answer
      counts[who] += 1
    }
    if (['AddressNoted', 'ConfirmationNoted', 'CancellationNoted'].includes(type)) counts.order += 1
    if (type.endsWith('Requested')) document.asked.push(type)
    if (type === 'FulfilmentCompleted') document.status = 'completed'
    if (type === 'FulfilmentFailed' || (type === 'CancellationNoted' && document.status !== 'failed')) {
      document.status = type === 'FulfilmentFailed' ? 'failed' : 'cancelled'
      document.reason = data.reason
    }
    documents.set(id, document)
    inputs.set(id, counts)
  }
  return { documents, inputs, orderEvents, versions }
}
