import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import type { DomainEvent, RecordedEvent, Service } from 'tidemark'
import { IMMEDIATE, Reacting } from '../../packages/tidemark/test/support/reacting.ts'
import { recorded } from '../../packages/tidemark/test/support/recorded.ts'
import { PaymentRequested } from '../../src/ordering/contract.ts'
import { payment } from '../../src/payments/payment.ts'
import { payments } from '../../src/payments/service.ts'
import { shipping } from '../../src/shipping/service.ts'
import { shipment } from '../../src/shipping/shipment.ts'
import {
  captureRequested,
  paymentRequested,
  refundRequested,
  shipmentCancellationRequested,
  shipmentRequested,
  voidRequested,
} from '../support/fulfilments.ts'

const instances = fc.array(fc.option(fc.integer({ min: 1, max: 20 }), { freq: 2 }), { minLength: 1, maxLength: 3 })
const deliveries = fc.array(fc.tuple(fc.nat(), fc.nat(), fc.nat()), { maxLength: 8 })

/**
 * Instances, some of which die after a number of steps, and deliveries. Each delivery names an instance, a
 * stream and how many of its events are delivered.
 */
const chaos = fc.record({ dying: instances, brought: deliveries })
interface Chaos extends Drawn {
  /** What else goes on while it is brought. */
  readonly meanwhile?: readonly Promise<unknown>[]
}
type Drawn = typeof chaos extends fc.Arbitrary<infer Value> ? Value : never

/** Delivers everything once to a live instance, and meanwhile parts of it to others, which die. */
async function deliver(
  world: Reacting,
  streams: readonly (readonly RecordedEvent[])[],
  scheduler: fc.Scheduler,
  { dying, brought, meanwhile = [] }: Chaos,
): Promise<void> {
  const hosts = dying.map((steps) => world.instance(steps ?? Number.POSITIVE_INFINITY))
  const last = world.instance()
  await scheduler.waitFor(
    Promise.all([
      ...brought.map(([host, stream, upTo]) => {
        const events = streams[stream % streams.length] ?? []
        return hosts[host % hosts.length]?.(events.slice(0, 1 + (upTo % events.length)))
      }),
      ...streams.map((events) => last(events)),
      ...meanwhile,
    ]),
  )
}

/** The events that a service recorded, by stream. */
function groupEvents(world: Reacting): Record<string, DomainEvent[]> {
  const byStream: Record<string, DomainEvent[]> = {}
  for (const { stream, type, data } of world.log.all()) byStream[stream] = [...(byStream[stream] ?? []), { type, data }]
  return byStream
}

/** The events that it records if every event is delivered once. */
async function undisturbed(
  service: Service,
  streams: readonly (readonly RecordedEvent[])[],
): Promise<Record<string, DomainEvent[]>> {
  const world = new Reacting(service, IMMEDIATE)
  const instance = world.instance()
  for (const events of streams) await instance(events)
  await timeIsOver(world)
  return groupEvents(world)
}

/** Lets every deadline pass, and sends the due commands. */
async function timeIsOver(world: Reacting): Promise<void> {
  await world.clock.wait(900_000)
  await world.sendDue()
  assert.deepEqual(world.schedule.waiting, [])
}

describe('the requests of fulfilments', () => {
  const story = fc.record({
    method: fc.constantFrom('card' as const, 'transfer' as const),
    amount: fc.constantFrom(2150, 2_000_000),
    // In any order except a refund before its capture: a refusal leaves no receipt, so a late repeat would
    // find something to refund.
    later: fc
      .shuffledSubarray(['capture', 'void', 'refund'] as const)
      .filter(
        (asked) =>
          !asked.includes('capture') || !asked.includes('refund') || asked.indexOf('capture') < asked.indexOf('refund'),
      ),
  })

  it('for payment take effect once, for any deliveries and crashes', async () => {
    const seen = new Set<string>()
    await fc.assert(
      fc.asyncProperty(
        fc.array(story, { minLength: 1, maxLength: 3 }),
        fc.scheduler(),
        chaos,
        async (stories, scheduler, disturbed) => {
          const streams = stories.map(({ method, amount, later }, index) => {
            const id = String(index)
            const asked = {
              capture: captureRequested(id, amount),
              void: voidRequested(id),
              refund: refundRequested(id),
            }
            return recorded(
              `fulfilment-${id}`,
              { ...paymentRequested(id, method, amount), schemaVersion: PaymentRequested.version },
              ...later.map((what) => asked[what]),
            )
          })
          const world = new Reacting(payments, scheduler)
          await deliver(world, streams, scheduler, disturbed)
          await timeIsOver(world)
          // An instance that lags delivers everything again.
          await deliver(world, streams, scheduler, { dying: [], brought: [] })
          await timeIsOver(world)
          const byStream = groupEvents(world)
          assert.deepEqual(byStream, await undisturbed(payments, streams))
          for (const { type } of Object.values(byStream).flat()) seen.add(type)
        },
      ),
      { numRuns: 200 },
    )
    assert.deepEqual([...seen].toSorted(), payment.events.map(({ name }) => name).toSorted())
  })

  it('for shipment take effect once, whatever the warehouse does meanwhile', async () => {
    const work = fc.array(fc.constantFrom('dispatch' as const, 'deliver' as const, 'return' as const), { maxLength: 3 })
    const endings = new Map<string, number>()
    await fc.assert(
      fc.asyncProperty(fc.boolean(), work, fc.scheduler(), chaos, async (stopped, tasks, scheduler, disturbed) => {
        const asked = [shipmentRequested('1'), ...(stopped ? [shipmentCancellationRequested('1')] : [])]
        const streams = [recorded('fulfilment-1', ...asked)]
        const world = new Reacting(shipping, scheduler)
        const warehouse = async (): Promise<void> => {
          for (const [index, type] of tasks.entries()) {
            // It reads the shipment, and acts at any later time.
            while (world.log.all().length === 0) await scheduler.schedule(Promise.resolve())
            await scheduler.schedule(Promise.resolve())
            await world.command(shipment, '1', `${type}:${index}`, { type, data: {} })
          }
        }
        await deliver(world, streams, scheduler, { ...disturbed, meanwhile: [warehouse()] })
        const types = (groupEvents(world)['shipment-1'] ?? []).map(({ type }) => type)
        assert.equal(new Set(types).size, types.length, types.join(' '))
        assert.equal(types[0], 'ShipmentPrepared')
        const stops = types.filter((type) => type === 'ShipmentCancelled' || type === 'ShipmentRecalled')
        assert.equal(stops.length, stopped && !(types.includes('ShipmentReturned') && stops.length === 0) ? 1 : 0)
        assert.equal(types.includes('ShipmentCancelled') && types.includes('ShipmentDispatched'), false)
        const end = types.at(-1) ?? ''
        endings.set(end, (endings.get(end) ?? 0) + 1)
      }),
      { numRuns: 300 },
    )
    console.log(`# ${[...endings].map(([type, count]) => `${count} ${type}`).join(', ')}`)
    assert.equal(endings.size, 6)
  })
})
