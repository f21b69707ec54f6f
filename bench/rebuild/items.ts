import type { JSONObject } from '@azure/cosmos'
import { toLogItem } from '../../packages/tidemark/core/commit.ts'
import { commit, recordedAfter } from '../../packages/tidemark/test/support/commits.ts'
import { order } from '../../src/ordering/order.ts'
import { ordering } from '../../src/ordering/service.ts'
import { makeOrder } from './orders.ts'

/** An item of the log. */
type LogItem = JSONObject & { readonly id: string; readonly stream: string }

/** The items of an order's stream, as an append makes them. */
export function makeItems(number: number): readonly LogItem[] {
  const { id, events } = makeOrder(number)
  const stream = `order-${id}`
  return recordedAfter({ service: ordering, decider: order, stream }, [], ...events).map(
    (event) => toLogItem(commit(`${id}@${event.version}`, [event])) as unknown as LogItem,
  )
}
