import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { CommandResult } from '../../core/command.ts'
import { MemoryEventStore } from '../../memory/event-store.ts'
import { handleCommand } from '../../runtime/command.ts'
import { stateCache } from '../../runtime/state-cache.ts'
import { address, order, ordering, place } from '../domain/orders.ts'
import { everyEvent, ManualClock, request, UnreliableStore } from '../support/fakes.ts'

const confirm = { type: 'confirm', data: {} } as const
const move = (city: string) =>
  ({ type: 'change-shipping-address', data: { shippingAddress: { ...address, city } } }) as const

/** Two instances on one log, with one placed order. */
async function setUp() {
  const store = new UnreliableStore(new MemoryEventStore())
  const instances = [1, 2].map(() => ({ service: ordering, store, cache: stateCache(10), clock: new ManualClock() }))
  const send = (instance: number, ...args: Parameters<typeof request>): Promise<CommandResult> => {
    const deps = instances[instance] ?? assert.fail()
    return handleCommand(deps, order, request(...args))
  }
  await send(0, 'placed', place)
  return { store, send, count: async () => (await everyEvent(store)).length }
}

const unchanged = { outcome: 'done', stream: 'order-1', version: 1, events: 0 } as const

describe('a command that changed nothing, with an idempotency key', () => {
  it('is answered as the first time and takes no effect, even if the stream has changed since', async () => {
    const { send, count } = await setUp()
    const stay = move(address.city)
    assert.deepEqual(await send(0, 'k', stay), unchanged)
    await send(1, 'another', move('Bruges'))
    for (const instance of [0, 1]) assert.deepEqual(await send(instance, 'k', stay), unchanged)
    assert.equal(await count(), 2)
  })

  it('is refused with another body or another If-Match, and takes no effect', async () => {
    const { send, count } = await setUp()
    await send(0, 'k', move(address.city))
    for (const outcome of [
      await send(0, 'k', move('Bruges')),
      await send(1, 'k', move(address.city), { expectedVersion: 1 }),
    ])
      assert.equal(outcome.outcome === 'done' ? 'done' : outcome.code, 'idempotency-key-reused')
    assert.equal(await count(), 1)
  })

  it('has one outcome at two instances at once', async () => {
    const { send, count } = await setUp()
    const outcomes = await Promise.all([send(0, 'k', move(address.city)), send(1, 'k', move(address.city))])
    assert.deepEqual(outcomes, [unchanged, unchanged])
    assert.equal(await count(), 1)
  })

  for (const fault of ['lost', 'unanswered'] as const)
    it(`has one outcome when the append of its receipt is ${fault}`, async () => {
      const { store, send } = await setUp()
      store.faults.push(fault)
      assert.deepEqual(await send(0, 'k', move(address.city)), unchanged)
      assert.deepEqual(await store.findOutcome('order-1', 'k'), {
        fingerprint: (await store.findOutcome('order-1', 'k'))?.fingerprint,
        version: 1,
        events: 0,
      })
    })

  it('leaves no receipt without a key of the client, since nobody can repeat it', async () => {
    const { store, send } = await setUp()
    const { appends, lookups } = store
    assert.deepEqual(await send(0, 'made up', move(address.city), { receipts: 'none' }), unchanged)
    assert.deepEqual([store.appends, store.lookups], [appends, lookups])
    assert.equal(await store.findOutcome('order-1', 'made up'), undefined)
  })
})

describe('a refusal', () => {
  const readCode = (outcome: CommandResult): string =>
    outcome.outcome === 'done' ? `done at ${outcome.version}` : outcome.code

  it('to a client is not stored: the same key may take effect later', async () => {
    const { send } = await setUp()
    assert.equal(readCode(await send(0, 'k', confirm, { expectedVersion: 2 })), 'version-mismatch')
    await send(1, 'another', move('Bruges'))
    assert.equal(readCode(await send(0, 'k', confirm, { expectedVersion: 2 })), 'done at 3')
  })

  it('to a client whose key took effect before is replaced by that effect', async () => {
    const { send } = await setUp()
    await send(0, 'k', move('Bruges'))
    await send(0, 'gone', { type: 'cancel', data: { reason: 'late' } })
    for (const instance of [0, 1]) assert.equal(readCode(await send(instance, 'k', move('Bruges'))), 'done at 2')
  })

  it('to a reaction is stored, and stands whatever it sends later', async () => {
    const { send, count } = await setUp()
    const all = { receipts: 'all' } as const
    const first = await send(0, 'k', confirm, { ...all, expectedVersion: 7 })
    assert.equal(readCode(first), 'version-mismatch')
    assert.deepEqual(await send(1, 'k', confirm, { ...all, expectedVersion: 7 }), first)
    const later = await send(1, 'k', confirm, all)
    assert.deepEqual(later, { ...first, contentDiffers: true })
    assert.equal(await count(), 1)
  })
})
