import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { DomainEvent, RecordedEvent, Send } from 'tidemark'
import type { AnyReaction } from 'tidemark/tools'
import { recorded } from '../../packages/tidemark/test/support/recorded.ts'
import { inventory } from '../../src/inventory/service.ts'
import { payments } from '../../src/payments/service.ts'
import { shipping } from '../../src/shipping/service.ts'
import {
  captureRequested,
  paymentRequested,
  refundRequested,
  shipmentCancellationRequested,
  shipmentRequested,
  voidRequested,
} from '../support/fulfilments.ts'
import { placed } from '../support/orders.ts'

const lines = [
  { sku: 'cup', quantity: 1 },
  { sku: 'tea', quantity: 2 },
]
const events: readonly DomainEvent[] = [
  placed,
  { type: 'StockReleaseRequested', data: { orderId: '1', lines } },
  { type: 'ShipmentDispatched', data: { orderId: '1', lines } },
  { type: 'ShipmentReturned', data: { orderId: '1', lines } },
  paymentRequested('1'),
  captureRequested('1'),
  voidRequested('1'),
  refundRequested('1'),
  shipmentRequested('1'),
  shipmentCancellationRequested('1'),
]

/** The streams and ids of the commands that an event leads to. */
async function listCommands(reaction: AnyReaction, event: RecordedEvent): Promise<string[]> {
  const sent: string[] = []
  const send: Send = async ({ category }, id, commandId) => {
    sent.push(`${category}-${id} ${commandId}`)
    return { outcome: 'done', events: [] }
  }
  await reaction.react(event, send, async () => {})
  return sent
}

describe('the commands of a reaction', () => {
  for (const service of [inventory, payments, shipping])
    for (const reaction of service.reactions)
      for (const { name } of reaction.events)
        it(`of ${service.name} ${reaction.name} have unique ids that depend only on ${name}`, async () => {
          const event = events.find(({ type }) => type === name)
          assert.ok(event, `no ${name} to react to`)
          const [here] = recorded('any-1', event)
          // The same event in another delivery, at another position and time, with no other field in common.
          const [, there] = recorded('any-2', event, event)
          assert.ok(here && there)
          const sent = await listCommands(reaction, here)
          assert.deepEqual(await listCommands(reaction, there), sent)
          assert.ok(sent.length > 0 && new Set(sent).size === sent.length)
        })
})
