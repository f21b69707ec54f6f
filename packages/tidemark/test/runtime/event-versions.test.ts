import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { z } from 'zod'
import { fromCloudEvent, toCloudEvent } from '../../core/cloud-event.ts'
import { commandType, type Decider } from '../../core/decider.ts'
import {
  type DomainEvent,
  type EventOf,
  type EventType,
  eventId,
  eventType,
  type RecordedEvent,
} from '../../core/event.ts'
import { hashEvent } from '../../core/hash-chain.ts'
import type { Reaction } from '../../core/reaction.ts'
import { published, type Service } from '../../core/service.ts'
import type { SingleStreamView } from '../../core/view.ts'
import { MemoryEventStore } from '../../memory/event-store.ts'
import { MemorySchedule } from '../../memory/schedule.ts'
import { MemoryViewStores } from '../../memory/view-store.ts'
import { handleCommand } from '../../runtime/command.ts'
import { handleMessages } from '../../runtime/consume.ts'
import { reaction } from '../../runtime/react.ts'
import { stateCache } from '../../runtime/state-cache.ts'
import { appendGiven } from '../../testing/append-given.ts'
import { everyEvent, ManualClock, request } from '../support/fakes.ts'
import { projecting } from '../support/projecting.ts'
import { recorded } from '../support/recorded.ts'

// The private event has a second version, while the public event stayed at its first.
const Kept = eventType('Parked', z.object({ plate: z.string() })).breaking(
  z.object({ country: z.string(), number: z.string(), note: z.string() }),
  ({ plate }) => ({ country: plate.slice(0, 2), number: plate.slice(3), note: '' }),
)
const Told = eventType('Parked', z.object({ plate: z.string() }))
const Left = eventType('Left', z.object({}))

const car: Decider<
  readonly string[],
  { type: 'park'; data: EventOf<typeof Kept>['data'] },
  EventOf<typeof Kept | typeof Left>
> = {
  category: 'car',
  commands: [
    commandType('park', z.object({ country: z.string(), number: z.string(), note: z.string() }), { creates: true }),
  ],
  events: [Kept, Left],
  initial: [],
  evolve: (seen, event) => [...seen, event.type === 'Parked' ? `${event.data.country} ${event.data.number}` : 'left'],
  decide: (_, command) => [{ type: 'Parked', data: command.data }],
}

const parking: Service = {
  name: 'parking',
  deciders: [car],
  publishes: [published(Kept, Told, ({ country, number }) => ({ plate: `${country} ${number}` })), published(Left)],
  views: [],
  reactions: [],
}

async function parked(service = parking): Promise<{ log: MemoryEventStore; event: RecordedEvent }> {
  const log = new MemoryEventStore()
  const deps = { service, store: log, cache: stateCache(10), clock: new ManualClock() }
  const data = { country: 'BE', number: '1', note: 'leaks oil' }
  await handleCommand(deps, car, request('k', { type: 'park', data }, { stream: 'car-1' }))
  const [event] = await everyEvent(log, 'car-1')
  assert.ok(event)
  return { log, event }
}

/** What a reaction of another service, or of `parking` itself, received. */
async function listenTo(
  service: string,
  events: readonly EventType[],
  messages: readonly RecordedEvent[],
  log = new MemoryEventStore(),
) {
  const received: DomainEvent[] = []
  const declared: Reaction<DomainEvent> = {
    name: 'listening',
    service: 'parking',
    category: 'car',
    events,
    startsAt: 'first',
    async react({ type, data }) {
      received.push({ type, data })
    },
  }
  const handler = reaction(
    {
      service,
      deciders: [],
      log,
      schedule: new MemorySchedule(new ManualClock()),
      command: () => Promise.reject(new Error('it sends nothing')),
    },
    declared,
  )
  const receive = (some = messages) =>
    handleMessages(
      [{ ...declared, names: [declared.name], ...handler }],
      { hub: 'shop', partition: '0', bodies: some.map((event) => JSON.parse(JSON.stringify(toCloudEvent(event)))) },
      () => {},
    )
  return { told: received, receive }
}

describe('a public event', () => {
  it('is recorded beside the private event, in its own version, and both survive the message', async () => {
    const { event } = await parked()
    const { type, schemaVersion, readableFrom, data } = event
    assert.deepEqual(
      { type, schemaVersion, readableFrom, data },
      {
        type: 'Parked',
        schemaVersion: 2,
        readableFrom: undefined,
        data: { country: 'BE', number: '1', note: 'leaks oil' },
      },
    )
    assert.deepEqual(event.published, { type: 'Parked', schemaVersion: 1, data: { plate: 'BE 1' } })
    const message = toCloudEvent(event)
    assert.deepEqual(
      [message.type, message.dataschema, message.data],
      ['Parked', 'urn:tidemark:parking:Parked:1', { plate: 'BE 1' }],
    )
    for (const name of Object.keys(message)) assert.match(name, /^[a-z0-9]+$/)
    assert.deepEqual(fromCloudEvent(JSON.parse(JSON.stringify(message))), event)
  })

  it('is covered by the hash: a change of its data in the message is detected', async () => {
    const message = { ...toCloudEvent((await parked()).event), data: { plate: 'NL 1' } }
    assert.throws(() => fromCloudEvent(message), { code: 'hash-mismatch' })
  })

  for (const recorded of ['{', '{}', '"Parked"', JSON.stringify({ type: 'Parked', schemaVersion: 0, data: {} })])
    it(`with an attribute recorded of ${recorded} makes the message unreadable, and nothing crashes`, async () => {
      const message = { ...toCloudEvent((await parked()).event), recorded }
      assert.throws(() => fromCloudEvent(message), { code: 'event-unreadable' })
    })

  it('is what another service’s reaction receives, while the service itself receives the private event', async () => {
    const { event } = await parked()
    const other = await listenTo('tolls', [Told], [event])
    await other.receive()
    assert.deepEqual(other.told, [{ type: 'Parked', data: { plate: 'BE 1' } }])
    const own = await listenTo('parking', [Kept], [event])
    await own.receive()
    assert.deepEqual(own.told, [{ type: 'Parked', data: { country: 'BE', number: '1', note: 'leaks oil' } }])
  })

  it('must fit its schema, or nothing is written', async () => {
    const log = new MemoryEventStore()
    const wrong: Service = { ...parking, publishes: [published(Kept, Told, () => ({ plate: 7 }) as never)] }
    const deps = { service: wrong, store: log, cache: stateCache(10), clock: new ManualClock() }
    const data = { country: 'BE', number: '1', note: '' }
    const command = handleCommand(deps, car, request('k', { type: 'park', data }, { stream: 'car-1' }))
    await assert.rejects(command, { code: 'event-invalid' })
    assert.deepEqual(await everyEvent(log, 'car-1'), [])
  })

  for (const [what, kept, received] of [
    ['private event is readable by more versions', { schemaVersion: 3, readableFrom: 2 }, { schemaVersion: 1 }],
    ['public event is readable by more versions', { schemaVersion: 3 }, { schemaVersion: 2, readableFrom: 1 }],
  ] as const)
    it(`says who can read it, separately from the private event, when the ${what}`, () => {
      const data = { plate: 'BE 1' }
      const [event] = recorded('car-1', {
        type: 'Parked',
        data: { number: '1' },
        ...kept,
        published: { type: 'Parked', data, ...received },
      })
      assert.ok(event)
      const message = toCloudEvent(event)
      assert.equal(message.readablefrom, 'readableFrom' in received ? received.readableFrom : undefined)
      assert.deepEqual(fromCloudEvent(JSON.parse(JSON.stringify(message))), event)
    })

  it('may have another name than the private event', async () => {
    const Arrived = eventType('CarArrived', z.object({ plate: z.string() }))
    const { event } = await parked({
      ...parking,
      publishes: [published(Kept, Arrived, ({ country, number }) => ({ plate: `${country} ${number}` }))],
    })
    const events = [event]
    const other = await listenTo('tolls', [Arrived], events)
    await other.receive()
    assert.deepEqual(other.told, [{ type: 'CarArrived', data: { plate: 'BE 1' } }])
    const own = await listenTo('parking', [Kept], events)
    await own.receive()
    assert.deepEqual(own.told, [{ type: 'Parked', data: { country: 'BE', number: '1', note: 'leaks oil' } }])
  })

  it('is missed in a gap, which a service fills only from its own log', async () => {
    const { log, event } = await parked()
    const [, left] = recorded('car-1', { type: 'Parked', data: {} }, { type: 'Left', data: {} })
    assert.ok(left)
    const following = (before: RecordedEvent) => {
      const { hash: _, ...unhashed } = { ...left, id: '', version: before.version + 1, previousHash: before.hash }
      const next = { ...unhashed, id: eventId(unhashed.version) }
      return { ...next, hash: hashEvent(next) }
    }
    const second = following(event)
    const third = following(second)
    await appendGiven(log, second)
    await appendGiven(log, third)
    const own = await listenTo('parking', [Kept, Left], [], log)
    const other = await listenTo('tolls', [Told, Left], [], log)
    for (const each of [own, other]) {
      await each.receive([event])
      await each.receive([third])
    }
    assert.deepEqual([own.told.length, other.told.length], [3, 2])
  })

  it('is the private event itself in events from before the two differed', async () => {
    const older = recorded('car-1', { type: 'Parked', data: { plate: 'BE 1' } })
    const other = await listenTo('tolls', [Told], older)
    await other.receive()
    const own = await listenTo('parking', [Kept], older)
    await own.receive()
    assert.deepEqual(other.told, [{ type: 'Parked', data: { plate: 'BE 1' } }])
    assert.deepEqual(own.told, [{ type: 'Parked', data: { country: 'BE', number: '1', note: '' } }])
  })
})

describe('a consumer that meets another version', () => {
  const additive = { type: 'Parked', schemaVersion: 2, readableFrom: 1, data: { plate: 'BE 1', colour: 'red' } }
  const breaking = { type: 'Parked', schemaVersion: 3, data: { plate: { country: 'BE', number: '1' } } }
  const left = { type: 'Left', data: {} }

  it('reads a newer additive version, and skips an unknown type that it does not use', async () => {
    const { told: received, receive } = await listenTo(
      'tolls',
      [Told, Left],
      recorded('car-1', additive, { type: 'Washed', data: {} }, left),
    )
    await receive()
    assert.deepEqual(received, [{ type: 'Parked', data: { plate: 'BE 1' } }, left])
  })

  it('waits at a newer breaking version, and continues in order once it knows it', async () => {
    const events = recorded('car-1', left, breaking, left)
    const held = await listenTo('tolls', [Told, Left], events)
    await assert.rejects(held.receive(), { code: 'event-unknown', retriable: true })
    await assert.rejects(held.receive(), { code: 'event-unknown' })
    assert.deepEqual(held.told, [left])
    const plate = z.object({ country: z.string(), number: z.string() })
    const Newer = Told.additive(z.object({ plate: z.string(), colour: z.string() }), (data) => ({
      ...data,
      colour: '',
    })).breaking(z.object({ plate }), ({ plate }) => ({
      plate: { country: plate.slice(0, 2), number: plate.slice(3) },
    }))
    const deployed = await listenTo('tolls', [Newer, Left], events)
    await deployed.receive()
    assert.deepEqual(
      deployed.told.map(({ type }) => type),
      ['Left', 'Parked', 'Left'],
    )
  })

  const titles: SingleStreamView<string[], EventOf<typeof Kept | typeof Left>> = {
    kind: 'one-stream',
    name: 'titles',
    category: 'car',
    filters: {},
    evolve: (document = [], event) => [...document, event.type],
    sort: (document) => document.join(),
  }
  const projected = async (view: typeof titles, events: readonly RecordedEvent[]) => {
    const views = new MemoryViewStores()
    const project = projecting({ log: new MemoryEventStore(), views, eventTypes: car.events }, view)
    await project(events)
    return (await (await views.live('titles')).read('car-1'))?.document
  }

  it('waits at an unknown type in a view of all events, and skips it in a view that names its events', async () => {
    const events = recorded('car-1', { type: 'Parked', data: { plate: 'BE 1' } }, { type: 'Washed', data: {} }, left)
    await assert.rejects(projected(titles, events), { code: 'event-unknown' })
    assert.deepEqual(await projected({ ...titles, events: [Kept, Left] }, events), ['Parked', 'Left'])
    assert.deepEqual(await projected({ ...titles, events: [Left] }, events), ['Left'])
  })

  it('waits at a newer version of an event that the view names', async () => {
    const events = recorded('car-1', { type: 'Parked', schemaVersion: 9, data: {} })
    await assert.rejects(projected({ ...titles, events: [Kept] }, events), { code: 'event-unknown' })
    assert.equal(await projected({ ...titles, events: [Left] }, events), undefined)
  })
})
