import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Decider } from '../../../src/core/decider.ts'
import type { RecordedEvent } from '../../../src/core/event.ts'
import type { EventStore } from '../../../src/core/ports.ts'
import { beginning, fold, readForward } from '../../../src/flow/fold.ts'
import { stateAt } from '../../../src/flow/history.ts'
import { recorded } from '../../support/recorded.ts'
import { type Wallet, type WalletCommand, type WalletEvent, wallet } from '../../support/wallets.ts'

const EVENTS = 2_600
const A_TURN = 500
const events = recorded(
  'wallet-1',
  ...Array.from({ length: EVENTS }, () => ({ type: 'PaidOut', data: { amount: 1 } }) as const),
)

/** A log that has its events in memory: nothing of it waits for anything, so only the fold itself can let others have their turn. */
function logWithPages(size: number): EventStore {
  return {
    async *read(_, after) {
      for (let from = after; from < events.length; from += size) yield events.slice(from, from + size)
    },
    readMark: async () => undefined,
    append: async () => 'conflict',
  }
}

/** The most events that were folded between two turns of the event loop. */
async function mostAtOnce(
  run: (decider: Decider<Wallet, WalletCommand, WalletEvent>) => Promise<{ readonly state: unknown }>,
): Promise<number> {
  const inTurn = new Map<number, number>()
  let turn = 0
  let ticking = setImmediate(tick)
  function tick(): void {
    turn += 1
    ticking = setImmediate(tick)
  }
  const { state } = await run({
    ...wallet,
    evolve(before, event) {
      inTurn.set(turn, (inTurn.get(turn) ?? 0) + 1)
      return wallet.evolve(before, event)
    },
  })
  clearImmediate(ticking)
  assert.deepEqual(state, { balance: -EVENTS })
  return Math.max(...inTurn.values())
}

describe('a long stream', () => {
  for (const size of [EVENTS, 730, 100, 1])
    it(`is folded ${A_TURN} events at a time, in pages of ${size}: others have their turn between`, async () => {
      const log = logWithPages(size)
      assert.equal(await mostAtOnce((decider) => readForward(log, decider, 'wallet-1', beginning(decider))), A_TURN)
      assert.equal(await mostAtOnce((decider) => stateAt(log, [decider], 'wallet-1', {})), A_TURN)
    })
  it('is the same state, from wherever it is folded on', async () => {
    const whole = fold(wallet, beginning(wallet), events)
    for (const known of [0, 1, 499, 500, 501, EVENTS - 1, EVENTS]) {
      const from = fold(wallet, beginning(wallet), events.slice(0, known) as RecordedEvent[])
      assert.deepEqual(await readForward(logWithPages(EVENTS), wallet, 'wallet-1', from), whole)
    }
  })
})
