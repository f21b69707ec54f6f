import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, before, describe, it } from 'node:test'
import { EventHubProducerClient } from '@azure/event-hubs'
import { Command } from '../support/command.ts'
import { TestHub } from '../support/hubs.ts'
import { placeBody } from '../support/orders.ts'
import { Replays } from '../support/replays.ts'
import { callOnceSeen, System } from '../support/system.ts'
import { until } from '../support/wait.ts'

const EACH = 100
const PARTITION = 2

/** Of ordering: a build whose view of orders has a fault, and then today's. Each test goes on where the one before ended. */
describe('what cannot be processed waits by itself, on the running system', () => {
  let system: System
  let hub: TestHub
  let producer: EventHubProducerClient
  let output = ''
  /** The orders that the faulty build cannot show, and their positions. */
  const bad = new Map<string, string>()
  let tests = 0

  before(async () => {
    system = await System.cloudAlone({ services: ['ordering'] })
    hub = new TestHub(system, 'ordering')
    producer = new EventHubProducerClient(system.settings.EventHubConnection ?? '', 'ordering')
    await start({ TIDEMARK_FUNCTIONS_MAIN: 'test/support/faulty-functions.ts', TIDEMARK_QUERY_WAIT_MS: '300' })
  })
  after(async () => {
    await producer.close()
    await system.remove()
  })

  const start = (env: Record<string, string> = {}) =>
    system.startHost({
      preload: { env },
      onOutput: (text) => {
        output += text
      },
    })

  async function parked(
    ...args: readonly string[]
  ): Promise<{ readonly code: number | null; readonly output: string }> {
    const { http, cosmos, eventHubs } = system.ports
    return new Command('cli/parked.ts', ['ordering', ...args], {
      TIDEMARK_HTTP_PORT: String(http),
      TIDEMARK_COSMOS_PORT: String(cosmos),
      TIDEMARK_EVENTHUBS_PORT: String(eventHubs),
    }).ended
  }

  async function place(id: string, customerId: string): Promise<string> {
    const path = `/orders/${id}/place`
    const answer = await system.client.post(path, { ...placeBody, customerId }, { 'idempotency-key': randomUUID() })
    assert.equal(answer.status, 200, JSON.stringify(answer.body))
    return answer.body.position
  }

  const seen = (id: string, position: string) =>
    callOnceSeen('GET', `${system.base}/orders/${id}?position=${encodeURIComponent(position)}`)

  it(`${EACH} good, one bad and ${EACH} good orders in one partition: all the good ones are seen, and nothing is brought again`, async () => {
    const ids = hub.idsIn(PARTITION, 2 * EACH + 1, 'parking')
    const positions = new Map<string, string>()
    for (const [index, id] of ids.entries()) positions.set(id, await place(id, index === EACH ? 'throws' : 'good'))
    for (const [index, id] of ids.entries()) {
      const position = positions.get(id) ?? ''
      if (index === EACH) {
        bad.set(id, position)
        continue
      }
      const { status, body } = await seen(id, position)
      assert.deepEqual([status, body.customerId], [200, 'good'])
    }
    for (const [id, position] of bad) {
      const path = `/orders/${id}?position=${encodeURIComponent(position)}`
      const { status, body } = await until(
        'the stream to wait',
        () => system.call('GET', path),
        (answer) => answer.body.code !== 'view-behind',
      )
      assert.deepEqual([status, body.code], [503, 'stream-parked'])
    }
    const told = output.split('\n').filter((line) => line.includes('cannot process'))
    assert.equal(told.length, 1, told.join('\n'))
    assert.match(
      told[0] ?? '',
      /order@1 cannot process order-parking-\d+@1 OrderPlaced \(hub ordering, partition 2, number \d+\): handler-failed: /,
    )
    assert.doesNotMatch(output, /is held/)
  })

  it('messages of strangers wait by themselves, whatever they are, and an order behind them is seen', async () => {
    const strangers = ['hello', '\uFEFF{}', 7, [1, 2], { hello: 'you' }, '{"specversion":"1.0"}']
    for (const body of strangers) await producer.sendBatch([{ body }], { partitionId: String(PARTITION) })
    const [id = ''] = hub.idsIn(PARTITION, 1, `behind-${tests}`)
    assert.equal((await seen(id, await place(id, 'good'))).status, 200)
    const { output: listed } = await parked()
    // Each of the two consumers of the hub has them: the views, and the reactions.
    assert.match(listed, new RegExp(`1 streams and ${2 * strangers.length} messages$`, 'm'))
    const { code } = await parked('--code', 'event-unreadable', '--discard', '--reason', 'strangers')
    assert.equal(code, 0)
    assert.match((await parked()).output, /1 streams and 0 messages$/m)
  })

  it('tried again by the faulty build it still waits; to give up needs a reason', async () => {
    const without = await parked('--stream', 'order-none', '--discard')
    assert.deepEqual([without.code, /--reason/.test(without.output)], [1, true])
    const [id = ''] = bad.keys()
    const { code, output: listed } = await parked('--stream', `order-${id}`)
    assert.equal(code, 0)
    assert.match(
      listed,
      /order@1: order-parking-\d+@1 OrderPlaced since .*\n {2}handler-failed: .*the view has a fault\n/,
    )
  })

  it('the mended build takes it up, with what came after it, and every view equals the log', async () => {
    await system.host.stop()
    await start()
    const [id = ''] = bad.keys()
    const cancelled = await system.client.post(
      `/orders/${id}/cancel`,
      { reason: 'late' },
      { 'idempotency-key': randomUUID() },
    )
    assert.equal(cancelled.status, 200)
    const { code, output: said } = await parked('--redrive')
    assert.equal(code, 0, said)
    assert.match(said, /taken up/)
    const { status, body } = await seen(id, cancelled.body.position)
    assert.deepEqual([status, body.status], [200, 'cancelled'])
    const replays = new Replays(system)
    await replays.customers(10, 'after')
    assert.match((await parked()).output, /0 streams and 0 messages$/m)
    assert.deepEqual(await replays.differences(), [])
    tests += 1
  })
})
