import { randomUUID } from 'node:crypto'
import { after, before, it } from 'node:test'
import { EventHubProducerClient } from '@azure/event-hubs'
import { toCloudEvent } from '../../../src/core/cloud-event.ts'
import { cancelled, placedV1 } from '../../support/orders.ts'
import { recorded } from '../../support/recorded.ts'
import { until } from '../../support/wait.ts'
import type { WitnessedErrors } from '../../support/witnessed-errors.ts'
import type { World } from './world.ts'

/** What a consumer cannot take in: sent to the hub by a stranger. Each holds its partition from then on, so each has its own. */
export function consumers(world: () => World, errors: WitnessedErrors): void {
  let producer: EventHubProducerClient
  before(() => {
    producer = new EventHubProducerClient(world().system.settings.EventHubConnection ?? '', 'ordering')
  })
  after(() => producer.close())

  async function held(partitionId: string, message: unknown, about: string): Promise<string> {
    await producer.sendBatch([{ body: message }], { partitionId })
    return until('the line', () =>
      world().lines.find((line) => line.includes('ordering-views is held') && line.includes(about)),
    )
  }

  it('another event at a version that the view has seen: fork-detected', async () => {
    const { id, stream, position } = await world().newOrder()
    await world().system.client.get(`/orders/${id}?position=${encodeURIComponent(position)}`)
    const [forged] = recorded(stream, placedV1)
    errors.logLine('fork-detected', await held('0', forged && toCloudEvent(forged), stream))
  })

  it('an event whose predecessors are not in the log: gap-unfilled', async () => {
    const stream = `order-${randomUUID()}`
    const forged = recorded(stream, placedV1, placedV1).at(-1)
    errors.logLine('gap-unfilled', await held('1', forged && toCloudEvent(forged), stream))
  })

  it('an event that was changed on the way: hash-mismatch', async () => {
    const stream = `order-${randomUUID()}`
    const [event] = recorded(stream, placedV1)
    errors.logLine('hash-mismatch', await held('2', event && { ...toCloudEvent(event), actor: 'another' }, stream))
  })

  it('an event that asks for a document whose key no URL can have: key-invalid', async () => {
    const stream = `order-${randomUUID()}`
    const lines = [{ sku: `${stream}/tea`, quantity: 1, unitPrice: 1 }]
    // What others are told is in order.
    const published = { ...cancelled, schemaVersion: 1 }
    const [event] = recorded(stream, { ...cancelled, data: { ...cancelled.data, lines }, published })
    errors.logLine('key-invalid', await held('3', event && toCloudEvent(event), `${stream}/tea`))
  })
}
