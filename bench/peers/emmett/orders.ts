import { DeciderCommandHandler } from '@event-driven-io/emmett'
import { type PostgresReadEvent, pongoSingleStreamProjection } from '@event-driven-io/emmett-postgresql'
import { isRefusal, type Recorded } from 'tidemark'
import type { OrderEvent } from '../../../src/ordering/events.ts'
import { type OrderCommand, order } from '../../../src/ordering/order.ts'
import { type OrderDocument, orderView } from '../../../src/ordering/order-view.ts'

/** The sample's order for emmett, with its unchanged decider and view of one order. */

/** Emmett requires an index signature, which our open-ended types lack. The data are the same. */
export type PeerEvent = { readonly type: OrderEvent['type']; readonly data: Record<string, unknown> }

/** Emmett gives its deciders no id, so it is part of the command. */
interface PeerCommand {
  readonly type: 'order'
  readonly data: { readonly orderId: string; readonly command: OrderCommand }
}

export type PeerDocument = OrderDocument & { readonly version: number }

export class Refused extends Error {
  override readonly name = 'Refused'
}

export const COLLECTION = 'orders'

export const streamOf = (orderId: string): string => `${order.category}-${orderId}`

export const handleOrder = DeciderCommandHandler<
  typeof order.initial,
  PeerCommand & Record<string, unknown>,
  PeerEvent
>({
  initialState: () => order.initial,
  evolve: (state, event) => order.evolve(state, event as OrderEvent),
  decide({ data: { orderId, command } }, state) {
    const decision = order.decide(state, command, { id: orderId, now: new Date().toISOString() })
    if (isRefusal(decision)) throw new Refused(decision.detail)
    return [...decision] as PeerEvent[]
  },
  mapToStreamId: streamOf,
})

/** A document for each order, by the name of its stream. */
export const orders = pongoSingleStreamProjection<PeerDocument, PeerEvent>({
  collectionName: COLLECTION,
  canHandle: order.events.map(({ name }) => name) as PeerEvent['type'][],
  evolve(document: PeerDocument | null, event: PostgresReadEvent<PeerEvent>) {
    // Emmett's recorded events have no time of their own.
    const recorded = { ...event, time: new Date().toISOString() } as unknown as Recorded<OrderEvent>
    const next = orderView.evolve(document ?? undefined, recorded)
    return next ? { ...next, version: Number(event.metadata.streamPosition) } : null
  },
})
