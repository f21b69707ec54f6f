import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { MemoryEventStore } from '../../../src/adapters/memory/event-store.ts'
import { MAX_EVENTS } from '../../../src/core/ports.ts'
import { handleCommand } from '../../../src/flow/command.ts'
import { stateCache } from '../../../src/flow/state-cache.ts'
import { everyEvent, ManualClock, request, UnreliableStore } from '../../support/fakes.ts'
import { notes } from '../../support/notes.ts'

async function write(count: number, bytes: number) {
  const store = new UnreliableStore(new MemoryEventStore())
  const deps = { service: { name: 'noting', publishes: [] }, store, cache: stateCache(10), clock: new ManualClock() }
  const outcome = handleCommand(
    deps,
    notes,
    request('k', { type: 'write', data: { count, bytes } }, undefined, 'notes-1'),
  )
  return { store, outcome }
}

describe('the size of a decision', () => {
  for (const [what, count, bytes, code] of [
    ['more events than a command may append', MAX_EVENTS + 1, 1, 'decision-too-large'],
    ['an event that could be appended but not sent', 1, 1024 * 1024, 'event-too-large'],
    ['more bytes than one item takes', 3, 800_000, 'decision-too-large'],
  ] as const)
    it(`${what}: refused whole, before anything is sent`, async () => {
      const { store, outcome } = await write(count, bytes)
      await assert.rejects(outcome, { code, retriable: false })
      assert.equal(store.appends, 0)
    })

  it('the largest there may be is taken', async () => {
    const { store, outcome } = await write(MAX_EVENTS, 1_800)
    assert.deepEqual(await outcome, { done: true, stream: 'notes-1', version: MAX_EVENTS, events: MAX_EVENTS })
    assert.equal((await everyEvent(store, 'notes-1')).length, MAX_EVENTS)
  })
})
