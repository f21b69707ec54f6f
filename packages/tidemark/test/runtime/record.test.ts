import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { AnyDecider } from '../../core/decider.ts'
import { hashFits } from '../../core/hash-chain.ts'
import { MAX_NESTING } from '../../core/json.ts'
import { MAX_EVENTS } from '../../core/ports.ts'
import type { Service } from '../../core/service.ts'
import { MemoryEventStore } from '../../memory/event-store.ts'
import { handleCommand } from '../../runtime/command.ts'
import { stateCache } from '../../runtime/state-cache.ts'
import { anything, thing } from '../domain/anything.ts'
import { notes } from '../domain/notes.ts'
import { everyEvent, ManualClock, request, UnreliableStore } from '../support/fakes.ts'

async function write(count: number, bytes: number) {
  const store = new UnreliableStore(new MemoryEventStore())
  const deps = { service: { name: 'noting', publishes: [] }, store, cache: stateCache(10), clock: new ManualClock() }
  const outcome = handleCommand(
    deps,
    notes,
    request('k', { type: 'write', data: { count, bytes } }, { stream: 'notes-1' }),
  )
  return { store, outcome }
}

describe('the size of a decision', () => {
  for (const [what, count, bytes, code] of [
    ['more events than a command may append', MAX_EVENTS + 1, 1, 'decision-too-large'],
    ['an event that could be appended but not published', 1, 1024 * 1024, 'event-too-large'],
    ['more bytes than one item can hold', 3, 800_000, 'decision-too-large'],
  ] as const)
    it(`${what}: refused whole, before anything is sent`, async () => {
      const { store, outcome } = await write(count, bytes)
      await assert.rejects(outcome, { code, retriable: false })
      assert.equal(store.appends, 0)
    })

  it('is accepted up to the limit', async () => {
    const { store, outcome } = await write(MAX_EVENTS, 1_800)
    assert.deepEqual(await outcome, { outcome: 'done', stream: 'notes-1', version: MAX_EVENTS, events: MAX_EVENTS })
    assert.equal((await everyEvent(store, 'notes-1')).length, MAX_EVENTS)
  })
})

describe('the data of an event', () => {
  /** Records an event with a given value. A command's own data could not hold half of the values. */
  async function say(
    value: unknown,
    service: Pick<Service, 'name' | 'publishes'> = { name: 'anything', publishes: [] },
  ) {
    const states: unknown[] = []
    const saying: AnyDecider = {
      ...thing,
      evolve: (_, { data }) => {
        states.push(data)
        return null
      },
      decide: () => [{ type: 'Kept', data: { value } }],
    }
    const store = new UnreliableStore(new MemoryEventStore())
    const deps = { service, store, cache: stateCache(10), clock: new ManualClock() }
    const keep = { type: 'keep', data: { value: 1 } }
    const outcome = handleCommand(deps, saying, request('k', keep, { stream: 'thing-1' }))
    return { store, outcome, states }
  }

  const nested = (depth: number): unknown => (depth === 0 ? 1 : [nested(depth - 1)])
  for (const [what, value, code, message] of [
    ['a Date', { at: new Date(0) }, 'event-invalid', /^Kept has data that JSON does not keep: \/value\/at: a Date/],
    ['a Map', [new Map()], 'event-invalid', /\/value\/0: a Map/],
    ['a Set', new Set(), 'event-invalid', /\/value: a Set/],
    ['a bigint', { a: [{ b: 1n }] }, 'event-invalid', /\/value\/a\/0\/b: a bigint/],
    ['undefined in an array', { a: [1, undefined] }, 'event-invalid', /\/value\/a\/1: undefined/],
    ['an unsafe integer', { a: 2 ** 53 }, 'event-invalid', /\/value\/a: 9007199254740992 is not a safe integer/],
    ['a field named __proto__', JSON.parse('{"a":{"__proto__":1}}'), 'event-invalid', /\/value\/a\/__proto__: /],
    ['half a surrogate pair', 'a\udc00', 'event-invalid', /\/value: half a surrogate pair/],
    ['too many levels', nested(MAX_NESTING), 'event-too-large', /too many nested arrays and objects/],
  ] as const)
    it(`is refused whole with the place of ${what}, and nothing is written`, async () => {
      const { store, outcome } = await say(value)
      await assert.rejects(outcome, { code, message, retriable: false })
      assert.equal(store.appends, 0)
    })

  it('is refused if its translation to the public event makes it invalid', async () => {
    const [publication] = anything.publishes
    assert.ok(publication)
    const publishes = [{ ...publication, translate: () => ({ told: [new Date(0)] }) }]
    const { store, outcome } = await say(1, { name: 'anything', publishes })
    const message = /^Told has data that JSON does not keep: \/told\/0: a Date/
    await assert.rejects(outcome, { code: 'event-invalid', message })
    assert.equal(store.appends, 0)
  })

  it('is folded, hashed and written in its JSON form, without undefined fields and with -0 as 0', async () => {
    const { store, outcome, states } = await say({ a: undefined, b: [{ c: undefined, d: -0 }], e: 1 })
    await outcome
    const [event] = await everyEvent(store, 'thing-1')
    const expected = { value: { b: [{ d: 0 }], e: 1 } }
    assert.deepStrictEqual([event?.data, states], [expected, [expected]])
    assert.ok(event && hashFits(event))
  })

  it('must fit its schema in its JSON form, in which a required field cannot be undefined', async () => {
    const { outcome } = await say(undefined)
    await assert.rejects(outcome, { code: 'event-invalid', message: /^Kept does not fit its schema: \/value/ })
  })
})
