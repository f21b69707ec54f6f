import { z } from 'zod'
import { type CommandOf, commandType, type Decider, type Decision, refuse } from '../../core/decider.ts'
import { type EventOf, eventType } from '../../core/event.ts'
import type { Resource } from '../../core/resource.ts'
import { published, type Service } from '../../core/service.ts'
import type { MultiStreamView, SingleStreamView } from '../../core/view.ts'

// The domain of the framework's own tests: an order that is placed, relocated, confirmed or rejected, and
// cancelled. It has a view of each order and a view of sales.

const orderId = z.string()
const name = z.string().min(1).max(100)
const addressShape = z.object({ name, street: name, postalCode: name, city: name, country: name })
const line = z.object({ sku: name, quantity: z.int().min(1), unitPrice: z.int().nonnegative() })
const total = z.object({ currency: z.string(), amount: z.int() })

const placedOnce = z.object({
  orderId,
  customerId: name,
  lines: z.array(line).min(1).max(50),
  total,
  shippingAddress: addressShape,
})

/** The public event is its first version. */
export const OrderPlaced = eventType('OrderPlaced', placedOnce)
/** Since version 2, the private event stores who is at the door in a field of its own. */
export const PrivateOrderPlaced = OrderPlaced.breaking(placedOnce.extend({ atTheDoor: z.string() }), (data) => ({
  ...data,
  atTheDoor: data.shippingAddress.name,
}))
const ShippingAddressChanged = eventType('ShippingAddressChanged', z.object({ orderId, shippingAddress: addressShape }))
const OrderConfirmed = eventType('OrderConfirmed', z.object({ orderId }))
const OrderCompleted = eventType('OrderCompleted', z.object({ orderId }))
const ended = z.object({ orderId, reason: z.string(), lines: z.array(line), total })
const OrderRejected = eventType('OrderRejected', ended)
const OrderCancelled = eventType('OrderCancelled', ended)

export const orderEvents = [
  PrivateOrderPlaced,
  ShippingAddressChanged,
  OrderConfirmed,
  OrderCompleted,
  OrderRejected,
  OrderCancelled,
] as const
export type OrderEvent = EventOf<(typeof orderEvents)[number]>

const reason = z.strictObject({ reason: z.string().min(1) })
const orderCommands = [
  commandType(
    'place',
    z.strictObject({
      customerId: name,
      currency: z.string(),
      lines: z.array(line.strict()).min(1).max(50),
      shippingAddress: addressShape,
    }),
    { creates: true },
  ),
  commandType('change-shipping-address', z.strictObject({ shippingAddress: addressShape })),
  commandType('confirm', z.strictObject({})),
  commandType('complete', z.strictObject({})),
  commandType('reject', reason),
  commandType('cancel', reason),
] as const
export type OrderCommand = CommandOf<(typeof orderCommands)[number]>

type Placed = Omit<EventOf<typeof OrderPlaced>['data'], 'orderId' | 'customerId'>
type Order =
  | { readonly status: 'none' }
  | ({ readonly status: 'placed' | 'confirmed' | 'completed' | 'rejected' | 'cancelled' } & Readonly<Placed>)

const STATUS = {
  OrderConfirmed: 'confirmed',
  OrderCompleted: 'completed',
  OrderRejected: 'rejected',
  OrderCancelled: 'cancelled',
} as const

/** Each status allows some others. A command for the present status appends nothing. */
export const order: Decider<Order, OrderCommand, OrderEvent> = {
  category: 'order',
  commands: orderCommands,
  events: orderEvents,
  refusals: {
    'order-already-placed': 'It was placed before.',
    'order-placed': 'It is not confirmed yet.',
    'order-confirmed': 'It is confirmed.',
    'order-completed': 'It is completed.',
    'order-rejected': 'It was rejected.',
    'order-cancelled': 'It was cancelled.',
  },
  initial: { status: 'none' },
  evolve(state, { type, data }) {
    if (type === 'OrderPlaced') {
      const { lines, total, shippingAddress } = data
      return { status: 'placed', lines, total, shippingAddress }
    }
    if (state.status === 'none') return state
    if (type === 'ShippingAddressChanged') return { ...state, shippingAddress: data.shippingAddress }
    return { ...state, status: STATUS[type] }
  },
  decide(state, command, { id: orderId }): Decision<OrderEvent> {
    if (command.type === 'place') {
      if (state.status !== 'none') return refuse('order-already-placed', 'it was placed before')
      const { customerId, currency, shippingAddress } = command.data
      const lines = command.data.lines.toSorted((one, other) => (one.sku < other.sku ? -1 : 1))
      const amount = lines.reduce((sum, { quantity, unitPrice }) => sum + quantity * unitPrice, 0)
      const placed = { orderId, customerId, lines, total: { currency, amount }, shippingAddress }
      return [{ type: 'OrderPlaced', data: { ...placed, atTheDoor: shippingAddress.name } }]
    }
    if (state.status === 'none') return refuse('stream-not-found', `there is no order ${orderId}`)
    const { status, lines, total } = state
    const refused = refuse(`order-${status}`, `the order is ${status}`)
    switch (command.type) {
      case 'change-shipping-address': {
        const { shippingAddress } = command.data
        if (status !== 'placed') return refused
        if (JSON.stringify(shippingAddress) === JSON.stringify(state.shippingAddress)) return []
        return [{ type: 'ShippingAddressChanged', data: { orderId, shippingAddress } }]
      }
      case 'confirm':
        if (status === 'confirmed') return []
        return status === 'placed' ? [{ type: 'OrderConfirmed', data: { orderId } }] : refused
      case 'complete':
        if (status === 'completed') return []
        return status === 'confirmed' ? [{ type: 'OrderCompleted', data: { orderId } }] : refused
      case 'reject':
        if (status === 'rejected') return []
        return status === 'placed'
          ? [{ type: 'OrderRejected', data: { orderId, ...command.data, lines, total } }]
          : refused
      case 'cancel':
        if (status === 'cancelled') return []
        return status === 'placed' || status === 'confirmed'
          ? [{ type: 'OrderCancelled', data: { orderId, ...command.data, lines, total } }]
          : refused
    }
  },
}

const statuses = ['placed', 'confirmed', 'completed', 'rejected', 'cancelled'] as const

const orderDocument = z.object({
  orderId,
  status: z.enum(statuses),
  customerId: name,
  lines: z.array(line),
  total,
  shippingAddress: addressShape,
  placedAt: z.string(),
  updatedAt: z.string(),
})

export const orderView: SingleStreamView<z.infer<typeof orderDocument>, OrderEvent> = {
  kind: 'one-stream',
  name: 'order',
  category: 'order',
  document: orderDocument,
  filters: { status: statuses },
  evolve(document, { type, data, time }) {
    if (type === 'OrderPlaced') {
      const { atTheDoor: _, ...placed } = data
      return { status: 'placed', ...placed, placedAt: time, updatedAt: time }
    }
    if (document === undefined) return undefined
    if (type === 'ShippingAddressChanged')
      return { ...document, updatedAt: time, shippingAddress: data.shippingAddress }
    return { ...document, updatedAt: time, status: STATUS[type] }
  },
  sort: ({ placedAt }) => placedAt,
}

export interface ProductSales {
  readonly sku: string
  readonly orders: number
  readonly quantity: number
  /** By currency. */
  readonly revenue: Readonly<Record<string, number>>
}

const isSale = (event: OrderEvent) =>
  event.type === 'OrderPlaced' || event.type === 'OrderCancelled' || event.type === 'OrderRejected'

/** Only sums, so the order in which streams arrive does not matter. */
export const salesByProduct: MultiStreamView<ProductSales, OrderEvent> = {
  kind: 'many-streams',
  name: 'sales-by-product',
  category: 'order',
  filters: {},
  documentKeys: (event) => (isSale(event) ? event.data.lines.map(({ sku }) => sku) : []),
  evolve(document, event, sku) {
    const { orders, quantity, revenue }: Omit<ProductSales, 'sku'> = document ?? { orders: 0, quantity: 0, revenue: {} }
    const sold = isSale(event) ? event.data.lines.find((each) => each.sku === sku) : undefined
    if (!isSale(event) || sold === undefined) return { sku, orders, quantity, revenue }
    const sign = event.type === 'OrderPlaced' ? 1 : -1
    const { currency } = event.data.total
    const amount = (revenue[currency] ?? 0) + sign * sold.quantity * sold.unitPrice
    return {
      sku,
      orders: orders + sign,
      quantity: quantity + sign * sold.quantity,
      revenue: { ...revenue, [currency]: amount },
    }
  },
  sort: ({ sku }) => sku,
}

export const orderResources: readonly Resource[] = [
  {
    path: 'orders',
    documents: { view: orderView, list: 'orders', one: 'order' },
    commands: { decider: order, creates: 'place', offered: ['place', 'change-shipping-address', 'cancel'] },
  },
  {
    path: 'sales-by-product',
    documents: { view: salesByProduct, list: 'sales', one: 'sales-of-product', key: 'sku' },
  },
]

export const ordering: Service = {
  name: 'ordering',
  deciders: [order],
  publishes: [
    published(PrivateOrderPlaced, OrderPlaced, ({ atTheDoor: _, ...publicData }) => publicData),
    ...[OrderConfirmed, OrderCompleted, OrderRejected, OrderCancelled].map((type) => published(type)),
  ],
  views: [orderView, salesByProduct],
  reactions: [],
  resources: orderResources,
}

// An order, and its later events.

export const address = { name: 'Ada', street: 'Quay 1', postalCode: '1000', city: 'Ghent', country: 'BE' }

export const placeBody = {
  customerId: 'customer-1',
  currency: 'EUR',
  lines: [
    { sku: 'tea', quantity: 2, unitPrice: 450 },
    { sku: 'cup', quantity: 1, unitPrice: 1250 },
  ],
  shippingAddress: address,
}

export const place: OrderCommand = { type: 'place', data: placeBody }

const sold = { lines: placeBody.lines.toReversed(), total: { currency: 'EUR', amount: 2150 } }

/** In the first version of the event. */
export const placedV1 = {
  type: 'OrderPlaced' as const,
  data: { orderId: '1', customerId: 'customer-1', ...sold, shippingAddress: address },
}

/** In the version that is decided now. */
export const placed: EventOf<typeof PrivateOrderPlaced> = {
  type: 'OrderPlaced',
  data: { ...placedV1.data, atTheDoor: 'Ada' },
}

export const cancelled: EventOf<typeof OrderCancelled> = {
  type: 'OrderCancelled',
  data: { orderId: '1', reason: 'late', ...sold },
}
