import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { EventHubProducerClient } from '@azure/event-hubs'
import {
  type ControlledEmulator,
  cleanUp,
  newFolder,
  startControlled,
} from '../../../event-hubs/test/controlled-emulator.ts'
import { unrefRenewals } from '../../../event-hubs/test/sdk-timers.ts'
import type { HubMessage } from '../../core/ports.ts'
import { EventHubsReader, eventHubConsumer } from '../../event-hubs/reader.ts'

const HUBS = { hubs: [{ name: 'orders', partitions: 1, consumerGroups: [] }] }
const MESSAGES = 700

describe('the reader of a hub, on the emulator', () => {
  let endpoint: ControlledEmulator
  let reader: EventHubsReader

  before(async () => {
    unrefRenewals()
    endpoint = await startControlled(await newFolder(), HUBS)
    reader = new EventHubsReader(eventHubConsumer({ connectionString: endpoint.connectionString }, 'orders'))
    const producer = new EventHubProducerClient(endpoint.connectionString, 'orders')
    await producer.sendBatch(Array.from({ length: MESSAGES }, (_, n) => ({ body: { n } })))
    await producer.close()
  })
  after(cleanUp)

  async function read(from: number, to: number): Promise<readonly HubMessage[]> {
    const messages: HubMessage[] = []
    for await (const page of reader.read('0', from, to)) messages.push(...page)
    return messages
  }

  it('reads a range of sequence numbers in pages, and a single message', async () => {
    assert.deepEqual(await reader.partitions(), ['0'])
    assert.deepEqual(await reader.bounds('0'), { first: 0, last: MESSAGES - 1 })
    const messages = await read(10, 689)
    assert.deepEqual(
      messages.map(({ sequence, body }) => [sequence, body]),
      Array.from({ length: 680 }, (_, n) => [10 + n, { n: 10 + n }]),
    )
    assert.deepEqual(
      (await read(5, 5)).map(({ sequence }) => sequence),
      [5],
    )
    assert.ok(messages.every(({ time }) => time >= '2026' && new Date(time).toISOString() === time))
  })

  it('reports when the hub was created, before its first message', async () => {
    const [first] = await read(0, 0)
    assert.ok(first && (await reader.madeAt()) <= first.time)
  })

  it('ends when the rest of its range has expired and no message follows', async () => {
    const { status } = await endpoint.call('POST', '/namespaces/emulatorNs1/hubs/orders/expire')
    assert.equal(status, 200)
    assert.deepEqual(await read(10, 20), [])
    assert.deepEqual(await reader.bounds('0'), { first: MESSAGES, last: MESSAGES - 1 })
  })
})
