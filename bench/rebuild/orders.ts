import type { OrderEvent } from '../../src/ordering/events.ts'
import { placed } from '../../test/support/orders.ts'

/** How many events each order has. */
export const EVENTS_OF_ORDER = 2

/** The events of an order, which was placed and confirmed. Each belongs to a commit of its own. */
export function makeOrder(number: number): { readonly id: string; readonly events: readonly OrderEvent[] } {
  const id = `${number}`
  return {
    id,
    events: [
      { ...placed, data: { ...placed.data, orderId: id } },
      { type: 'OrderConfirmed', data: { orderId: id } },
    ],
  }
}

/** What a rebuild measured. */
export interface Measured {
  readonly documents: number
  readonly seconds: number
  /** CPU time of the process that rebuilds, without its store. */
  readonly cpuSeconds: number
  readonly megabytes: number
  /** What it sent to its store, and what that cost. Absent: not counted. */
  readonly requests?: number
  readonly requestUnits?: number
}

/** Runs a rebuild, and measures this process. @returns the documents afterwards. */
export async function measure(rebuild: () => Promise<{ readonly seconds: number; readonly documents: number }>) {
  const before = process.cpuUsage()
  const run = await rebuild()
  const { user, system } = process.cpuUsage(before)
  const megabytes = Math.round(process.resourceUsage().maxRSS / 1024)
  return { ...run, cpuSeconds: (user + system) / 1e6, megabytes } satisfies Measured
}
