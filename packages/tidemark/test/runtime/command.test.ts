import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import type { CommandResult } from '../../core/command.ts'
import { UNKNOWN_REQUEST } from '../../core/commit.ts'
import { EMPTY_STREAM, follows, GENESIS, hashEvent } from '../../core/hash-chain.ts'
import { MemoryEventStore } from '../../memory/event-store.ts'
import { type CommandDependencies, handleCommand } from '../../runtime/command.ts'
import { stateCache } from '../../runtime/state-cache.ts'
import { address, order, ordering, place, placeBody, placedV1 } from '../domain/orders.ts'
import { everyEvent, ManualClock, request, UnreliableStore } from '../support/fakes.ts'
import { recorded } from '../support/recorded.ts'

const cancel = { type: 'cancel', data: { reason: 'late' } } as const
const reject = { type: 'reject', data: { reason: 'none left' } } as const
const confirm = { type: 'confirm', data: {} } as const
const move = (city: string) =>
  ({ type: 'change-shipping-address', data: { shippingAddress: { ...address, city } } }) as const

/** Instances of one service: a shared log, and a cache each. */
function instances(count: number, store = new UnreliableStore(new MemoryEventStore())) {
  const deps = Array.from(
    { length: count },
    (): CommandDependencies => ({ service: ordering, store, cache: stateCache(100), clock: new ManualClock() }),
  )
  const send = (instance: number, ...args: Parameters<typeof request>): Promise<CommandResult> => {
    const dependencies = deps[instance]
    assert.ok(dependencies)
    return handleCommand(dependencies, order, request(...args))
  }
  return { store, send }
}

async function refusal(outcome: Promise<CommandResult>): Promise<string> {
  const answer = await outcome
  return answer.outcome === 'done' ? `done at ${answer.version}` : answer.code
}

describe('the command handler', () => {
  it('decides as of the stream’s last event when the clock lags, and dates no event earlier', async () => {
    const store = new MemoryEventStore()
    const decidedAt: string[] = []
    const watched = {
      ...order,
      decide: (...args: Parameters<typeof order.decide>) => {
        decidedAt.push(args[2].now)
        return order.decide(...args)
      },
    }
    const at = (now: string) => ({
      service: ordering,
      store,
      cache: stateCache(1),
      clock: { now: () => now, elapsed: () => 0, wait: async () => {} },
    })
    const [fast, slow] = ['2026-01-01T00:10:00.000Z', '2026-01-01T00:00:00.000Z']
    await handleCommand(at(fast), watched, request('k1', place))
    await handleCommand(at(slow), watched, request('k2', cancel))
    const times = (await everyEvent(store)).map(({ time }) => time)
    assert.deepEqual([new Set(decidedAt), times], [new Set([fast]), [fast, fast]])
  })

  it('appends to a known stream without reading it first', async () => {
    const { store, send } = instances(1)
    await send(0, 'k1', place)
    const { reads } = store
    await send(0, 'k2', move('Bruges'))
    assert.equal(store.reads, reads)
  })

  it('lets one of two racing writers win, and the other decide again on the new state', async () => {
    const { store, send } = instances(2)
    await send(0, 'k1', place)
    await send(1, 'k2', move('Bruges'))
    const race = await Promise.all([refusal(send(0, 'k3', reject)), refusal(send(1, 'k4', confirm))])
    assert.deepEqual(race.sort(), ['done at 3', race.includes('order-rejected') ? 'order-rejected' : 'order-confirmed'])
    assert.equal((await everyEvent(store)).length, 3)
  })

  it('reads a stale stream again before it answers a refusal', async () => {
    const { send } = instances(2)
    await send(0, 'k1', place)
    await send(1, 'k2', move('Bruges'))
    // Instance 0 still has version 1 cached. It does not know version 2, nor the new address.
    assert.equal(await refusal(send(0, 'k3', confirm, { expectedVersion: 2 })), 'done at 3')
  })

  it('reads a stale stream again before it answers that nothing changes', async () => {
    const { send } = instances(2)
    await send(0, 'k1', place)
    await send(1, 'k2', move('Bruges'))
    const outcome = await send(0, 'k3', move(address.city))
    assert.deepEqual(outcome, { outcome: 'done', stream: 'order-1', version: 3, events: 1 })
  })

  it('gives a repeated key its first answer, also after later events', async () => {
    const { store, send } = instances(2)
    const first = await send(0, 'k1', place)
    await send(0, 'k2', confirm)
    assert.deepEqual(await send(0, 'k1', place), first)
    assert.deepEqual(await send(1, 'k1', place), first)
    assert.equal((await everyEvent(store)).length, 2)
  })

  it('ignores the order of fields when it compares requests with one key', async () => {
    const { send } = instances(1)
    const first = await send(0, 'k1', place)
    const reordered = Object.fromEntries(Object.entries(placeBody).reverse())
    assert.deepEqual(await send(0, 'k1', { type: 'place', data: reordered }), first)
  })

  it('refuses another request with the same key, and writes nothing', async () => {
    const { store, send } = instances(1)
    await send(0, 'k1', place)
    assert.equal(await refusal(send(0, 'k1', confirm)), 'idempotency-key-reused')
    assert.equal(
      await refusal(send(0, 'k1', { type: 'place', data: { ...placeBody, currency: 'NOK' } })),
      'idempotency-key-reused',
    )
    assert.equal(await refusal(send(0, 'k1', place, { expectedVersion: 0 })), 'idempotency-key-reused')
    assert.equal((await everyEvent(store)).length, 1)
  })

  it('answers any request with a key whose first request nobody knows, and does nothing twice', async () => {
    const { store, send } = instances(1)
    const events = recorded('order-1', placedV1)
    await store.append(EMPTY_STREAM, [{ stream: 'order-1', key: 'k1', fingerprint: UNKNOWN_REQUEST, events }])
    const first = { outcome: 'done', stream: 'order-1', version: 1, events: 1 }
    assert.deepEqual([await send(0, 'k1', place), await send(0, 'k1', confirm)], [first, first])
    assert.equal((await everyEvent(store)).length, 1)
  })

  it('gives one key sent to two instances at once a single set of events and the same answer', async () => {
    const { store, send } = instances(2)
    const answers = await Promise.all([send(0, 'k1', place), send(1, 'k1', place)])
    assert.deepEqual(answers[0], answers[1])
    assert.equal((await everyEvent(store)).length, 1)
  })

  it('compares If-Match with the newest version', async () => {
    const { send } = instances(1)
    await send(0, 'k1', place)
    assert.equal(await refusal(send(0, 'k2', confirm, { expectedVersion: 7 })), 'version-mismatch')
    assert.equal(await refusal(send(0, 'k3', confirm, { expectedVersion: 1 })), 'done at 2')
  })

  it('refuses a command that does not create on a missing stream', async () => {
    const { store, send } = instances(1)
    assert.equal(await refusal(send(0, 'k1', confirm)), 'stream-not-found')
    assert.equal((await everyEvent(store)).length, 0)
  })

  it('answers done, once, when an append of unknown outcome took effect', async () => {
    const { store, send } = instances(1)
    store.faults.push('unanswered')
    assert.equal(await refusal(send(0, 'k1', place)), 'done at 1')
    assert.equal((await everyEvent(store)).length, 1)
  })

  it('repeats an append of unknown outcome that did not take effect', async () => {
    const { store, send } = instances(1)
    store.faults.push('lost')
    assert.equal(await refusal(send(0, 'k1', place)), 'done at 1')
    assert.equal((await everyEvent(store)).length, 1)
  })

  it('reports a lasting unknown outcome, which the same key settles later', async () => {
    const { store, send } = instances(1)
    store.faults.push('lost', 'unanswered')
    await assert.rejects(send(0, 'k1', place), { code: 'outcome-unknown', retriable: true })
    assert.equal(await refusal(send(0, 'k1', place)), 'done at 1')
    assert.equal((await everyEvent(store)).length, 1)
  })

  it('never lets the time of a stream run backwards, whatever the clocks of its writers say', async () => {
    const { store, send } = instances(1)
    await send(0, 'k1', place)
    const early: CommandDependencies = {
      service: ordering,
      store,
      cache: stateCache(1),
      clock: Object.assign(new ManualClock(), { now: () => '2020-01-01T00:00:00.000Z' }),
    }
    await handleCommand(early, order, request('k2', confirm))
    const [first, second] = await everyEvent(store)
    assert.equal(second?.time, first?.time)
  })

  it('writes events with their actor, cause and time, in a valid hash chain', async () => {
    const { store, send } = instances(1)
    await send(0, 'k1', place)
    await send(0, 'k2', confirm)
    let tip = { version: 0, hash: GENESIS }
    for (const event of await everyEvent(store)) {
      assert.ok(follows(event, tip))
      assert.equal(hashEvent(event), event.hash)
      assert.deepEqual([event.actor, event.correlation], ['tester', 'c'])
      assert.match(event.causation, /^command:k[12]$/)
      tip = event
    }
    assert.equal(tip.version, 2)
  })

  it('applies every key at most once, as answered, for any interleaving of instances and faults', async () => {
    const commands = [place, cancel, confirm, move('Bruges'), move('Ghent')]
    const step = fc.record({
      instance: fc.nat(2),
      key: fc.nat(5),
      command: fc.constantFrom(...commands),
      fault: fc.option(fc.constantFrom('lost' as const, 'unanswered' as const), { nil: undefined, freq: 4 }),
    })
    let done = 0
    await fc.assert(
      fc.asyncProperty(fc.array(fc.array(step, { minLength: 1, maxLength: 3 }), { maxLength: 12 }), async (rounds) => {
        const { store, send } = instances(3)
        const answers = new Map<string, string>()
        for (const round of rounds) {
          for (const { fault } of round) if (fault) store.faults.push(fault)
          const outcomes = await Promise.allSettled(
            round.map(({ instance, key, command }) => send(instance, `k${key}`, command)),
          )
          outcomes.forEach((outcome, index) => {
            const sent = round[index]
            if (outcome.status === 'rejected') assert.equal(outcome.reason.code, 'outcome-unknown')
            else if (outcome.value.outcome === 'done' && outcome.value.events > 0 && sent) {
              const id = JSON.stringify([sent.key, sent.command])
              const answer = JSON.stringify(outcome.value)
              assert.equal(answers.get(id) ?? answer, answer)
              answers.set(id, answer)
              done += 1
            }
          })
        }
        const events = await everyEvent(store)
        assert.deepEqual(
          events.map((event) => event.version),
          events.map((_, index) => index + 1),
        )
        assert.equal(new Set(events.map((event) => event.causation)).size, events.length, 'a key has two events')
      }),
      { numRuns: 200 },
    )
    assert.ok(done > 100, `only ${done} commands took effect`)
  })
})
