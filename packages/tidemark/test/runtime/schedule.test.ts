import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { TidemarkError } from '../../core/errors.ts'
import type { ScheduledCommand } from '../../core/ports.ts'
import { MemoryEventStore } from '../../memory/event-store.ts'
import { MemorySchedule } from '../../memory/schedule.ts'
import { handleCommand } from '../../runtime/command.ts'
import { type ScheduleDependencies, sendDue } from '../../runtime/schedule.ts'
import { stateCache } from '../../runtime/state-cache.ts'
import { later } from '../../testing/moment.ts'
import { offer } from '../domain/offers.ts'
import { order, ordering, place } from '../domain/orders.ts'
import { everyEvent, ManualClock, request } from '../support/fakes.ts'

async function setUp(orders: readonly string[] = ['1']) {
  const clock = new ManualClock()
  const log = new MemoryEventStore()
  const flow = { service: ordering, store: log, cache: stateCache(100), clock }
  for (const id of orders) await handleCommand(flow, order, request(`place-${id}`, place, { stream: `order-${id}` }))
  const schedule = new MemorySchedule(clock)
  const deps: ScheduleDependencies = {
    schedule,
    deciders: ordering.deciders,
    command: (decider, command) => handleCommand(flow, decider, command),
  }
  const traced: string[] = []
  const cancelIn = (seconds: number, id = '1'): ScheduledCommand => ({
    stream: `order-${id}`,
    key: `ordering-fulfilment cancel:${id}`,
    due: new Date(Date.parse(clock.now()) + seconds * 1000).toISOString(),
    command: { type: 'cancel', data: { reason: 'late' } },
    metadata: { actor: 'reaction:ordering-fulfilment', correlation: 'c', causation: `fulfilment-${id}@2` },
  })
  const listTypes = async (id = '1') => (await everyEvent(log, `order-${id}`)).map(({ type }) => type)
  return {
    deps,
    schedule,
    clock,
    traced,
    cancelIn,
    listTypes,
    send: () => sendDue(deps, (line) => traced.push(line)),
  }
}

describe('scheduled commands', () => {
  it('are sent at their time, with their original actor and cause, and removed', async () => {
    const { schedule, clock, cancelIn, listTypes, send, deps } = await setUp()
    await schedule.add(cancelIn(10))
    assert.deepEqual([await send(), await listTypes()], [0, ['OrderPlaced']])
    await clock.wait(10_000)
    const asked: string[] = []
    const { command } = deps
    await sendDue(
      {
        ...deps,
        command: (decider, request) => {
          asked.push(`${request.metadata.actor} ${request.metadata.causation}`)
          return command(decider, request)
        },
      },
      () => {},
    )
    assert.deepEqual(asked, ['reaction:ordering-fulfilment fulfilment-1@2'])
    assert.deepEqual([await listTypes(), schedule.size], [['OrderPlaced', 'OrderCancelled'], 0])
  })

  it('are not too early by the instance’s clock once they are due by the store’s', async () => {
    const clock = new ManualClock()
    const log = new MemoryEventStore()
    const flow = { service: { name: 'offering', publishes: [] }, store: log, cache: stateCache(10), clock }
    const due = later(clock.now(), 60)
    const make = { type: 'make', data: { until: due } } as const
    await handleCommand(flow, offer, request('r', make, { stream: 'offer-1' }))
    const schedule = new MemorySchedule({ now: () => due })
    const metadata = { actor: 'a', correlation: 'c', causation: 'fulfilment-1@2' }
    await schedule.add({ stream: 'offer-1', key: 'e', due, command: { type: 'expire', data: {} }, metadata })
    const command: ScheduleDependencies['command'] = (decider, sent) => handleCommand(flow, decider, sent)
    assert.equal(await sendDue({ schedule, deciders: [offer], command }, assert.fail), 1)
    const [, expired] = await everyEvent(log, 'offer-1')
    assert.deepEqual([expired?.type, expired?.time], ['OfferExpired', due])
  })

  it('take effect once when they are sent again after a crash', async () => {
    const { schedule, clock, cancelIn, listTypes, send } = await setUp()
    const command = cancelIn(1)
    await clock.wait(1_000)
    await schedule.add(command)
    await send()
    await schedule.add(command)
    assert.equal(await send(), 1)
    assert.deepEqual(await listTypes(), ['OrderPlaced', 'OrderCancelled'])
  })

  it('are removed when the domain refuses them, with a log line', async () => {
    const { schedule, clock, cancelIn, send, traced } = await setUp([])
    await schedule.add(cancelIn(1))
    await clock.wait(1_000)
    assert.equal(await send(), 1)
    assert.match(traced.join(), /fulfilment-1@2: order-1 refused cancel: stream-not-found/)
    assert.equal(schedule.size, 0)
  })

  it('wait for the code that knows their decider, and block no other', async () => {
    const { deps, schedule, clock, cancelIn, listTypes, send } = await setUp()
    await schedule.add({ ...cancelIn(1), stream: 'parcel-1' })
    await schedule.add(cancelIn(2))
    await clock.wait(2_000)
    await assert.rejects(send(), { code: 'internal', message: /no decider for the scheduled command to parcel-1/ })
    assert.deepEqual([await listTypes(), schedule.size], [['OrderPlaced', 'OrderCancelled'], 1])
    const parcel = { ...order, category: 'parcel' }
    assert.equal(await sendDue({ ...deps, deciders: [...deps.deciders, parcel] }, () => {}), 1)
    assert.equal(schedule.size, 0)
  })

  it('are removed when their key was used with another content, with a log line', async () => {
    const { deps, schedule, clock, cancelIn, listTypes, send, traced } = await setUp()
    const scheduled = cancelIn(1)
    const another = { type: 'cancel', data: { reason: 'another' } }
    await deps.command(order, { ...scheduled, receipts: 'all', command: another })
    await schedule.add(scheduled)
    await clock.wait(1_000)
    assert.equal(await send(), 1)
    assert.deepEqual(await listTypes(), ['OrderPlaced', 'OrderCancelled'])
    assert.match(
      traced.join('\n'),
      /^fulfilment-1@2: order-1 was sent \S+ cancel:1 before with different content: the first/,
    )
    assert.equal(schedule.size, 0)
  })

  it('stay when they fail, and block no other, however many there are', async () => {
    const ids = Array.from({ length: 250 }, (_, index) => String(index))
    const { deps, schedule, clock, cancelIn, listTypes } = await setUp(ids)
    for (const id of ids) await schedule.add(cancelIn(1, id))
    await clock.wait(1_000)
    const failing = new Set(ids.slice(0, 120))
    const { command } = deps
    const flaky: ScheduleDependencies = {
      ...deps,
      command: async (decider, request) => {
        if (failing.has(request.stream.slice('order-'.length))) throw new TidemarkError('unavailable', 'not now')
        return command(decider, request)
      },
    }
    await assert.rejects(
      sendDue(flaky, () => {}),
      { code: 'unavailable' },
    )
    assert.equal(schedule.size, 120)
    assert.deepEqual(await listTypes('249'), ['OrderPlaced', 'OrderCancelled'])
    failing.clear()
    assert.equal(await sendDue(flaky, () => {}), 120)
    assert.equal(schedule.size, 0)
  })
})
