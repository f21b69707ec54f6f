import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, before, describe, it } from 'node:test'
import { type EventData, type EventDataBatch, EventHubProducerClient } from '@azure/event-hubs'
import { toCloudEvent } from 'tidemark/tools'
import { until } from '../../packages/test-support/wait.ts'
import { recorded } from '../../packages/tidemark/test/support/recorded.ts'
import { TestHub } from '../support/hubs.ts'
import { placeBody, placedV1 } from '../support/orders.ts'
import { System } from '../support/system.ts'

type Sent = Parameters<EventDataBatch['tryAdd']>[0]

const PARTITION = 1
/** Both consumers of the hub read its messages. */
const CONSUMERS = ['ordering-reactions-ordering', 'ordering-views']
/** The relay alone, so that consumers receive everything together once they start. */
const RELAY_ALONE = { FUNCTIONS_HOST_MAIN: 'test/support/relay-functions.ts' }
/** Lets a stalled partition be noticed within seconds. */
const SOON = { TIDEMARK_LAG_CHECK_S: '1' }
const CANNOT_BE_BOUND = /its input cannot be bound/

const event = toCloudEvent(recorded('order-forged', placedV1)[0] ?? assert.fail())
const { subject: _, ...noSubject } = event
/** A text that JSON.parse accepts, but JSON.stringify cannot write. */
const tooDeep = '['.repeat(20_000) + ']'.repeat(20_000)
const bytes = (text: string): EventData => ({ body: Buffer.from(text) })

/** In the order of sending. */
const FOREIGN: Readonly<Record<string, Sent>> = {
  text: bytes('hello'),
  nothing: bytes(''),
  'nothing again': bytes(''),
  'a byte order mark': bytes(`\uFEFF${JSON.stringify(event)}`),
  'JSON that ends too early': bytes('{"specversion":"1.0"'),
  'bytes that are not text': { body: Buffer.from([0xff, 0xfe, 0x00, 0x80]) },
  'a number': { body: 7 },
  null: bytes('null'),
  'a list': { body: [event] },
  'another object': { body: { hello: 'you' } },
  'a list with too many levels': bytes(tooDeep),
  'data with too many levels': bytes(JSON.stringify({ ...event, data: 'here' }).replace('"here"', tooDeep)),
  'no subject': { body: noSubject },
  'another specversion': { body: { ...event, specversion: '0.3' } },
  'a version that is not a number': { body: { ...event, streamversion: '1' } },
  'fields that contradict each other': { body: { ...event, id: 'order-forged@2' } },
  'a wrong hash': { body: { ...event, actor: 'another' } },
}

/** An AMQP message has a body of data, a value or a sequence. The Functions host binds only data. */
const NO_DATA: readonly Sent[] = [
  { body: { hello: 'you' }, bodyType: 'value' },
  { body: 'hello', bodyType: 'value' },
  { body: [1, 'two'], bodyType: 'sequence' },
]

describe('foreign messages in a partition with events', () => {
  let system: System
  let hub: TestHub
  let producer: EventHubProducerClient
  let output = ''

  before(async () => {
    system = await System.cloudAlone({ services: ['ordering'], soon: true })
    hub = new TestHub(system, 'ordering')
    producer = new EventHubProducerClient(system.settings.EventHubConnection ?? '', 'ordering')
  })
  after(async () => {
    await producer.close()
    await system.remove()
  })

  const start = (env: Record<string, string>) =>
    system.startHost({
      preload: { env },
      onOutput: (text) => {
        output += text
      },
    })

  async function place(id: string): Promise<string> {
    const headers = { 'idempotency-key': randomUUID() }
    const { status, body } = await system.client.post(`/orders/${id}/place`, placeBody, headers)
    assert.equal(status, 200, JSON.stringify(body))
    return `/orders/${id}?position=${encodeURIComponent(body.position)}`
  }

  async function publish(ids: readonly string[]): Promise<readonly string[]> {
    const sent = await hub.sent()
    const paths: string[] = []
    for (const id of ids) paths.push(await place(id))
    await until('the hub to have them', async () => (await hub.sent()) >= sent + ids.length)
    return paths
  }

  /**
   * Sends two orders, foreign messages and two more orders to one partition while no consumer runs.
   * @returns the paths of the orders, and the messages' sequence numbers.
   */
  async function between(messages: readonly Sent[], name: string) {
    await start(RELAY_ALONE)
    const ids = hub.idsIn(PARTITION, 4, name)
    const first = await publish(ids.slice(0, 2))
    const { lastEnqueuedSequenceNumber: before } = await producer.getPartitionProperties(String(PARTITION))
    const batch = await producer.createBatch({ partitionId: String(PARTITION) })
    for (const message of messages) assert.ok(batch.tryAdd(message))
    await producer.sendBatch(batch)
    const paths = [...first, ...(await publish(ids.slice(2)))]
    await system.host.stop()
    return { paths, numbers: messages.map((_, index) => before + 1 + index) }
  }

  async function assertSeen(paths: readonly string[]): Promise<void> {
    for (const path of paths) assert.equal((await system.callOnceSeen('GET', path)).status, 200, path)
  }

  /** The sequence numbers of the messages that are parked for each consumer. */
  async function waiting(): Promise<ReadonlyMap<string, readonly number[]>> {
    const { status, body } = await system.call('GET', '/parked')
    assert.equal(status, 200, JSON.stringify(body))
    assert.deepEqual(body.streams, [])
    const messages: { consumer: string; place: { hub: string; partition: string; sequence: number } }[] = body.messages
    for (const { place } of messages)
      assert.deepEqual([place.hub, place.partition], ['ordering', String(PARTITION)], JSON.stringify(place))
    return new Map(
      CONSUMERS.map((consumer) => {
        const its = messages.filter((each) => each.consumer === consumer)
        return [consumer, its.map(({ place }) => place.sequence).toSorted((a, b) => a - b)]
      }),
    )
  }

  /** Waits until both consumers have parked these messages, each once and with its place. */
  async function assertWait(numbers: readonly number[]): Promise<void> {
    const expected = new Map(CONSUMERS.map((consumer) => [consumer, numbers]))
    const seen = await until('the messages to wait', waiting, (found) =>
      [...found.values()].every(({ length }) => length >= numbers.length),
    )
    assert.deepEqual(seen, expected)
  }

  let parked: readonly number[] = []

  it(`of ${Object.keys(FOREIGN).length} kinds are parked once, and the orders around them are handled`, async () => {
    const { paths, numbers } = await between(Object.values(FOREIGN), 'foreign')
    await start({})
    await assertSeen(paths)
    parked = numbers
    await assertWait(parked)
    assert.doesNotMatch(output, /is held|cannot be bound/)
    await system.host.stop()
  })

  it('that the host cannot bind are read from the hub, with the rest of their partition', async () => {
    const { paths, numbers } = await between(NO_DATA, 'unbound')
    output = ''
    await start(SOON)
    await assertSeen(paths)
    parked = [...parked, ...numbers]
    await assertWait(parked)
    for (const consumer of ['ordering-views', 'ordering-reactions-ordering'])
      assert.match(output, new RegExp(`${consumer}: ${CANNOT_BE_BOUND.source}`))
    // Later messages are read from the hub too, and other partitions as usual.
    await assertSeen([await place(hub.idsIn(PARTITION, 1, 'later')[0] ?? '')])
    await assertSeen([await place(hub.idsIn(PARTITION + 1, 1, 'elsewhere')[0] ?? '')])
    system.host.kill('SIGKILL')
    await system.host.exited
  })

  it('that the host cannot bind fail again after a kill, without a loss or a second parking', async () => {
    output = ''
    await start(SOON)
    await until('the host to fail of it', () => CANNOT_BE_BOUND.test(output))
    await assertSeen([await place(hub.idsIn(PARTITION, 1, 'again')[0] ?? '')])
    await assertWait(parked)
    await system.host.stop()
  })

  it('are skipped by the host after a stop, and later events are delivered', async () => {
    output = ''
    // The lag is checked every minute, which is after the host's delivery.
    await start({})
    await assertSeen([await place(hub.idsIn(PARTITION, 1, 'past')[0] ?? '')])
    await assertWait(parked)
    assert.doesNotMatch(output, CANNOT_BE_BOUND)
  })
})
