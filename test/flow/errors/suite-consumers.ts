import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, before, describe, it } from 'node:test'
import { EventHubProducerClient } from '@azure/event-hubs'
import { toCloudEvent } from 'tidemark/tools'
import { Command } from '../../../packages/test-support/command.ts'
import { until } from '../../../packages/test-support/wait.ts'
import { recorded } from '../../../packages/tidemark/test/support/recorded.ts'
import { cancelled, placeBody, placedV1 } from '../../support/orders.ts'
import type { WitnessedErrors } from '../../support/witnessed-errors.ts'
import { json, type World } from './world.ts'

/**
 * Messages that a consumer cannot process, sent to one partition of the hub by another program. Each is parked.
 */
export function consumers(world: () => World, errors: WitnessedErrors): void {
  let producer: EventHubProducerClient
  before(() => {
    producer = new EventHubProducerClient(world().system.settings.EventHubConnection ?? '', 'ordering')
  })
  after(() => producer.close())

  async function logged(message: unknown, about: string): Promise<string> {
    await producer.sendBatch([{ body: message }], { partitionId: '0' })
    return until('the line', () =>
      world().lines.find((line) => line.includes('ordering-views: ') && line.includes(about)),
    )
  }

  it('another event at a version that the view has seen: fork-detected', async () => {
    const { id, stream, position } = await world().newOrder()
    await world().system.client.get(`/orders/${id}?position=${encodeURIComponent(position)}`)
    const [forged] = recorded(stream, placedV1)
    errors.logLine('fork-detected', await logged(forged && toCloudEvent(forged), stream))
  })

  it('an event whose predecessors are not in the log: gap-unfilled', async () => {
    const stream = `order-${randomUUID()}`
    const forged = recorded(stream, placedV1, placedV1).at(-1)
    errors.logLine('gap-unfilled', await logged(forged && toCloudEvent(forged), stream))
  })

  it('an event that was changed in transit: hash-mismatch', async () => {
    const stream = `order-${randomUUID()}`
    const [event] = recorded(stream, placedV1)
    errors.logLine('hash-mismatch', await logged(event && { ...toCloudEvent(event), actor: 'another' }, stream))
  })

  describe('a view', () => {
    before(async () => {
      await world().system.host.stop()
      const env = { ...world().env, FUNCTIONS_HOST_MAIN: 'test/support/faulty-functions.ts' }
      await world().system.startHost({ preload: { env }, onOutput: world().listen })
    })
    after(async () => {
      await world().system.host.stop()
      await world().startHost()
    })

    async function place(customerId: string): Promise<{ readonly id: string; readonly position: string }> {
      const body = { ...placeBody, customerId }
      const answer = await world().system.client.post('/orders', body, { 'idempotency-key': randomUUID() })
      assert.equal(answer.status, 201)
      return answer.body
    }

    it('of a log with more events than one answer projects: log-too-long', async () => {
      for (const customer of ['one', 'two']) await place(customer)
      const query = { at: '2100-01-01T00:00:00Z', maxEvents: 1 }
      errors.answer('log-too-long', await world().system.call('POST', '/views/order/as-of', json(query)))
    })

    it('that throws: handler-failed, and stream-parked for a reader that waits for the position', async () => {
      const { id, position } = await place('throws')
      const line = await until('the line', () =>
        world().lines.find((each) => each.includes('cannot process') && each.includes(id)),
      )
      assert.match(line, / handler-failed: ./)
      const asOf = await world().system.call('POST', '/views/order/as-of', json({ key: `order-${id}` }))
      errors.answer('handler-failed', asOf)
      assert.match(asOf.body.detail, new RegExp(`^the view order cannot apply order-${id}@1 \\(OrderPlaced\\): `))
      const path = `/orders/${id}?position=${encodeURIComponent(position)}`
      const answer = await until(
        'the view to wait',
        () => world().system.call('GET', path),
        ({ body }) => body.code !== 'view-behind',
      )
      errors.answer('stream-parked', answer)
    })

    it('whose document becomes too large: document-too-large', async () => {
      const { id } = await place('huge')
      const line = () => world().lines.find((each) => each.includes('cannot process') && each.includes(id))
      errors.logLine('document-too-large', await until('the line', line))
    })

    it('with the largest number of parked streams: parking-full, until some are discarded', async () => {
      const parked = world().system.log.database.container('parked')
      const items = Array.from({ length: 1_000 }, (_, index) => ({
        id: `message|full-${index}`,
        pk: 'ordering-views',
        kind: 'message',
        value: {
          id: `full-${index}`,
          place: { hub: 'ordering', partition: '0' },
          code: 'event-unreadable',
          reason: 'r',
        },
      }))
      for (let at = 0; at < items.length; at += 100)
        await parked.items.batch(
          items.slice(at, at + 100).map((resourceBody) => ({ operationType: 'Create', resourceBody })),
          'ordering-views',
        )
      const text = randomUUID()
      await producer.sendBatch([{ body: text }], { partitionId: '1' })
      const held = () => world().lines.find((each) => each.includes('ordering-views is held: parking-full'))
      errors.logLine('parking-full', await until('the line', held))
      for (let at = 0; at < items.length; at += 100)
        await parked.items.batch(
          items.slice(at, at + 100).map(({ id }) => ({ operationType: 'Delete', id })),
          'ordering-views',
        )
      const kept = async (): Promise<boolean> => {
        const query = `SELECT VALUE COUNT(1) FROM c WHERE c.kind = 'message' AND CONTAINS(c["value"].body, '${text}')`
        return (
          (await parked.items.query<number>(query, { partitionKey: 'ordering-views' }).fetchAll()).resources[0] === 1
        )
      }
      await until('the message to be kept', kept)
    })

    it('that fails for many streams in a row: handler-paused', async () => {
      for (let n = 0; n < 25; n += 1) await place('throws')
      const held = () => world().lines.find((each) => each.includes('ordering-views is held: handler-paused'))
      errors.logLine('handler-paused', await until('the line', held))
    })
  })

  describe('a redrive', () => {
    const redrive = (stream: string) => {
      const { http, cosmos, eventHubs } = world().system.ports
      return new Command('packages/cli/tidemark.js', ['parked', 'redrive', 'ordering', '--stream', stream], {
        TIDEMARK_HTTP_PORT: String(http),
        TIDEMARK_COSMOS_PORT: String(cosmos),
        TIDEMARK_EVENTHUBS_PORT: String(eventHubs),
      }).ended
    }

    it('of a stream that is not parked: not-parked', async () => {
      const { code, output } = await redrive('order-none')
      assert.equal(code, 1, output)
      assert.match(output, /^not-parked: .*order-none$/m)
    })

    it('after the applied markers have expired: marks-expired', async () => {
      const hours = (count: number): string => new Date(Date.now() - count * 3_600_000).toISOString()
      const value = {
        ...{ handler: 'sales-by-product@1', stream: 'order-old', version: 2, type: 'OrderCancelled', last: 2 },
        ...{ code: 'handler-failed', reason: 'r', build: 'b', since: hours(13), attempts: 9, nextAttempt: hours(-1) },
        ...{ events: 0, bytes: 0 },
      }
      const id = 'stream|sales-by-product@1|order-old'
      await world()
        .system.log.database.container('parked')
        .items.create({ id, pk: 'ordering-views', kind: 'stream', value })
      const { code, output } = await redrive('order-old')
      assert.equal(code, 1, output)
      errors.commandLine('marks-expired', output)
    })
  })

  it('an event that needs a document key that no URL can have: key-invalid', async () => {
    const stream = `order-${randomUUID()}`
    const lines = [{ sku: `${stream}/tea`, quantity: 1, unitPrice: 1 }]
    // The public event is valid.
    const published = { ...cancelled, schemaVersion: 1 }
    const [event] = recorded(stream, { ...cancelled, data: { ...cancelled.data, lines }, published })
    errors.logLine('key-invalid', await logged(event && toCloudEvent(event), `${stream}/tea`))
  })
}
