import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, before, describe, it } from 'node:test'
import { EventHubProducerClient } from '@azure/event-hubs'
import { Command } from '../../packages/test-support/command.ts'
import { until } from '../../packages/test-support/wait.ts'
import { TestHub } from '../support/hubs.ts'
import { placeBody } from '../support/orders.ts'
import { Replays } from '../support/replays.ts'
import { callOnceSeen, System } from '../support/system.ts'

const EACH = 100
const PARTITION = 2
const FAULTY = { FUNCTIONS_HOST_MAIN: 'test/support/faulty-functions.ts', TIDEMARK_QUERY_WAIT_MS: '300' }

/**
 * Ordering runs with a fault in its view of orders, and then without. Each test continues where the one before ended.
 */
describe('parking in the running system', () => {
  let system: System
  let hub: TestHub
  let producer: EventHubProducerClient
  let output = ''
  /** The orders whose events the faulty build cannot process, and their positions. */
  const bad = new Map<string, string>()
  let tests = 0

  before(async () => {
    system = await System.cloudAlone({ services: ['ordering'] })
    hub = new TestHub(system, 'ordering')
    producer = new EventHubProducerClient(system.settings.EventHubConnection ?? '', 'ordering')
    await start(FAULTY)
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

  function cli(file: string, ...args: readonly string[]): Command['ended'] {
    const { http, cosmos, eventHubs } = system.ports
    return new Command(file, args, {
      TIDEMARK_HTTP_PORT: String(http),
      TIDEMARK_COSMOS_PORT: String(cosmos),
      TIDEMARK_EVENTHUBS_PORT: String(eventHubs),
    }).ended
  }
  const parked = (action = 'list', ...args: readonly string[]) =>
    cli('packages/cli/tidemark.js', 'parked', action, 'ordering', ...args)
  const verify = () => cli('packages/cli/verify.ts', 'ordering', '--no-archive')

  async function place(id: string, customerId: string): Promise<string> {
    const path = `/orders/${id}/place`
    const answer = await system.client.post(path, { ...placeBody, customerId }, { 'idempotency-key': randomUUID() })
    assert.equal(answer.status, 200, JSON.stringify(answer.body))
    return answer.body.position
  }

  const seen = (id: string, position: string) =>
    callOnceSeen('GET', `${system.base}/orders/${id}?position=${encodeURIComponent(position)}`)

  it(`lets ${EACH} orders before and after a bad one in its partition be seen, without redelivery`, async () => {
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
        'the stream to be parked',
        () => system.call('GET', path),
        (answer) => answer.body.code !== 'view-behind',
      )
      assert.deepEqual([status, body.code], [503, 'stream-parked'])
    }
    const lines = output.split('\n').filter((line) => line.includes('cannot process'))
    assert.equal(lines.length, 1, lines.join('\n'))
    assert.match(
      lines[0] ?? '',
      /order@1 cannot process order-parking-\d+@1 OrderPlaced \(hub ordering, partition 2, number \d+\): handler-failed: /,
    )
    assert.doesNotMatch(output, /is held/)
  })

  it('parks foreign messages of any kind alone, and an order behind them is seen', async () => {
    const strangers = ['hello', '\uFEFF{}', 7, [1, 2], { hello: 'you' }, '{"specversion":"1.0"}']
    for (const body of strangers) await producer.sendBatch([{ body }], { partitionId: String(PARTITION) })
    const [id = ''] = hub.idsIn(PARTITION, 1, `behind-${tests}`)
    assert.equal((await seen(id, await place(id, 'good'))).status, 200)
    const { output: listed } = await parked()
    // Both consumers of the hub have them: the views and the reactions.
    assert.match(listed, new RegExp(`1 streams and ${2 * strangers.length} messages$`, 'm'))
    const { code } = await parked('discard', '--code', 'event-unreadable', '--reason', 'strangers')
    assert.equal(code, 0)
    assert.match((await parked()).output, /1 streams and 0 messages$/m)
  })

  it('keeps the stream after a redrive by the faulty build, and needs a reason to discard', async () => {
    const without = await parked('discard', '--stream', 'order-none')
    assert.deepEqual([without.code, /--reason/.test(without.output)], [2, true])
    const [id = ''] = bad.keys()
    const { code, output: listed } = await parked('list', '--stream', `order-${id}`)
    assert.equal(code, 0)
    assert.match(
      listed,
      /order@1 +order-parking-\d+@1 +OrderPlaced +\S+ +\d+ +\S+\n {2}handler-failed: .*the view has a fault\n/,
    )
  })

  it('is listed over HTTP as well, where a redrive keeps the stream too', async () => {
    const [id = ''] = bad.keys()
    const { status, body } = await system.call('GET', `/parked?handler=order&stream=order-${id}`)
    assert.equal(status, 200, JSON.stringify(body))
    assert.deepEqual(body.messages, [])
    assert.equal(body.streams.length, 1)
    const [first] = body.streams
    assert.partialDeepStrictEqual(first, {
      ...{ consumer: 'ordering-views', handler: 'order@1', stream: `order-${id}`, version: 1 },
      ...{ type: 'OrderPlaced', code: 'handler-failed', place: { hub: 'ordering', partition: String(PARTITION) } },
    })
    assert.deepEqual((await system.call('GET', '/parked?code=event-unreadable')).body.streams, [])
    const redriven = await system.call('POST', '/parked/redrive', { body: JSON.stringify({ stream: `order-${id}` }) })
    assert.equal(redriven.status, 200, JSON.stringify(redriven.body))
    const [item, ...others] = redriven.body.items
    assert.deepEqual([others, redriven.body.more], [[], false])
    assert.partialDeepStrictEqual(item, { handler: 'order@1', stream: `order-${id}`, outcome: 'waits' })
    assert.match(item.reason, /the view has a fault/)
    const again = await system.call('GET', `/parked?stream=order-${id}`)
    assert.equal(again.body.streams[0].attempts, first.attempts + 1)
    const concerns: string[] = (await system.call('GET', '/status')).body.concerns
    assert.ok(concerns.includes('ordering-views: 1 streams and 0 messages are parked'), concerns.join())
  })

  it('is counted by npm run verify, and is no fault', async () => {
    const { code, output: said } = await verify()
    assert.equal(code, 0, said)
    assert.match(said, /^parked +1 streams wait for order: npm run parked -- ordering$/m)
  })

  it('ends with the fixed build, which processes the later events too, and every view equals the log', async () => {
    await system.host.stop()
    await start()
    const [id = ''] = bad.keys()
    const cancelled = await system.client.post(
      `/orders/${id}/cancel`,
      { reason: 'late' },
      { 'idempotency-key': randomUUID() },
    )
    assert.equal(cancelled.status, 200)
    const { code, output: said } = await parked('redrive')
    assert.equal(code, 0, said)
    assert.match(said, /processed/)
    const { status, body } = await seen(id, cancelled.body.position)
    assert.deepEqual([status, body.status], [200, 'cancelled'])
    const replays = new Replays(system)
    await replays.customers(10, 'after')
    assert.match((await parked()).output, /0 streams and 0 messages$/m)
    assert.deepEqual(await replays.differences(), [])
    const verified = await verify()
    assert.equal(verified.code, 0, verified.output)
    assert.doesNotMatch(verified.output, /^parked/m)
    tests += 1
  })

  it('ends with a discard over HTTP, whose reason and actor are recorded', async () => {
    await system.host.stop()
    await start(FAULTY)
    const [id = ''] = hub.idsIn(PARTITION, 1, 'given-up')
    const position = await place(id, 'throws')
    const waits = () => system.call('GET', `/orders/${id}?position=${encodeURIComponent(position)}`)
    await until('the stream to be parked', waits, (answer) => answer.body.code === 'stream-parked')
    const asked = {
      body: JSON.stringify({ stream: `order-${id}`, reason: 'ticket 12' }),
      headers: { 'x-actor': 'ada' },
    }
    const { status, body } = await system.call('POST', '/parked/discard', asked)
    assert.equal(status, 200, JSON.stringify(body))
    assert.deepEqual(
      body.items.map(({ outcome }: { outcome: string }) => outcome),
      ['done'],
    )
    assert.deepEqual((await system.call('GET', `/parked?stream=order-${id}`)).body.streams, [])
    const query = `SELECT VALUE c["value"] FROM c WHERE c.kind = 'discard'`
    const kept = await system.openContainer('ordering', 'parked').items.query(query).fetchAll()
    const discard = kept.resources.find(({ stream }) => stream === `order-${id}`)
    assert.partialDeepStrictEqual(discard, { handler: 'order', from: 1, to: 1, reason: 'ticket 12', by: 'ada' })
  })
})
