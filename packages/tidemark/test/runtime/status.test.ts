import assert from 'node:assert/strict'
import { beforeEach, describe, it } from 'node:test'
import { TidemarkError } from '../../core/errors.ts'
import type { HandlerPoints, HubMessage, RelayLag } from '../../core/ports.ts'
import { NO_TELEMETRY } from '../../core/telemetry.ts'
import { MemoryParking } from '../../memory/parking.ts'
import { MemoryProgress } from '../../memory/progress.ts'
import { MemorySchedule } from '../../memory/schedule.ts'
import { ConsumerParking } from '../../runtime/parking.ts'
import { Redrive } from '../../runtime/redrive.ts'
import { readStatus, recordStatus, type StatusDependencies } from '../../runtime/status.ts'
import { ManualClock } from '../support/fakes.ts'
import { MemoryHub } from '../support/memory-hub.ts'

const T0 = Date.UTC(2026, 0, 1)
const at = (milliseconds: number) => new Date(T0 + milliseconds).toISOString()
const nothingWaits: RelayLag = { read: async () => ({ commits: 0, more: false }) }

describe('the status of a service', () => {
  let clock: ManualClock
  let hub: MemoryHub
  let progress: MemoryProgress
  let deps: StatusDependencies

  beforeEach(() => {
    clock = new ManualClock()
    void clock.wait(100_000)
    hub = new MemoryHub(['0', '1'])
    progress = new MemoryProgress(() => Date.parse(clock.now()))
    deps = {
      service: 'a',
      build: 'b',
      clock: { now: () => clock.now(), skew: 3.4 },
      relay: nothingWaits,
      consumers: [{ consumer: 'a-views', hubName: 'a', hub, handlers: ['x', 'y'], progress }],
      redrives: [],
    }
  })

  const points = (...of: readonly (readonly [string, HubMessage | undefined])[]): HandlerPoints =>
    new Map(of.flatMap(([handler, point]) => (point ? [[handler, point] as const] : [])))
  const write = (instance: string, handled: Readonly<Record<string, HandlerPoints>>, paused: readonly string[] = []) =>
    progress.write({ instance, build: 'b', handlers: ['x', 'y'], paused, partitions: new Map(Object.entries(handled)) })
  const read = async () => {
    const { consumers = [], ...rest } = await readStatus(deps)
    return { ...rest, consumer: consumers[0] ?? assert.fail() }
  }

  it('has no lag for a service without events', async () => {
    const { consumer, ...rest } = await read()
    assert.deepEqual(rest, {
      service: 'a',
      build: 'b',
      time: at(100_000),
      clockSkewMs: 3,
      relay: { commits: 0, more: false, seconds: 0 },
      parked: [],
      unknown: [],
    })
    assert.partialDeepStrictEqual(consumer, { consumer: 'a-views', hub: 'a', events: 0, seconds: 0, instances: 0 })
  })

  it('counts what the slowest handler has not handled, whichever instance has got furthest', async () => {
    hub.send('0', 1, 2, 3, 4)
    const [, second, third, fourth] = hub.all('0')
    await write('one', { 0: points(['x', fourth], ['y', second]) })
    await write('two', { 0: points(['x', second], ['y', third]) }, ['y'])
    const { consumer } = await read()
    assert.deepEqual(consumer.partitions, [
      // The fourth message arrived at 4 ms.
      { partition: '0', handled: 2, last: 3, events: 1, seconds: 100 },
      { partition: '1', handled: null, last: -1, events: 0, seconds: 0 },
    ])
    assert.partialDeepStrictEqual(consumer, { events: 1, seconds: 100, instances: 2, paused: ['y'] })
  })

  it('counts all messages of the hub for a handler that has not started, or of a recreated hub', async () => {
    hub.send('0', 1, 2, 3)
    const [, second, third] = hub.all('0')
    await write('one', { 0: points(['x', third]) })
    assert.equal((await read()).consumer.events, 3)
    hub.expire('0', 1)
    assert.equal((await read()).consumer.events, 2)
    await write('one', { 0: points(['x', third], ['y', second]) })
    assert.equal((await read()).consumer.events, 1)
    hub.remake()
    hub.send('0', 4, 5)
    const { partitions } = (await read()).consumer
    assert.partialDeepStrictEqual(partitions[0], { handled: null, last: 1, events: 2 })
  })

  it('ignores instances that have ended, and their pauses', async () => {
    hub.send('0', 1)
    const [first] = hub.all('0')
    await write('one', { 0: points(['x', first], ['y', first]) }, ['x'])
    await clock.wait(301_000)
    assert.partialDeepStrictEqual((await read()).consumer, { events: 0, instances: 0, paused: [] })
  })

  it('includes the relay, the schedule, what is parked, and the canary', async () => {
    const schedule = new MemorySchedule(clock)
    const metadata = { actor: 'a', correlation: 'c', causation: 'c' }
    await schedule.add({ stream: 'a-1', key: 'k', due: at(10_000), command: { type: 'c', data: {} }, metadata })
    await schedule.add({ stream: 'a-2', key: 'k', due: at(200_000), command: { type: 'c', data: {} }, metadata })
    const store = new MemoryParking()
    const parking = new ConsumerParking({ store, consumer: 'a-views', service: 'a', build: 'b', clock })
    await parking.keepMessage(
      { hub: 'a', partition: '0' },
      'text',
      new TidemarkError('event-unreadable', 'no'),
      () => {},
    )
    await clock.wait(1_000)
    const cause = new TidemarkError('handler-failed', 'no')
    await parking.note({ handler: 'x@1', stream: 'a-1', version: 1, type: 'T', cause }, undefined, () => {})
    deps = {
      ...deps,
      relay: { read: async (limit) => ({ commits: limit, more: true, oldest: at(1_000) }) },
      schedule,
      redrives: [new Redrive({ consumer: 'a-views', store, parking, handlers: [], clock })],
      canary: async () => at(70_000),
    }
    const { relay, schedule: overdue, parked, canary } = await read()
    assert.deepEqual(relay, { commits: 100, more: true, seconds: 100 })
    assert.deepEqual(overdue, { seconds: 91, oldest: 'a-1' })
    assert.deepEqual(parked, [
      {
        consumer: 'a-views',
        streams: 1,
        messages: 1,
        since: at(100_000),
        codes: { 'handler-failed': 1, 'event-unreadable': 1 },
      },
    ])
    assert.deepEqual(canary, { at: at(70_000), seconds: 31 })
    deps = { ...deps, canary: async () => undefined }
    assert.deepEqual((await read()).canary, {})
  })

  it('is recorded as metrics, except what is unknown', async () => {
    hub.send('0', 1)
    const reported: (readonly unknown[])[] = []
    const telemetry = { ...NO_TELEMETRY, record: (...args: readonly unknown[]) => void reported.push(args) }
    deps = { ...deps, relay: { read: () => Promise.reject(new Error('no leases')) } }
    recordStatus(telemetry, await readStatus(deps))
    const of = { 'tidemark.consumer': 'a-views' }
    assert.deepEqual(reported, [
      ['tidemark.consumer.events_behind', 1, of],
      ['tidemark.consumer.seconds_behind', 100, of],
      ['tidemark.clock.skew_ms', 3],
    ])
  })

  it('reports all other parts, and the reason, when one part cannot be read', async () => {
    const away = new TidemarkError('unavailable', 'the hub cannot be read')
    deps = {
      ...deps,
      relay: { read: () => Promise.reject(new Error('no leases')) },
      consumers: [
        {
          consumer: 'away',
          hubName: 'b',
          hub: Object.assign(new MemoryHub([]), { madeAt: () => Promise.reject(away) }),
          handlers: [],
          progress,
        },
        ...deps.consumers,
      ],
    }
    const { consumer, relay, unknown } = await read()
    assert.equal(consumer.consumer, 'a-views')
    assert.equal(relay, undefined)
    assert.deepEqual(
      unknown.toSorted((a, b) => (a.part < b.part ? -1 : 1)),
      [
        { part: 'away', reason: 'the hub cannot be read' },
        { part: 'relay', reason: 'no leases' },
      ],
    )
  })
})
