import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, before, describe, it } from 'node:test'
import { EventHubProducerClient } from '@azure/event-hubs'
import { placeBody } from '../support/orders.ts'
import { System } from '../support/system.ts'
import { until } from '../support/wait.ts'

describe('a message that cannot be read', () => {
  let system: System
  before(async () => {
    system = await System.start({ services: ['ordering'] })
  })
  after(() => system.remove())

  it('holds its partition and is never passed over, also not by a restart; other partitions go on', async () => {
    const held = `held-${randomUUID()}`
    const producer = new EventHubProducerClient(system.settings.EventHubConnection ?? '', 'ordering')
    const batch = await producer.createBatch({ partitionKey: `order-${held}` })
    assert.ok(batch.tryAdd({ body: { not: 'a CloudEvent' } }))
    await producer.sendBatch(batch)
    await producer.close()

    const place = async (id: string): Promise<string> => {
      const answer = await system.client.post(`/orders/${id}/place`, placeBody, { 'idempotency-key': randomUUID() })
      assert.equal(answer.status, 200)
      return answer.body.position
    }
    const heldPosition = await place(held)
    const others = await Promise.all(
      Array.from({ length: 24 }, () => randomUUID()).map(async (id) => ({ id, position: await place(id) })),
    )

    // Eight partitions: some of these share the held one, most do not.
    const status = async (id: string, position: string): Promise<number> =>
      (await fetch(`${system.base}/orders/${id}?position=${encodeURIComponent(position)}`)).status
    await until(
      'twelve of them',
      () => Promise.all(others.map(({ id, position }) => status(id, position))),
      (statuses) => statuses.filter((each) => each === 200).length >= 12,
    )
    assert.equal(await status(held, heldPosition), 503)

    await system.host.stop()
    await system.startHost()
    const fresh = randomUUID()
    const freshPosition = await place(fresh)
    // Whichever partition the fresh order is on, the held one's is not past its message.
    await status(fresh, freshPosition)
    assert.equal(await status(held, heldPosition), 503)
  })
})
