import assert from 'node:assert/strict'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { earliestEventPosition } from '@azure/event-hubs'
import { cleanUp, killAndRestart, newFolder, startControlled } from './controlled-emulator.ts'
import { unrefRenewals } from './sdk-timers.ts'
import { createConsumer, createProducer, receive } from './support.ts'

before(unrefRenewals)
after(cleanUp)

const HUBS = { hubs: [{ name: 'orders', partitions: 1, consumerGroups: [] }] }
const SENDS = 150

test('retention set while running drops old segments, and readers start at the first retained event', async (t) => {
  const folder = await newFolder()
  let endpoint = await startControlled(folder, HUBS)
  const producer = createProducer(t, endpoint.connectionString, 'orders')
  const body = Buffer.alloc(1_000_000, 'x')
  for (let i = 0; i < SENDS; i++) await producer.sendBatch([{ body, properties: { i } }])
  const segments = async (): Promise<number> =>
    (await readdir(join(folder, 'data', 'hubs', 'orders', '0'))).filter((name) => name.endsWith('.log')).length
  const all = await segments()
  assert.ok(all >= 3, `${all} segments`)
  const [first] = await receive(createConsumer(t, endpoint.connectionString, 'orders'), '0', earliestEventPosition, 1)
  assert.equal(first?.properties?.i, 0)

  const path = '/namespaces/emulatorNs1/hubs/orders'
  const { status, body: hub } = await endpoint.call('PUT', path, { partitions: 1, retentionMegabytes: 64 })
  assert.equal(status, 200)
  assert.ok((await segments()) < all)
  const begin = hub.partitions[0].beginSequence
  assert.ok(begin > 0 && begin < SENDS)
  const check = async (): Promise<void> => {
    const consumer = createConsumer(t, endpoint.connectionString, 'orders')
    const { beginningSequenceNumber, lastEnqueuedSequenceNumber } = await consumer.getPartitionProperties('0')
    assert.deepEqual([beginningSequenceNumber, lastEnqueuedSequenceNumber], [begin, SENDS - 1])
    for (const position of [earliestEventPosition, { offset: String(first?.offset) }, { sequenceNumber: 1 }]) {
      const [event] = await receive(consumer, '0', position, 1)
      assert.deepEqual([event?.sequenceNumber, event?.properties?.i], [begin, begin])
    }
    await consumer.close()
  }
  await check()
  await producer.close()
  endpoint = await killAndRestart(endpoint, folder, HUBS)
  await check()
})

test('on request all events expire at once, and the next event has the next sequence number', async (t) => {
  const folder = await newFolder()
  const endpoint = await startControlled(folder, HUBS)
  const producer = createProducer(t, endpoint.connectionString, 'orders')
  for (let i = 0; i < 3; i++) await producer.sendBatch([{ body: { i } }])
  const path = '/namespaces/emulatorNs1/hubs/orders/expire'
  const { status, body: hub } = await endpoint.call('POST', path)
  assert.deepEqual([status, hub.partitions[0].beginSequence, hub.partitions[0].lastSequence], [200, 3, 2])
  const consumer = createConsumer(t, endpoint.connectionString, 'orders')
  assert.equal((await consumer.getPartitionProperties('0')).isEmpty, true)
  await producer.sendBatch([{ body: { i: 3 } }])
  const [event] = await receive(consumer, '0', earliestEventPosition, 1)
  assert.equal(event?.sequenceNumber, 3)
  assert.equal((await endpoint.call('POST', path.replace('orders', 'none'))).status, 404)
})
