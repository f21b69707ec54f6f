import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { toCloudEvent } from '../../core/cloud-event.ts'
import { TidemarkError } from '../../core/errors.ts'
import type { RecordedEvent } from '../../core/event.ts'
import type { ViewStore, ViewStores } from '../../core/ports.ts'
import type { Reaction } from '../../core/reaction.ts'
import type { AnyView } from '../../core/view.ts'
import { MemoryEventStore } from '../../memory/event-store.ts'
import { MemoryParking } from '../../memory/parking.ts'
import { MemorySchedule } from '../../memory/schedule.ts'
import { MemoryViewStores } from '../../memory/view-store.ts'
import { handleCommand } from '../../runtime/command.ts'
import { type Handler, handleMessages } from '../../runtime/consume.ts'
import { ConsumerParking, type ParkingLimits } from '../../runtime/parking.ts'
import { projection } from '../../runtime/project.ts'
import { readDocument } from '../../runtime/query.ts'
import { reaction } from '../../runtime/react.ts'
import { Redrive } from '../../runtime/redrive.ts'
import { stateCache } from '../../runtime/state-cache.ts'
import { appendGiven } from '../../testing/append-given.ts'
import {
  address,
  cancelled,
  type OrderEvent,
  orderEvents,
  orderView,
  placedV1,
  salesByProduct,
} from '../domain/orders.ts'
import { wallet, wallets } from '../domain/wallets.ts'
import { ManualClock } from '../support/fakes.ts'
import { recorded } from '../support/recorded.ts'

const MINUTE = 60_000
const moved = { type: 'ShippingAddressChanged', data: { shippingAddress: { ...address, city: 'Bruges' } } }

/** The events of one order: placed, moved, cancelled. */
function story(id: string, ...events: readonly { type: string; data: object }[]): RecordedEvent[] {
  return recorded(`order-${id}`, ...events.map(({ type, data }) => ({ type, data: { ...data, orderId: id } })))
}

/** Nested lists, `depth` levels deep. */
const nested = (depth: number): unknown => JSON.parse('['.repeat(depth) + ']'.repeat(depth))
const whole = (id: string) => story(id, placedV1, moved, cancelled)
const first = (id: string) => whole(id).slice(0, 1)

/** Pays in for each event that it receives. */
const counting = (poison: ReadonlySet<string>): Reaction<OrderEvent> => ({
  name: 'counting',
  service: 'ordering',
  category: 'order',
  events: orderEvents,
  startsAt: 'first',
  async react({ stream, version }, send) {
    if (poison.has(`${stream}@${version}`)) throw new TypeError(`no field of ${stream}@${version}`)
    await send(wallet, stream, `${stream}@${version}`, { type: 'pay-in', data: { amount: version } })
  },
})

/**
 * A consumer of the hub `ordering`: a single-stream view, a multi-stream view and a reaction, any of which may fail.
 */
class World {
  readonly log = new MemoryEventStore()
  readonly wallets = new MemoryEventStore()
  readonly views = new MemoryViewStores()
  readonly store = new MemoryParking()
  readonly clock = new ManualClock()
  readonly lines: string[] = []
  /** Positions (`order-1@2`) at which a handler throws, by its name. */
  readonly poison = { order: new Set<string>(), 'sales-by-product': new Set<string>(), counting: new Set<string>() }
  readonly trace = (line: string): void => void this.lines.push(line)
  sent = 0

  /** A process. */
  instance(options: { limits?: ParkingLimits; build?: string; views?: ViewStores; only?: 'views' } = {}) {
    const { log, clock, store } = this
    const poisoned = (view: AnyView, names: ReadonlySet<string>): AnyView =>
      ({
        ...view,
        evolve: (document: unknown, event: RecordedEvent, key: string) => {
          if (names.has(`${event.stream}@${event.version}`)) throw new TypeError(`no field of ${view.name}`)
          return view.evolve(document as never, event as never, key)
        },
      }) as AnyView
    const declared = [poisoned(orderView, this.poison.order), poisoned(salesByProduct, this.poison['sales-by-product'])]
    const commands = { service: wallets, store: this.wallets, cache: stateCache(10), clock }
    const viewDeps = { log, views: options.views ?? this.views, eventTypes: orderEvents, clock }
    const reacts = {
      service: 'wallets',
      deciders: wallets.deciders,
      log: this.wallets,
      schedule: new MemorySchedule(clock),
      command: (decider: Parameters<typeof handleCommand>[1], ...rest: [never, never]) =>
        handleCommand(commands, decider, ...rest),
    }
    const handlers: Handler[] = [
      {
        names: declared.map(({ name }) => name),
        category: 'order',
        startsAt: 'now',
        ...projection(viewDeps, declared),
      },
      {
        names: ['counting'],
        category: 'order',
        startsAt: 'first',
        ...reaction(reacts as never, counting(this.poison.counting)),
      },
    ]
    const { limits, build = 'b', only } = options
    if (only) handlers.pop()
    const parking = new ConsumerParking({
      store,
      consumer: 'shop',
      service: 'ordering',
      build,
      clock,
      ...(limits ? { limits } : {}),
    })
    return {
      parking,
      redrive: new Redrive({ consumer: 'shop', store, parking, handlers, clock }),
      receive: (bodies: readonly unknown[]): Promise<void> => {
        const sequences = bodies.map((_, index) => this.sent + index)
        this.sent += bodies.length
        return handleMessages(handlers, { hub: 'ordering', partition: '3', bodies, sequences }, this.trace, { parking })
      },
    }
  }

  static async create(): Promise<World> {
    const world = new World()
    await world.views.writePointer('sales-by-product', { live: 1, cursorsIn: 'order' }, undefined)
    return world
  }

  async record(events: readonly RecordedEvent[]): Promise<readonly unknown[]> {
    for (const event of events) await appendGiven(this.log, event)
    return events.map(toCloudEvent)
  }

  async cursor(stream: string) {
    return (await this.views.store('order', 1).read(stream))?.cursor
  }

  async status(stream: string): Promise<string | undefined> {
    const found = await this.views.store('order', 1).read(stream)
    return (found?.document as { status?: string } | undefined)?.status
  }

  paid(): readonly string[] {
    return this.wallets.all().map(({ causation }) => causation)
  }

  async waiting(): Promise<readonly string[]> {
    return (await this.store.streams())
      .map(({ handler, stream, version }) => `${handler} ${stream}@${version}`)
      .toSorted()
  }

  /** Asserts the same result as in a world without faults. */
  async assertEqualTo(events: readonly RecordedEvent[]): Promise<void> {
    const plain = await World.create()
    const bodies = await plain.record(events)
    const { receive } = plain.instance()
    await receive(bodies)
    const documents = async ({ views }: World) => ({
      orders: await Promise.all(
        [...new Set(events.map(({ stream }) => stream))].map(async (stream) => {
          const found = await views.store('order', 1).read(stream)
          return [found?.document, found?.cursor]
        }),
      ),
      sales: (await views.store('sales-by-product', 1).list({ filter: {}, limit: 1_000 })).map(
        ({ document }) => document,
      ),
    })
    assert.deepEqual(await documents(this), await documents(plain))
    assert.deepEqual([...this.paid()].toSorted(), [...plain.paid()].toSorted())
    assert.ok(events.length > 0)
  }
}

describe('an event that cannot be processed', () => {
  it('parks one stream of a partition, while 1,200 others are applied without redelivery', async () => {
    const world = await World.create()
    const { receive } = world.instance()
    world.poison.order.add('order-bad@1')
    const ids = Array.from({ length: 1_200 }, (_, index) => `g${index}`)
    const good = ids.flatMap(first)
    const bad = first('bad')
    const events = [...good.slice(0, 600), ...bad, ...good.slice(600)]
    const bodies = await world.record(events)
    for (let begin = 0; begin < bodies.length; begin += 100) await receive(bodies.slice(begin, begin + 100))
    const seen = await Promise.all(good.map(({ stream }) => world.status(stream)))
    assert.equal(seen.filter((status) => status === 'placed').length, 1_200)
    assert.equal(await world.status('order-bad'), undefined)
    assert.deepEqual(await world.waiting(), ['order@1 order-bad@1'])
    assert.equal(world.paid().length, 1_201)
    assert.equal(world.lines.length, 1)
    assert.match(
      world.lines[0] ?? '',
      /^shop: order@1 cannot process order-bad@1 OrderPlaced \(hub ordering, partition 3, number 600\): handler-failed: order threw: no field of order\. .*npm run parked -- ordering$/,
    )
  })

  it('parks its stream for one view, with later events in order, and stops no other handler or stream', async () => {
    const world = await World.create()
    const { receive, redrive } = world.instance()
    world.poison['sales-by-product'].add('order-1@3')
    const events = [...whole('1'), ...whole('2')]
    const bodies = await world.record(events)
    for (const body of bodies) await receive([body])
    assert.deepEqual(await world.waiting(), ['sales-by-product@1 order-1@3'])
    assert.deepEqual([await world.status('order-1'), await world.status('order-2')], ['cancelled', 'cancelled'])
    const cursor = await world.cursor('order-1')
    assert.deepEqual(
      [cursor?.version, cursor?.passed, cursor?.parked],
      [3, { 'sales-by-product@1': 2 }, { 'sales-by-product@1': 3 }],
    )
    assert.equal(world.paid().length, 6)

    assert.equal(
      (await redrive.redrive({ handler: 'sales-by-product@1', stream: 'order-1' }, world.trace)).outcome,
      'waits',
    )
    world.poison['sales-by-product'].clear()
    assert.equal(
      (await redrive.redrive({ handler: 'sales-by-product@1', stream: 'order-1' }, world.trace)).outcome,
      'done',
    )
    assert.deepEqual(await world.waiting(), [])
    await world.assertEqualTo(events)
    // The running instance's cache is older than what the redrive wrote.
    const [, , , fourth] = story('1', placedV1, moved, cancelled, moved)
    assert.ok(fourth)
    await receive(await world.record([fourth]))
    assert.equal((await world.cursor('order-1'))?.parked, undefined)
  })

  it('does not park an event that arrives after another instance has redriven the stream', async () => {
    const world = await World.create()
    const events = whole('1')
    for (const poison of [world.poison.order, world.poison['sales-by-product']]) poison.add('order-1@1')
    const [one, other] = [world.instance(), world.instance()]
    await one.receive(await world.record(events.slice(0, 1)))
    for (const poison of Object.values(world.poison)) poison.clear()
    await world.clock.wait(2 * MINUTE)
    await other.redrive.redriveDue(world.trace)
    assert.deepEqual(await world.waiting(), [])
    await one.receive(await world.record(events.slice(1)))
    await world.assertEqualTo(events)
  })

  it('parks the events after it, while those before it are applied, also in one batch', async () => {
    for (const view of ['order', 'sales-by-product'] as const) {
      const world = await World.create()
      const { receive, redrive } = world.instance()
      world.poison[view].add('order-1@2')
      // A multi-stream view handles only the events that it names, and a relocation is not one of them.
      if (view === 'sales-by-product') world.poison[view].add('order-1@3')
      const events = whole('1')
      await receive(await world.record(events))
      const cursor = await world.cursor('order-1')
      const [version, passed] = [cursor?.version, cursor?.passed?.['sales-by-product@1']]
      assert.deepEqual([version, passed], view === 'order' ? [1, 3] : [3, 2])
      world.poison[view].clear()
      await redrive.redrive({ handler: `${view}@1`, stream: 'order-1' }, world.trace)
      await world.assertEqualTo(events)
    }
  })

  it('parks its stream for a reaction, which sends the later events in order after a redrive', async () => {
    const world = await World.create()
    const { receive, redrive } = world.instance()
    world.poison.counting.add('order-1@2')
    const events = [...whole('1'), ...whole('2')]
    for (const body of await world.record(events)) await receive([body])
    assert.deepEqual(await world.waiting(), ['counting order-1@2'])
    assert.deepEqual(world.paid(), ['order-1@1', 'order-2@1', 'order-2@2', 'order-2@3'])
    const [parked] = await world.store.streams()
    assert.deepEqual([parked?.events, parked?.last], [2, 3])
    assert.equal((await redrive.redrive({ handler: 'counting', stream: 'order-1' }, world.trace)).outcome, 'waits')
    world.poison.counting.clear()
    assert.equal((await redrive.redrive({ handler: 'counting', stream: 'order-1' }, world.trace)).outcome, 'done')
    assert.deepEqual(world.paid().slice(4), ['order-1@2', 'order-1@3'])
    await world.assertEqualTo(events)
  })

  for (const poison of [['order-1@2'], ['order-1@1', 'order-1@2']])
    it(`does not lose an earlier event again that is republished, when ${poison} cannot be processed`, async () => {
      const world = await World.create()
      const { receive, redrive } = world.instance()
      const bodies = await world.record(whole('1'))
      for (const position of poison) world.poison.counting.add(position)
      // The hub has dropped the first message.
      await receive(bodies.slice(1))
      assert.deepEqual(await world.waiting(), ['counting order-1@2'])
      await receive(bodies)
      assert.deepEqual(await world.waiting(), [`counting ${poison[0]}`])
      assert.deepEqual(world.paid(), poison.length === 1 ? ['order-1@1'] : [])
      world.poison.counting.clear()
      await world.clock.wait(2 * MINUTE)
      await redrive.redriveDue(world.trace)
      assert.deepEqual(await world.waiting(), [])
      assert.deepEqual(world.paid(), ['order-1@1', 'order-1@2', 'order-1@3'])
      await world.assertEqualTo(whole('1'))
    })

  it('is parked once, however often and wherever its batch is redelivered', async () => {
    const world = await World.create()
    world.poison.counting.add('order-1@1')
    world.poison.order.add('order-1@1')
    const bodies = await world.record(whole('1'))
    for (const { receive } of [world.instance(), world.instance(), world.instance()])
      for (const part of [bodies, bodies.slice(0, 1), bodies]) await receive(part)
    assert.deepEqual(await world.waiting(), ['counting order-1@1', 'order@1 order-1@1'])
    assert.equal((await world.store.events({ handler: 'counting', stream: 'order-1' }, 10)).length, 3)
    assert.equal((await world.store.stream({ handler: 'counting', stream: 'order-1' }))?.events, 3)
    assert.equal(world.lines.length, 2, 'each is logged once')
  })

  it('is redriven with events that arrive meanwhile, or those are processed after it', async () => {
    const world = await World.create()
    const { receive, redrive } = world.instance()
    world.poison.counting.add('order-1@1')
    const events = story('1', placedV1, ...Array.from({ length: 60 }, () => moved))
    const bodies = await world.record(events)
    await receive(bodies.slice(0, 5))
    world.poison.counting.clear()
    const key = { handler: 'counting', stream: 'order-1' }
    const late = (async () => {
      for (const body of bodies.slice(5)) {
        await receive([body])
        await world.clock.wait(1)
      }
    })()
    await Promise.all([redrive.redrive(key, world.trace), late])
    await world.assertEqualTo(events)
    assert.deepEqual(
      world.paid(),
      events.map(({ stream, version }) => `${stream}@${version}`),
    )
    assert.deepEqual(await world.waiting(), [])
  })

  const foreign: readonly (readonly [string, unknown])[] = [
    ['text', 'hello'],
    ['nothing', ''],
    ['a byte order mark', '\uFEFF{}'],
    ['a number', 7],
    ['null', null],
    ['a list', [1, 2]],
    ['an object', { hello: 1 }],
    ['another specversion', { ...toCloudEvent(first('1')[0] ?? assert.fail()), specversion: '0.3' }],
    ['no subject', { ...toCloudEvent(first('1')[0] ?? assert.fail()), subject: undefined }],
    ['a wrong hash', { ...toCloudEvent(first('1')[0] ?? assert.fail()), actor: 'another' }],
    ['too deep', nested(100_000)],
    ['data with too many levels', { ...toCloudEvent(first('1')[0] ?? assert.fail()), data: nested(100_000) }],
    ['no JSON', { amount: 7n }],
    ['fields that contradict each other', { ...toCloudEvent(first('1')[0] ?? assert.fail()), id: 'order-1@2' }],
  ]
  for (const [what, body] of foreign)
    it(`that is no event (${what}) is parked alone with its body and place, and its batch continues`, async () => {
      const world = await World.create()
      const { receive } = world.instance()
      const good = await world.record(first('2'))
      await receive([body, ...good])
      assert.equal(await world.status('order-2'), 'placed')
      const [kept, ...others] = await world.store.messages()
      assert.deepEqual([kept?.place, others], [{ hub: 'ordering', partition: '3', sequence: 0 }, []])
      assert.ok(kept && ['event-unreadable', 'hash-mismatch'].includes(kept.code) && kept.reason !== '')
      assert.equal(world.lines.filter((line) => /partition 3, number 0/.test(line)).length, 1)
    })

  it('is stored with only the beginning of a large body', async () => {
    const world = await World.create()
    await world.instance().receive(['x'.repeat(500_000)])
    const [kept] = await world.store.messages()
    assert.deepEqual([kept?.bytes, kept?.body.length], [500_000, 64 * 1024])
  })

  it('is reported at once to a reader that waits for a later position', async () => {
    const world = await World.create()
    const { receive } = world.instance()
    world.poison.order.add('order-1@2')
    world.poison['sales-by-product'].add('order-1@3')
    await receive(await world.record(whole('1')))
    const deps = { views: world.views, clock: world.clock, maxWait: 10_000 }
    const began = world.clock.elapsed()
    for (const [view, version] of [
      [orderView, 2],
      [orderView, 9],
      [salesByProduct, 3],
    ] as const)
      await assert.rejects(readDocument(deps, view, 'order-1', [{ stream: 'order-1', version }]), {
        code: 'stream-parked',
      })
    assert.equal(world.clock.elapsed(), began)
    assert.ok(await readDocument(deps, orderView, 'order-1', [{ stream: 'order-1', version: 1 }]))
  })
})

describe('the failures that park a stream', () => {
  /** Views whose store fails at the document `key`, or at every document if `key` is empty. */
  function failing(world: World, key: string, error: () => Error | undefined): ViewStores {
    const stores = new Map<ViewStore, ViewStore>()
    const wrapped = (store: ViewStore): ViewStore => {
      const known = stores.get(store)
      if (known) return known
      const its = new Proxy(store, {
        get(target, name) {
          const member = Reflect.get(target, name)
          if (typeof member !== 'function') return member
          if (name !== 'writeDocument' && name !== 'writeWithMarkers') return member.bind(target)
          return async (...args: unknown[]) => {
            const fault = key === '' || args[0] === key ? error() : undefined
            if (fault) throw fault
            return member.apply(target, args)
          }
        },
      })
      stores.set(store, its)
      return its
    }
    return {
      state: async (view) => {
        const state = await world.views.state(view)
        const written = state.writeTargets.map(({ number, store }) => ({ number, store: wrapped(store) }))
        return { ...state, writeTargets: written }
      },
    }
  }

  it('do not include transient ones: the batch is redelivered', async () => {
    const world = await World.create()
    let isAway = true
    const views = failing(world, 'order-1', () => (isAway ? new TidemarkError('unavailable', 'away') : undefined))
    const { receive } = world.instance({ views })
    const bodies = await world.record([...first('1'), ...first('2')])
    await assert.rejects(receive(bodies), { code: 'unavailable' })
    assert.deepEqual([await world.waiting(), world.lines], [[], []])
    isAway = false
    await receive(bodies)
    await world.assertEqualTo([...first('1'), ...first('2')])
  })

  it('include one that lasts a minute while other streams succeed, and it is retried automatically', async () => {
    const world = await World.create()
    let isAway = true
    const [sku = ''] = placedV1.data.lines.map((line) => line.sku)
    const views = failing(world, sku, () => (isAway ? new TidemarkError('unavailable', 'away') : undefined))
    const { receive, redrive } = world.instance({ views })
    const bodies = await world.record([...first('1'), ...first('2')])
    await assert.rejects(receive(bodies), { code: 'unavailable' })
    await world.clock.wait(MINUTE - 1)
    await assert.rejects(receive(bodies), { code: 'unavailable' })
    await world.clock.wait(1)
    await receive(bodies)
    assert.deepEqual(await world.waiting(), ['sales-by-product@1 order-1@1', 'sales-by-product@1 order-2@1'])
    isAway = false
    await world.clock.wait(2 * MINUTE)
    await redrive.redriveDue(world.trace)
    assert.deepEqual(await world.waiting(), [])
    await world.assertEqualTo([...first('1'), ...first('2')])
  })

  it('block only the view that fails, when another view is redriven and continues', async () => {
    const world = await World.create()
    const events = whole('1')
    const { receive, redrive } = world.instance()
    const bodies = await world.record(events)
    world.poison.order.add('order-1@1')
    await receive(bodies.slice(0, 1))
    world.poison.order.clear()
    world.poison['sales-by-product'].add('order-1@3')
    await world.clock.wait(2 * MINUTE)
    assert.deepEqual(
      (await redrive.redriveDue(world.trace)).map(({ handler, outcome }) => [handler, outcome]),
      [['order@1', 'done']],
    )
    await receive(bodies.slice(1))
    assert.deepEqual(await world.waiting(), ['sales-by-product@1 order-1@3'])
    world.poison['sales-by-product'].clear()
    await world.clock.wait(2 * MINUTE)
    await redrive.redriveDue(world.trace)
    await world.assertEqualTo(events)
  })

  it('include no failure during a redrive: a transient one is reported, and the stream stays parked', async () => {
    const world = await World.create()
    let isAway = true
    const views = failing(world, 'order-1', () => (isAway ? new TidemarkError('unavailable', 'away') : undefined))
    world.poison.order.add('order-1@1')
    await world.instance().receive(await world.record(first('1')))
    world.poison.order.clear()
    const { redrive } = world.instance({ views })
    await world.clock.wait(2 * MINUTE)
    await assert.rejects(redrive.redriveDue(world.trace), { code: 'unavailable' })
    assert.deepEqual(await world.waiting(), ['order@1 order-1@1'])
    isAway = false
    await redrive.redriveDue(world.trace)
    await world.assertEqualTo(first('1'))
  })

  it('do not include one that affects every stream, however long it lasts', async () => {
    const world = await World.create()
    const away = () => new TidemarkError('unavailable', 'away')
    const { receive } = world.instance({ views: failing(world, '', away), only: 'views' })
    const bodies = await world.record(first('1'))
    for (let minute = 0; minute < 10; minute += 1) {
      await assert.rejects(receive(bodies), { code: 'unavailable' })
      await world.clock.wait(MINUTE)
    }
    assert.deepEqual(await world.waiting(), [])
  })

  it('pause a handler that fails for many streams within a minute, without losing an event', async () => {
    const world = await World.create()
    const { receive, redrive } = world.instance()
    const ids = Array.from({ length: 40 }, (_, index) => `p${index}`)
    for (const id of ids) world.poison.counting.add(`order-${id}@1`)
    const events = ids.flatMap(first)
    const bodies = await world.record(events)
    let held = 0
    for (const body of bodies)
      await receive([body]).catch((error: unknown) => {
        assert.equal((error as TidemarkError).code, 'handler-paused')
        held += 1
      })
    assert.equal((await world.waiting()).length, 20)
    assert.equal(held, 20)
    world.poison.counting.clear()
    for (const body of bodies) await receive([body])
    await world.clock.wait(2 * MINUTE)
    await redrive.redriveDue(world.trace)
    assert.deepEqual(await world.waiting(), [])
    await world.assertEqualTo(events)
  })

  it('do not pause a handler when they are events of a newer build', async () => {
    const world = await World.create()
    const { receive } = world.instance()
    const events = Array.from({ length: 40 }, (_, index) =>
      recorded(`order-u${index}`, { type: 'OrderPlaced', schemaVersion: 99, data: { orderId: `u${index}` } }),
    ).flat()
    for (const body of await world.record(events)) await receive([body])
    assert.equal((await world.waiting()).length, 3 * 40)
  })

  it('stop the partition beyond the limit, after a warning', async () => {
    const world = await World.create()
    const { receive } = world.instance({ limits: { parked: 5, events: 3, bytes: 1e6 } })
    for (const id of ['a', 'b', 'c', 'd', 'e', 'f']) world.poison.counting.add(`order-${id}@1`)
    for (const id of ['a', 'b', 'c', 'd', 'e']) await receive(await world.record(first(id)))
    assert.ok(world.lines.some((line) => /5 streams and messages wait/.test(line)))
    await assert.rejects(receive(await world.record(first('f'))), { code: 'parking-full' })
    await assert.rejects(receive(['text']), { code: 'parking-full' })
    const more = story('a', placedV1, moved, moved, moved)
    await receive(await world.record(more.slice(1, 3)))
    await assert.rejects(receive(await world.record(more.slice(3))), { code: 'parking-full' })
    assert.equal((await world.store.streams()).length, 5)
  })

  it('include an unknown event, which another build retries at once', async () => {
    const world = await World.create()
    const unknown = recorded('order-1', { type: 'OrderPlaced', schemaVersion: 99, data: { orderId: '1' } })
    const { receive, redrive } = world.instance({ build: 'old' })
    await receive(await world.record([...unknown, ...first('2')]))
    assert.equal(await world.status('order-2'), 'placed')
    assert.deepEqual(await world.waiting(), ['counting order-1@1', 'order@1 order-1@1', 'sales-by-product@1 order-1@1'])
    assert.deepEqual(await redrive.redriveDue(world.trace), [])
    const next = world.instance({ build: 'new' })
    const tried = await next.redrive.redriveDue(world.trace)
    assert.deepEqual(
      tried.map(({ outcome }) => outcome),
      ['waits', 'waits', 'waits'],
    )
    assert.deepEqual(await next.redrive.redriveDue(world.trace), [], 'the same build does not retry it at once')
  })
})

describe('a discard', () => {
  it('skips the event that blocks a stream, continues with the rest, and records by whom and why', async () => {
    for (const handler of ['order@1', 'counting'] as const) {
      const world = await World.create()
      const { receive, redrive } = world.instance()
      world.poison.order.add('order-1@2')
      world.poison.counting.add('order-1@2')
      await receive(await world.record(whole('1')))
      const why = { reason: 'sent by mistake', by: 'ann' }
      const done = await redrive.discard({ handler, stream: 'order-1' }, 'first', why, world.trace)
      assert.equal(done.outcome, 'done')
      const [discard] = await world.store.discards()
      assert.deepEqual(
        [discard?.handler, discard?.stream, discard?.from, discard?.to, discard?.reason, discard?.by],
        [handler.split('@')[0], 'order-1', 2, 2, 'sent by mistake', 'ann'],
      )
      if (handler === 'order@1') assert.equal(await world.status('order-1'), 'cancelled')
      else assert.deepEqual(world.paid(), ['order-1@1', 'order-1@3'])
      assert.ok(world.lines.some((line) => /ann discarded order-1@2/.test(line)))
    }
  })

  it('drops all that is parked until now, and later events are processed', async () => {
    for (const handler of ['order@1', 'counting'] as const) {
      const world = await World.create()
      const { receive, redrive } = world.instance()
      const events = story('1', placedV1, moved, moved, cancelled)
      world.poison.order.add('order-1@2').add('order-1@3')
      world.poison.counting.add('order-1@2').add('order-1@3')
      await receive(await world.record(events.slice(0, 3)))
      const why = { reason: 'a test', by: 'ann' }
      assert.equal((await redrive.discard({ handler, stream: 'order-1' }, 'all', why, world.trace)).outcome, 'done')
      await receive(await world.record(events.slice(3)))
      if (handler === 'order@1') assert.equal(await world.status('order-1'), 'cancelled')
      else assert.deepEqual(world.paid(), ['order-1@1', 'order-1@4'])
    }
  })

  it('or redrive of something that is not parked is refused', async () => {
    const { redrive } = (await World.create()).instance()
    const key = { handler: 'counting', stream: 'order-1' }
    await assert.rejects(
      redrive.redrive(key, () => {}),
      { code: 'not-parked' },
    )
    await assert.rejects(
      redrive.discard(key, 'all', { reason: 'r', by: 'b' }, () => {}),
      { code: 'not-parked' },
    )
    await assert.rejects(
      redrive.discardMessage('m', { reason: 'r', by: 'b' }, () => {}),
      { code: 'not-parked' },
    )
  })

  it('or a rebuild is the only way once a multi-stream view’s applied markers have expired', async () => {
    const world = await World.create()
    const { receive, redrive } = world.instance()
    world.poison['sales-by-product'].add('order-1@1')
    await receive(await world.record(first('1')))
    world.poison['sales-by-product'].clear()
    await world.clock.wait(13 * 60 * MINUTE)
    const key = { handler: 'sales-by-product@1', stream: 'order-1' }
    await assert.rejects(
      redrive.redrive(key, () => {}),
      { code: 'marks-expired' },
    )
    assert.equal((await world.waiting()).length, 1)
  })

  it('is needless for a generation that is no longer in use', async () => {
    const world = await World.create()
    const { receive, redrive } = world.instance()
    world.poison['sales-by-product'].add('order-1@1')
    await receive(await world.record(first('1')))
    const { etag } = await world.views.readPointer('sales-by-product')
    await world.views.writePointer('sales-by-product', { live: 2, cursorsIn: 'order' }, etag)
    const key = { handler: 'sales-by-product@1', stream: 'order-1' }
    assert.equal((await redrive.redrive(key, world.trace)).outcome, 'needless')
    assert.deepEqual(await world.waiting(), [])
  })
})
