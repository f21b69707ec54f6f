import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import type { CommandResult } from '../../core/command.ts'
import type { Command } from '../../core/decider.ts'
import { MemoryEventStore } from '../../memory/event-store.ts'
import { handleCommand } from '../../runtime/command.ts'
import { groupCommit, type HandleCommand } from '../../runtime/group-commit.ts'
import { stateCache } from '../../runtime/state-cache.ts'
import { notes } from '../domain/notes.ts'
import { stock } from '../domain/stock.ts'
import { everyEvent, ManualClock, request, UnreliableStore } from '../support/fakes.ts'

const receive = (quantity: number): Command => ({ type: 'receive', data: { quantity } })
const reserve = (orderId: string, quantity: number): Command => ({ type: 'reserve', data: { orderId, quantity } })
const STREAM = 'stock-tea'
const service = { name: 'inventory', publishes: [] }

function instance(store: UnreliableStore) {
  const deps = { service, store, cache: stateCache(100), clock: new ManualClock() }
  const handle = groupCommit(deps)
  const send = (key: string, command: Command, expectedVersion?: number): Promise<CommandResult> =>
    handle(stock, request(key, command, { stream: STREAM, expectedVersion }))
  return { deps, handle, send }
}

function setUp() {
  const store = new UnreliableStore(new MemoryEventStore())
  return { store, ...instance(store) }
}

const readCode = (outcome: CommandResult): string =>
  outcome.outcome === 'done' ? `done at ${outcome.version}` : outcome.code

describe('commands that wait for one stream', () => {
  it('are appended together, in one write while the write before is under way', async () => {
    const { store, send } = setUp()
    const answers = await Promise.all(Array.from({ length: 50 }, (_, index) => send(`k${index}`, receive(1))))
    assert.deepEqual(
      answers.map(readCode),
      answers.map((_, index) => `done at ${index + 1}`),
    )
    assert.equal(store.appends, 2)
    assert.equal((await everyEvent(store, STREAM)).length, 50)
  })

  it('decide one after another, each on the result of the ones before', async () => {
    const { store, send } = setUp()
    await send('first', receive(5))
    const answers = await Promise.all(['a', 'b', 'c'].map((id) => send(id, reserve(id, 2))))
    assert.ok(answers.every(({ outcome }) => outcome === 'done'))
    assert.deepEqual(
      (await everyEvent(store, STREAM)).map(({ type }) => type),
      ['StockReceived', 'UnitsReserved', 'UnitsReserved', 'UnitsDeclined'],
    )
  })

  it('are split when one write cannot hold more entries', async () => {
    const { store, send } = setUp()
    await send('first', receive(1))
    const { appends, limits } = store
    await Promise.all(Array.from({ length: 2 * limits.entries + 1 }, (_, index) => send(`k${index}`, receive(1))))
    assert.equal(store.appends - appends, 3)
    assert.equal((await everyEvent(store, STREAM)).length, 2 * limits.entries + 2)
  })

  it('are split when one write cannot hold more bytes', async () => {
    const store = new UnreliableStore(new MemoryEventStore())
    const handle = groupCommit({ ...instance(store).deps, service: { name: 'noting', publishes: [] } })
    const write = (key: string) =>
      handle(notes, request(key, { type: 'write', data: { count: 1, bytes: 300_000 } }, { stream: 'notes-1' }))
    const answers = await Promise.all(Array.from({ length: 9 }, (_, index) => write(`k${index}`)))
    assert.deepEqual(
      answers.map(readCode),
      Array.from({ length: 9 }, (_, index) => `done at ${index + 1}`),
    )
    assert.ok(store.appends >= 4 && store.appends <= 9, String(store.appends))
  })

  it('compare If-Match with the version that each finds in its turn', async () => {
    const { send } = setUp()
    await send('first', receive(1))
    const answers = await Promise.all([send('a', receive(1)), send('b', receive(1), 2), send('c', receive(1), 2)])
    assert.deepEqual(answers.map(readCode), ['done at 2', 'done at 3', 'version-mismatch'])
  })

  it('have one outcome for a key that occurs twice', async () => {
    const { store, send } = setUp()
    await send('first', receive(1))
    const keys = ['a', 'b', 'a', 'a', 'c', 'b']
    const answers = await Promise.all(keys.map((key) => send(key, receive(1))))
    assert.deepEqual(
      answers.map(readCode),
      ['a', 'b', 'a', 'a', 'c', 'b'].map((key) => `done at ${'.abc'.indexOf(key) + 1}`),
    )
    assert.equal((await everyEvent(store, STREAM)).length, 4)
  })

  it('with a known outcome are answered with it, and the rest decide again without them', async () => {
    const { store, send } = setUp()
    await send('first', receive(5))
    await send('old', reserve('x', 2))
    const answers = await Promise.all([
      send('a', reserve('a', 3)),
      send('b', receive(1)),
      send('old', reserve('x', 2)),
      send('c', reserve('c', 1)),
    ])
    assert.deepEqual(answers.map(readCode), ['done at 3', 'done at 4', 'done at 2', 'done at 5'])
    assert.equal((await everyEvent(store, STREAM)).length, 5)
  })

  it('fail alone with a fault of their own', async () => {
    const store = new UnreliableStore(new MemoryEventStore())
    const handle = groupCommit({ ...instance(store).deps, service: { name: 'noting', publishes: [] } })
    const send = (key: string, command: Command) => handle(notes, request(key, command, { stream: 'notes-1' }))
    const good = { type: 'write', data: { count: 1, bytes: 1 } }
    const settled = await Promise.allSettled([
      send('a', good),
      send('b', { type: 'crash', data: {} }),
      send('c', good),
      send('d', { type: 'write', data: { count: 1, bytes: 1024 * 1024 } }),
      send('e', good),
    ])
    assert.deepEqual(
      settled.map((each) =>
        each.status === 'fulfilled' ? readCode(each.value) : (each.reason.code ?? each.reason.name),
      ),
      ['done at 1', 'TypeError', 'done at 2', 'event-too-large', 'done at 3'],
    )
  })

  it('are all answered with an outcome that stays unknown, and their keys settle it later', async () => {
    const { store, send } = setUp()
    await send('first', receive(1))
    const before = send('a', receive(1))
    store.faults.push('lost', 'unanswered', 'lost', 'unanswered')
    const together = ['b', 'c'].map((key) => send(key, receive(1)))
    for (const each of [before, ...together]) await assert.rejects(each, { code: 'outcome-unknown' })
    const again = await Promise.all(['a', 'b', 'c'].map((key) => send(key, receive(1))))
    assert.ok(again.every(({ outcome }) => outcome === 'done'))
    assert.equal((await everyEvent(store, STREAM)).length, 4)
  })

  it('are refused beyond a limit, with nothing of them written', async () => {
    const { store, send } = setUp()
    const settled = await Promise.allSettled(Array.from({ length: 1_100 }, (_, index) => send(`k${index}`, receive(1))))
    const refused = settled.filter((each) => each.status === 'rejected')
    assert.ok(refused.length > 0 && refused.length <= 100, String(refused.length))
    for (const { reason } of refused) assert.equal(reason.code, 'stream-contended')
    assert.equal((await everyEvent(store, STREAM)).length, 1_100 - refused.length)
  })

  it('do not wait for those of another stream', async () => {
    const { store, deps } = setUp()
    let open = (): void => {}
    const gate = new Promise<void>((resolve) => {
      open = resolve
    })
    const append = store.append.bind(store)
    store.append = async (after, entries) => {
      if (entries[0]?.stream === STREAM) await gate
      return append(after, entries)
    }
    const handle = groupCommit(deps)
    const held = handle(stock, request('a', receive(1), { stream: STREAM }))
    assert.equal((await handle(stock, request('b', receive(1), { stream: 'stock-cup' }))).outcome, 'done')
    open()
    assert.equal((await held).outcome, 'done')
  })
})

it('continue a stream that was restored to an earlier point, and drop the cached state', async () => {
  const { store, deps, send } = setUp()
  await send('a', receive(1))
  await send('b', receive(1))
  // The same instance, whose log is now an earlier one.
  const restored = new UnreliableStore(new MemoryEventStore())
  await handleCommand(
    { ...deps, store: restored, cache: stateCache(1) },
    stock,
    request('a', receive(1), { stream: STREAM }),
  )
  const handle = groupCommit({ ...deps, store: restored })
  assert.equal(readCode(await handle(stock, request('c', receive(1), { stream: STREAM }))), 'done at 2')
  assert.equal((await everyEvent(store, STREAM)).length, 2)
  assert.equal((await everyEvent(restored, STREAM)).length, 2)
})

it('fail with a broken chain when the stream was restored and written again', async () => {
  const { deps, send } = setUp()
  await send('a', receive(1))
  const restored = new UnreliableStore(new MemoryEventStore())
  await handleCommand(
    { ...deps, store: restored, cache: stateCache(1) },
    stock,
    request('z', receive(9), { stream: STREAM }),
  )
  const handle: HandleCommand = groupCommit({ ...deps, store: restored })
  for (const key of ['b', 'c', 'd'])
    await assert.rejects(handle(stock, request(key, receive(1), { stream: STREAM })), { code: 'chain-broken' })
  assert.equal((await everyEvent(restored, STREAM)).length, 2, 'one was written before the difference was found')
})

it('take effect once, as answered, for any interleaving of three instances, keys and faults', async () => {
  const step = fc.record({
    instance: fc.nat(2),
    key: fc.nat(9),
    command: fc.constantFrom(receive(3), reserve('a', 2), reserve('b', 4), {
      type: 'release',
      data: { orderId: 'a', quantity: 2 },
    }),
  })
  const rounds = fc.array(
    fc.record({
      steps: fc.array(step, { minLength: 1, maxLength: 8 }),
      faults: fc.array(fc.constantFrom('lost' as const, 'unanswered' as const), { maxLength: 2 }),
    }),
    { maxLength: 8 },
  )
  let [done, together] = [0, 0]
  await fc.assert(
    fc.asyncProperty(rounds, async (all) => {
      const store = new UnreliableStore(new MemoryEventStore())
      const instances = [0, 1, 2].map(() => instance(store))
      const first = new Map<string, string>()
      for (const { steps, faults } of all) {
        store.faults.push(...faults)
        const outcomes = await Promise.allSettled(
          steps.map(({ instance: index, key, command }) => instances[index]?.send(`k${key}`, command)),
        )
        for (const [index, outcome] of outcomes.entries()) {
          if (outcome.status === 'rejected') assert.equal(outcome.reason.code, 'outcome-unknown')
          else if (outcome.value?.outcome === 'done') {
            const sent = JSON.stringify([steps[index]?.key, steps[index]?.command])
            const answer = JSON.stringify(outcome.value)
            assert.equal(first.get(sent) ?? answer, answer)
            first.set(sent, answer)
            done += 1
          }
        }
      }
      const events = await everyEvent(store, STREAM)
      assert.deepEqual(
        events.map(({ version }) => version),
        events.map((_, index) => index + 1),
      )
      assert.equal(new Set(events.map(({ causation }) => causation)).size, events.length, 'a key has two events')
      if (store.largest > 1) together += 1
    }),
    { numRuns: 300 },
  )
  assert.ok(done > 300 && together > 10, `${done} done, ${together} with a write of several`)
})
