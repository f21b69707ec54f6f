import assert from 'node:assert/strict'
import { it } from 'node:test'
import fc from 'fast-check'
import { toCloudEvent } from '../../core/cloud-event.ts'
import { TidemarkError } from '../../core/errors.ts'
import type { Reaction } from '../../core/reaction.ts'
import { MemoryEventStore } from '../../memory/event-store.ts'
import { MemoryProgress } from '../../memory/progress.ts'
import { MemorySchedule } from '../../memory/schedule.ts'
import { MemoryViewStores } from '../../memory/view-store.ts'
import { handleCommand } from '../../runtime/command.ts'
import { Follower } from '../../runtime/follow.ts'
import { projection } from '../../runtime/project.ts'
import { reaction } from '../../runtime/react.ts'
import { stateCache } from '../../runtime/state-cache.ts'
import { appendGiven } from '../../testing/append-given.ts'
import { type OrderEvent, orderEvents, orderView, salesByProduct } from '../domain/orders.ts'
import { wallet, wallets } from '../domain/wallets.ts'
import { before } from '../support/before-calls.ts'
import { ManualClock } from '../support/fakes.ts'
import { MemoryHub } from '../support/memory-hub.ts'
import { everything, streams } from '../support/rebuild-harness.ts'
import { SteppedStore } from '../support/stepped-store.ts'

const PARTITIONS = ['0', '1'] as const
const CONSUMERS = ['views', 'reactions'] as const
const declared = [orderView, salesByProduct]

/** Pays in for each event that it receives: an effect that can be counted. */
const counting: Reaction<OrderEvent> = {
  name: 'counting',
  service: 'ordering',
  category: 'order',
  events: orderEvents,
  startsAt: 'first',
  async react({ stream, version }, send) {
    await send(wallet, stream, `${stream}@${version}`, { type: 'pay-in', data: { amount: version } })
  },
}

/** One consumer's checkpoint in one partition: where its trigger continues. */
interface Line {
  readonly consumer: (typeof CONSUMERS)[number]
  readonly partition: string
  next: number
}

class World {
  readonly hub = new MemoryHub(PARTITIONS)
  readonly views = new MemoryViewStores()
  readonly walletLog = new MemoryEventStore()
  readonly orderLog = new MemoryEventStore()
  readonly clock = new ManualClock()
  readonly progress = new Map(CONSUMERS.map((name) => [name, new MemoryProgress(() => this.clock.elapsed())]))
  readonly lines: readonly Line[] = CONSUMERS.flatMap((consumer) =>
    PARTITIONS.map((partition) => ({ consumer, partition, next: 0 })),
  )
  #instances = 0

  static async create(): Promise<World> {
    const world = new World()
    await world.views.writePointer('sales-by-product', { live: 1, cursorsIn: 'order' }, undefined)
    for (const event of everything) {
      await appendGiven(world.orderLog, event)
      world.hub.send(String(Number(event.stream.at(-1)) % PARTITIONS.length), toCloudEvent(event))
    }
    return world
  }

  /** Starts a process, which can be made to die after a number of steps. */
  start() {
    this.#instances += 1
    let left = Number.POSITIVE_INFINITY
    const step = async (): Promise<void> => {
      left -= 1
      if (left < 0) throw new TidemarkError('unavailable', 'the process is gone')
    }
    const { clock, hub, orderLog } = this
    const store = new SteppedStore(this.walletLog, step)
    const commands = { service: wallets, store, cache: stateCache(10), clock }
    const views = {
      state: async (view: string) => {
        const state = await this.views.state(view)
        return {
          ...state,
          written: state.writeTargets.map(({ number, store }) => ({ number, store: this.#stepped(store, step) })),
        }
      },
    }
    const handlers = {
      views: {
        names: declared.map(({ name }) => name),
        category: 'order',
        startsAt: 'now' as const,
        ...projection({ log: orderLog, views, eventTypes: orderEvents, clock }, declared),
      },
      reactions: {
        names: [counting.name],
        category: 'order',
        startsAt: counting.startsAt,
        ...reaction(
          {
            service: 'wallets',
            deciders: wallets.deciders,
            log: this.walletLog,
            schedule: new MemorySchedule(clock),
            command: (decider, ...rest) => handleCommand(commands, decider, ...rest),
          },
          counting,
        ),
      },
    }
    const instance = String(this.#instances)
    const followers = new Map(
      CONSUMERS.map((consumer) => {
        const progress = this.progress.get(consumer) ?? assert.fail()
        const deps = { consumer, hubName: 'ordering', build: 'b', instance, hub, clock, progress, lagCheckMs: 60_000 }
        return [consumer, new Follower({ ...deps, handlers: [handlers[consumer]] })]
      }),
    )
    return {
      dieAfter: (steps: number): void => {
        left = steps
      },
      follower: (line: Line): Follower => followers.get(line.consumer) ?? assert.fail(),
      deliver: async (line: Line, from: number, to: number): Promise<boolean> => {
        const batch = hub.all(line.partition).slice(from, to + 1)
        const [first, last] = [batch[0], batch.at(-1)]
        if (first === undefined || last === undefined) return true
        const delivery = { partition: line.partition, messages: batch.map(({ body }) => body), first, last }
        const follower = followers.get(line.consumer) ?? assert.fail()
        // Two writers may overwrite each other's document repeatedly. Then the trigger redelivers the batch.
        return follower
          .deliver(delivery, () => {})
          .then(
            () => true,
            () => false,
          )
      },
    }
  }

  readonly #steps = new WeakMap<object, Map<object, never>>()

  /** Returns the same wrapper for each store of a process, since the process keys its caches by the store. */
  #stepped<Store extends object>(store: Store, step: () => Promise<void>): Store {
    const known = this.#steps.get(step) ?? new Map<object, never>()
    this.#steps.set(step, known)
    const stepped = known.get(store) ?? (before(store, step) as never)
    known.set(store, stepped)
    return stepped
  }

  async end(): Promise<unknown> {
    const [orders, sales] = [this.views.store('order', 1), this.views.store('sales-by-product', 1)]
    const documents = await Promise.all(streams.map((stream) => orders.read(stream)))
    return {
      orders: documents.map((document) => [document?.document, document?.cursor]),
      sales: (await sales.list({ filter: {}, limit: 100 })).map(({ document }) => document),
      paid: this.walletLog
        .all()
        .map(({ stream, causation }) => `${stream} ${causation}`)
        .toSorted(),
    }
  }
}

const HOSTS = 3
const step = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant('deliver' as const),
      line: fc.nat(3),
      who: fc.nat(HOSTS - 1),
      skip: fc.oneof(
        { weight: 1, arbitrary: fc.constant(0) },
        { weight: 1, arbitrary: fc.integer({ min: 1, max: 2 }) },
      ),
      size: fc.integer({ min: 1, max: 3 }),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('redeliver' as const),
      line: fc.nat(3),
      who: fc.nat(HOSTS - 1),
      other: fc.nat(HOSTS - 1),
      back: fc.nat(4),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('die' as const), who: fc.nat(HOSTS - 1), after: fc.nat(6) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('crash' as const), who: fc.nat(HOSTS - 1) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('flush' as const), who: fc.nat(HOSTS - 1), line: fc.nat(3) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('lose' as const), consumer: fc.constantFrom(...CONSUMERS) }) },
)

it('consumers converge on the log, with each effect once, over any redelivery, takeover, loss and crash', async () => {
  const plain = await World.create()
  const only = plain.start()
  for (const line of plain.lines) assert.ok(await only.deliver(line, 0, everything.length))
  const wanted = await plain.end()
  const seen = { failures: 0, skipped: 0, effects: 0 }
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 30 }), async (steps) => {
      const world = await World.create()
      let isLost = false
      const hosts = Array.from({ length: HOSTS }, () => world.start())
      const host = (who: number) => hosts[who] ?? assert.fail()
      const deliver = async (line: Line, who: number, from: number, to: number): Promise<boolean> => {
        const through = await host(who).deliver(line, from, to)
        if (!through) {
          seen.failures += 1
          hosts[who] = world.start()
        }
        return through
      }
      for (const each of steps) {
        const line = 'line' in each ? (world.lines[each.line] ?? assert.fail()) : (world.lines[0] ?? assert.fail())
        const count = world.hub.all(line.partition).length
        // Without progress, a view reads from its log what it missed, and not from the hub.
        const skip = each.do === 'deliver' && line.next > 0 && !isLost ? each.skip : 0
        if (each.do === 'deliver' && line.next + skip < count) {
          // Progress that no instance has written yet is lost to the others once a checkpoint jumps ahead.
          if (skip > 0) for (const { follower } of hosts) await follower(line).close()
          const to = line.next + skip + each.size - 1
          if (await deliver(line, each.who, line.next + skip, to)) {
            seen.skipped += skip
            line.next = Math.min(to + 1, count)
          }
        } else if (each.do === 'redeliver' && line.next > 0) {
          const from = Math.max(0, line.next - 1 - each.back)
          const both = new Set([each.who, each.other])
          await Promise.all([...both].map((who) => deliver(line, who, from, line.next - 1)))
        } else if (each.do === 'die') host(each.who).dieAfter(each.after)
        else if (each.do === 'crash') hosts[each.who] = world.start()
        else if (each.do === 'flush') await host(each.who).follower(line).close()
        else if (each.do === 'lose') {
          world.progress.get(each.consumer)?.clear()
          isLost = true
        }
        await world.clock.wait(2_000)
      }
      const last = world.start()
      for (const line of world.lines) {
        for (const { follower } of hosts) await follower(line).close()
        for (let through = false; !through; ) through = await last.deliver(line, line.next, everything.length)
      }
      assert.deepEqual(await world.end(), wanted)
      seen.effects += world.walletLog.all().length
    }),
    { numRuns: 150 },
  )
  // The counts are random: about 30 of each are usual in 150 runs.
  assert.ok(
    Object.values(seen).every((count) => count > 0),
    JSON.stringify(seen),
  )
})
