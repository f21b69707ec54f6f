import { type RawItem, readLog } from './raw-fold.ts'

interface ExpectedTrails {
  /** What `GET /customers/orders/{orderId}` should answer, by order. */
  readonly documents: Map<string, Record<string, unknown>>
  /** The last version of each stream that the view follows, such as `ordering/order-1`. */
  readonly versions: Map<string, number>
}

/** The raw logs that the view is made of. */
export interface TrailLogs {
  readonly ordering: readonly RawItem[]
  readonly payments: readonly RawItem[]
  readonly shipping: readonly RawItem[]
}

const FOLLOWED = { ordering: 'order', payments: 'payment', shipping: 'shipment' } as const

/**
 * The demo's own fold of the logs that customers sees through other services' hubs. Like raw-fold.ts, it shares no
 * code with the service.
 */
export function foldRawTrails(logs: TrailLogs): ExpectedTrails {
  const documents = new Map<string, Record<string, unknown>>()
  const versions = new Map<string, number>()
  for (const [service, category] of Object.entries(FOLLOWED)) {
    const log = readLog(logs[service as keyof TrailLogs])
    const isFollowed = (stream: string): boolean => stream.startsWith(`${category}-`)
    for (const [stream, version] of log.versions) if (isFollowed(stream)) versions.set(`${service}/${stream}`, version)
    for (const event of log.events.filter(({ stream }) => isFollowed(stream))) apply(documents, event)
  }
  return { documents, versions }
}

const ORDER = ['OrderPlaced', 'OrderConfirmed', 'OrderCompleted', 'OrderCancelled', 'OrderRejected']

function apply(documents: ExpectedTrails['documents'], { type, data, time }: RawItem): void {
  const before: Record<string, unknown> = documents.get(data.orderId) ?? { orderId: data.orderId }
  const payment = before.payment as RawItem
  const change = (changed: object): unknown => documents.set(data.orderId, { ...before, ...changed })
  const word = (prefix: string): string => type.slice(prefix.length).toLowerCase()
  if (type === 'OrderPlaced') {
    const { customerId, total, reference } = data
    change({ customerId, total, ...(reference ? { reference } : {}), status: 'placed', placedAt: time })
  } else if (ORDER.includes(type)) change({ status: word('Order') })
  else if (type === 'PaymentAuthorised' || type === 'PaymentCaptured')
    change({ payment: { ...payment, status: word('Payment'), amount: data.amount } })
  else if (type === 'PaymentRefunded') {
    const sum = (payment?.refunded?.amount ?? 0) + data.amount.amount
    change({ payment: { ...payment, status: 'refunded', refunded: { ...data.amount, amount: sum } } })
  } else if (/^Payment(Declined|Expired|Voided)$/.test(type))
    change({ payment: { ...payment, status: word('Payment') } })
  else if (type.startsWith('Shipment')) change({ parcel: { status: word('Shipment') } })
}
