import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import * as z from 'zod'
import type { CommandResult } from '../../core/command.ts'
import type { RecordedCommit } from '../../core/commit.ts'
import type { AnyDecider, Command } from '../../core/decider.ts'
import { TidemarkError } from '../../core/errors.ts'
import { type EventType, eventType } from '../../core/event.ts'
import type { EventStore, Snapshots } from '../../core/ports.ts'
import { MAX_STATE_BYTES, type Snapshot, snapshotId, stateText } from '../../core/snapshot.ts'
import { MemoryEventStore } from '../../memory/event-store.ts'
import { MemorySnapshots } from '../../memory/snapshots.ts'
import { handleCommand } from '../../runtime/command.ts'
import { coldLoader } from '../../runtime/snapshots.ts'
import { stateCache } from '../../runtime/state-cache.ts'
import { wallet as plainWallet, wallets } from '../domain/wallets.ts'
import { appendStream, commit, readHead } from '../support/commits.ts'
import { ManualClock, request, UnreliableStore } from '../support/fakes.ts'
import { recorded, recordedTogether } from '../support/recorded.ts'

const STREAM = 'wallet-1'
const MIN_EVENTS = 10
const wallet = { ...plainWallet, stateVersion: 1 }
const ID = snapshotId(wallet) ?? assert.fail()

const paidIn = (amount: number) => ({ type: 'PaidIn', data: { amount, currency: 'EUR' } })
const payIn = (amount: number): Command => ({ type: 'pay-in', data: { amount } })
const payOut = (amount: number): Command => ({ type: 'pay-out', data: { amount } })
const of = (events: number, amount = 1) => recorded(STREAM, ...Array.from({ length: events }, () => paidIn(amount)))

/** Counts its calls. */
class CountingSnapshots implements Snapshots {
  readonly inner = new MemorySnapshots()
  reads = 0
  writes = 0
  /** Runs before a read, which may wait or fail here. */
  beforeRead: () => Promise<void> = async () => {}
  beforeWrite: () => Promise<void> = async () => {}

  async read(stream: string, id: string): Promise<Snapshot | undefined> {
    this.reads += 1
    await this.beforeRead()
    return this.inner.read(stream, id)
  }

  async write(stream: string, id: string, snapshot: Snapshot): Promise<void> {
    this.writes += 1
    await this.beforeWrite()
    await this.inner.write(stream, id, snapshot)
  }
}

/** Counts the commits that are read. */
class CountingStore extends UnreliableStore {
  commits = 0
  override async *read(stream: string, after: number): AsyncIterable<readonly RecordedCommit[]> {
    for await (const page of super.read(stream, after)) {
      this.commits += page.length
      yield page
    }
  }
}

async function createLog(events: Parameters<typeof appendStream>[1]): Promise<MemoryEventStore> {
  const log = new MemoryEventStore()
  await appendStream(log, events)
  return log
}

/** An instance with an empty cache. */
function coldInstance(inner: EventStore, snapshots: Snapshots, decider: AnyDecider = wallet) {
  const store = new CountingStore(inner)
  const warnings: string[] = []
  const warn = (line: string): void => void warnings.push(line)
  const cold = coldLoader({ store, snapshots, minEvents: MIN_EVENTS, warn })
  const deps = { service: wallets, store, cache: stateCache(100), clock: new ManualClock(), cold }
  let keys = 0
  const send = (command: Command, stream = STREAM): Promise<CommandResult> => {
    keys += 1
    return handleCommand(deps, decider, request(crypto.randomUUID() + keys, command, { stream }))
  }
  return { send, store, warnings }
}

async function answer(outcome: Promise<CommandResult>): Promise<string> {
  const ended = await outcome
  return ended.outcome === 'done' ? `done at ${ended.version}` : ended.code
}

/** Resolves when all background work has ended. */
async function rest(): Promise<void> {
  for (let turn = 0; turn < 5; turn += 1) await new Promise((resolve) => setImmediate(resolve))
}

/** A state that no log leads to: a decision based on it trusted the snapshot. */
const FALSE = JSON.stringify({ balance: 1_000_000 })

describe('a snapshot that the log does not confirm', () => {
  const history = of(20)
  const cases: Record<string, { head: Snapshot['head']; log: () => Promise<MemoryEventStore>; balance: number }> = {
    'its commit is gone, restored to an earlier point': {
      head: readHead(history.slice(19)),
      log: () => createLog(history.slice(0, 12)),
      balance: 12,
    },
    'its commit is another one, after the log was restored and went on': {
      head: readHead(history.slice(19)),
      log: () => createLog(of(30, 2)),
      balance: 60,
    },
    'its commit goes on beyond its head': {
      head: readHead(recordedTogether(STREAM, paidIn(1), paidIn(1)).slice(0, 1)),
      log: () => createLog(recordedTogether(STREAM, paidIn(1), paidIn(1))),
      balance: 2,
    },
    'its commit ends before its head': {
      head: { ...readHead(history.slice(0, 1)), version: 2 },
      log: () => createLog(history),
      balance: 20,
    },
    'its head has another hash': {
      head: { ...readHead(history.slice(19)), hash: 'f'.repeat(64) },
      log: () => createLog(history),
      balance: 20,
    },
    'there is no event': { head: readHead(history.slice(19)), log: async () => new MemoryEventStore(), balance: 0 },
  }
  for (const [what, { head, log, balance }] of Object.entries(cases))
    it(`is ignored when ${what}, and the command decides on the log`, async () => {
      const snapshots = new MemorySnapshots()
      await snapshots.write(STREAM, ID, { state: FALSE, head })
      const { send, warnings } = coldInstance(await log(), snapshots)
      assert.equal(await answer(send(payOut(balance + 1))), balance === 0 ? 'stream-not-found' : 'wallet-empty')
      if (balance > 0) assert.match(await answer(send(payOut(balance))), /^done/)
      assert.deepEqual(warnings, [])
    })

  it('is overwritten by the next one', async () => {
    const snapshots = new MemorySnapshots()
    await snapshots.write(STREAM, ID, { state: FALSE, head: { version: 99, hash: 'f'.repeat(64), commit: 99 } })
    await coldInstance(await createLog(history), snapshots).send(payOut(1))
    await rest()
    assert.deepEqual(await snapshots.read(STREAM, ID), { state: '{"balance":20}', head: readHead(history.slice(19)) })
  })
})

describe('a snapshot of other code', () => {
  const history = of(20)
  const proven = { state: FALSE, head: readHead(history.slice(19)) }

  it('is ignored with another state version', async () => {
    const snapshots = new MemorySnapshots()
    await snapshots.write(STREAM, ID, proven)
    const { send } = coldInstance(await createLog(history), snapshots, { ...wallet, stateVersion: 2 })
    assert.equal(await answer(send(payOut(21))), 'wallet-empty')
  })

  it('is ignored when that code reads events that this code does not know', async () => {
    const Closed = eventType('Closed', z.object({}))
    const newer: { readonly events: readonly EventType[]; readonly stateVersion: number } = {
      ...wallet,
      events: [...wallet.events, Closed],
    }
    assert.notEqual(snapshotId(newer), ID)
    assert.notEqual(
      snapshotId({ ...newer, events: [Closed.additive(z.object({}), (data) => data)] }),
      snapshotId({ ...newer, events: [Closed] }),
    )
    assert.equal(snapshotId({ ...wallet, events: wallet.events.toReversed() }), ID)
  })

  for (const [what, item] of Object.entries({
    'no snapshot': { anything: 1 },
    'a state that is no JSON': { ...proven, state: '{"balance":' },
    'a head of another shape': { ...proven, head: { version: '20' } },
  }))
    it(`is ignored when an item has ${what}`, async () => {
      const snapshots = new MemorySnapshots()
      snapshots.put({ id: ID, stream: STREAM, ...item })
      const { send, warnings } = coldInstance(await createLog(history), snapshots)
      assert.equal(await answer(send(payOut(21))), 'wallet-empty')
      assert.deepEqual(warnings, [])
    })
})

describe('a state that cannot be a snapshot', () => {
  class Balance {
    readonly amount = 1
  }
  for (const [what, state, where] of [
    ['a Date', new Date(0), /: \/: a Date/],
    ['a Map', { lines: [new Map()] }, /: \/lines\/0: a Map/],
    ['an undefined field', { a: undefined, b: 1e300 }, /: a field is undefined, or a number is -0\./],
    ['a number that JSON does not have', { a: Number.NaN }, /: \/a: NaN/],
    ['a class', new Balance(), /: \/: an object of Balance/],
    ['a negative zero', [-0], /: a field is undefined, or a number is -0\./],
    ['nothing', undefined, /: \/: undefined/],
  ] as const)
    it(`is not written, with one log line that says where, when it has ${what}`, async () => {
      const snapshots = new CountingSnapshots()
      const { send, warnings } = coldInstance(await createLog(of(20)), snapshots, {
        ...wallet,
        evolve: () => state,
        decide: () => [paidIn(1)],
      })
      assert.equal(await answer(send(payOut(1))), 'done at 21')
      await rest()
      assert.equal(snapshots.writes, 0)
      assert.equal(warnings.length, 1)
      assert.match(warnings[0] ?? '', /^wallet-1@20: no snapshot was written: JSON cannot represent its state: /)
      assert.match(warnings[0] ?? '', where)
    })

  it('has no text, also if JSON cannot hold any of it', () => {
    const cyclic: { self?: unknown } = {}
    cyclic.self = cyclic
    assert.deepEqual(
      [stateText(cyclic), stateText(1n), stateText([{ a: null }])],
      [undefined, undefined, '[{"a":null}]'],
    )
  })

  it('is not written, with one log line, when it is too large for an item', async () => {
    const snapshots = new CountingSnapshots()
    const { send, warnings } = coldInstance(await createLog(of(20)), snapshots, {
      ...wallet,
      // A quote takes two bytes in an item.
      evolve: () => '"'.repeat(MAX_STATE_BYTES / 3),
      decide: () => [paidIn(1)],
    })
    assert.equal(await answer(send(payOut(1))), 'done at 21')
    await rest()
    assert.equal(snapshots.writes, 0)
    assert.equal(warnings.length, 1)
    assert.match(warnings[0] ?? '', /^wallet-1@20: no snapshot was written: its state has 1\d{6} bytes/)
  })
})

describe('a failing store of snapshots', () => {
  const down = async () => {
    throw new TidemarkError('container-missing', 'there is no container')
  }

  it('does not fail a command when it cannot write, and logs once', async () => {
    const snapshots = new CountingSnapshots()
    const { send, warnings } = coldInstance(await createLog(of(20)), snapshots)
    snapshots.beforeWrite = down
    assert.equal(await answer(send(payOut(1))), 'done at 21')
    await rest()
    assert.equal(snapshots.writes, 1)
    assert.deepEqual(warnings, ['wallet-1@20: no snapshot was written: there is no container'])
    assert.equal(await answer(send(payOut(20))), 'wallet-empty')
  })

  it('does not fail a command when it cannot read, and logs once per outage', async () => {
    const log = await createLog(of(5))
    const snapshots = new CountingSnapshots()
    const { send, warnings } = coldInstance(log, snapshots)
    snapshots.beforeRead = down
    for (const id of ['2', '3']) assert.equal(await answer(send(payOut(1), `wallet-${id}`)), 'stream-not-found')
    assert.equal(await answer(send(payOut(6))), 'wallet-empty')
    assert.equal(warnings.length, 1)
    snapshots.beforeRead = async () => {}
    assert.equal(await answer(send(payOut(1), 'wallet-2')), 'stream-not-found')
    snapshots.beforeRead = down
    assert.equal(await answer(send(payOut(1), 'wallet-2')), 'stream-not-found')
    assert.equal(warnings.length, 2)
  })
})

describe('a snapshot', () => {
  it('does not hide a log that is broken after it: the command fails with chain-broken', async () => {
    const history = of(20)
    const snapshots = new MemorySnapshots()
    await snapshots.write(STREAM, ID, { state: '{"balance":15}', head: readHead(history.slice(14, 15)) })
    const log = await createLog(history.slice(0, 16))
    const [rewritten] = of(17, 7).slice(16)
    assert.ok(rewritten)
    await log.append(readHead(history.slice(15, 16)), [commit('rewritten', [rewritten])])
    const { send } = coldInstance(log, snapshots)
    await assert.rejects(send(payOut(1)), { code: 'chain-broken' })
  })

  it('lets a cold command on a long stream read one snapshot, its commit and the later events', async () => {
    const history = of(2_000)
    const log = await createLog(history)
    const snapshots = new CountingSnapshots()
    const first = coldInstance(log, snapshots)
    assert.equal(await answer(first.send(payOut(1))), 'done at 2001')
    await rest()
    assert.equal(first.store.commits, 2_000)

    const next = coldInstance(log, snapshots)
    snapshots.reads = 0
    assert.equal(await answer(next.send(payOut(1))), 'done at 2002')
    const { reads, commits, appends, lookups } = next.store
    assert.deepEqual(
      { snapshots: snapshots.reads, reads, commits, appends, lookups },
      { snapshots: 1, reads: 1, commits: 2, appends: 1, lookups: 0 },
    )
  })

  it('shortens the read of a command that may create, once its append finds the stream', async () => {
    const log = await createLog(of(2_000))
    const snapshots = new CountingSnapshots()
    await coldInstance(log, snapshots).send(payIn(1))
    await rest()
    const { send, store } = coldInstance(log, snapshots)
    assert.equal(await answer(send(payIn(1))), 'done at 2002')
    assert.deepEqual([store.reads, store.commits, store.appends], [1, 2, 2])
  })

  it('is not read for a creation, a cached stream or a decider without a state version', async () => {
    const snapshots = new CountingSnapshots()
    const { send } = coldInstance(new MemoryEventStore(), snapshots)
    await send(payIn(3))
    await send(payOut(1))
    const plain = coldInstance(await createLog(of(20)), snapshots, plainWallet)
    await plain.send(payOut(1))
    await rest()
    assert.deepEqual([snapshots.reads, snapshots.writes], [0, 0])
  })

  it('is also written after a refused command, and only after the answer', async () => {
    const snapshots = new CountingSnapshots()
    const { send } = coldInstance(await createLog(of(20)), snapshots)
    assert.equal(await answer(send(payOut(21))), 'wallet-empty')
    assert.equal(snapshots.writes, 0)
    await rest()
    assert.equal(snapshots.writes, 1)
  })

  it('is written once enough events follow the last one, and not before', async () => {
    const snapshots = new CountingSnapshots()
    const history = of(39)
    for (const [events, version] of [
      [9, undefined],
      [10, 10],
      [19, 10],
      [20, 20],
      [29, 20],
      [39, 39],
    ] as const) {
      await coldInstance(await createLog(history.slice(0, events)), snapshots).send(payOut(1))
      await rest()
      assert.equal((await snapshots.inner.read(STREAM, ID))?.head.version, version, `${events} events`)
    }
  })

  it('is written once at a time for a stream, and for few streams at once', async () => {
    const snapshots = new CountingSnapshots()
    const log = new MemoryEventStore()
    for (const id of ['1', '2', '3', '4', '5', '6'])
      await appendStream(log, recorded(`wallet-${id}`, ...Array.from({ length: 20 }, () => paidIn(1))))
    const warnings: string[] = []
    const cold = coldLoader({ store: log, snapshots, minEvents: MIN_EVENTS, warn: (line) => void warnings.push(line) })
    const released = Promise.withResolvers<void>()
    snapshots.beforeWrite = () => released.promise
    for (const id of ['1', '1', '2', '3', '4', '5', '6']) {
      await cold.load(wallet, `wallet-${id}`)
      cold.answered(`wallet-${id}`)
    }
    await rest()
    assert.equal(snapshots.writes, 4)
    released.resolve()
    await rest()
    await cold.load(wallet, 'wallet-6')
    cold.answered('wallet-6')
    await rest()
    assert.equal(snapshots.writes, 5)
    assert.deepEqual(warnings, [])
  })

  it('is written by either of two instances, and both can use it', async () => {
    const log = await createLog(of(20))
    const snapshots = new CountingSnapshots()
    const both = [coldInstance(log, snapshots), coldInstance(log, snapshots)]
    const sent = await Promise.all(both.map(({ send }) => answer(send(payOut(1)))))
    assert.deepEqual(sent.toSorted(), ['done at 21', 'done at 22'])
    await rest()
    assert.equal(snapshots.inner.size, 1)
    const { send, store } = coldInstance(log, snapshots)
    assert.equal(await answer(send(payOut(19))), 'wallet-empty')
    assert.ok(store.commits <= 2 * 3, `${store.commits} commits`)
    assert.equal(await answer(send(payOut(18))), 'done at 23')
  })

  it('changes no decision, at any version and with any later events', async () => {
    const command = fc.record({ type: fc.constantFrom('pay-in', 'pay-out'), amount: fc.integer({ min: 1, max: 9 }) })
    let used = 0
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 4 }), {
          minLength: 1,
          maxLength: 12,
        }),
        fc.nat(),
        fc.array(command, { minLength: 1, maxLength: 6 }),
        async (amounts, point, commands) => {
          const events = recordedTogether(STREAM, ...amounts.flat().map(paidIn))
          let version = 0
          const commits = amounts.map((some) => {
            const its = events.slice(version, version + some.length)
            version += some.length
            return its
          })
          const [plain, snapped] = [new MemoryEventStore(), new MemoryEventStore()]
          const snapshots = new CountingSnapshots()
          const cold = coldLoader({ store: snapped, snapshots, minEvents: 1, warn: assert.fail })
          let before: readonly (typeof events)[number][] = []
          for (const [index, its] of commits.entries()) {
            for (const log of [plain, snapped])
              assert.equal((await log.append(readHead(before), [commit(`${index}`, its)])).outcome, 'appended')
            before = its
            if (index !== point % commits.length) continue
            await cold.load(wallet, STREAM)
            cold.answered(STREAM)
            await rest()
          }
          assert.equal(snapshots.writes, 1)
          const [without, withIt] = [
            coldInstance(plain, new MemorySnapshots(), plainWallet),
            coldInstance(snapped, snapshots),
          ]
          for (const { type, amount } of commands) {
            const sent = { type, data: { amount } }
            assert.deepEqual(await withIt.send(sent), await without.send(sent))
          }
          used += withIt.store.commits < without.store.commits ? 1 : 0
        },
      ),
      { numRuns: 200 },
    )
    assert.ok(used > 50, `only ${used} snapshots saved a read`)
  })
})
