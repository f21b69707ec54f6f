import { recordedAfter, toItems } from '../../packages/tidemark/test/support/commits.ts'
import { order } from '../../src/ordering/order.ts'
import { ordering } from '../../src/ordering/service.ts'
import { makeOrder } from './orders.ts'

/** The stream of an order and its items, as an append makes them. */
export function makeItems(number: number) {
  const { id, events } = makeOrder(number)
  const stream = `order-${id}`
  return { stream, items: toItems(recordedAfter({ service: ordering, decider: order, stream }, [], ...events)) }
}
