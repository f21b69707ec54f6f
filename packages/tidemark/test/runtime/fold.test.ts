import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { RecordedCommit } from '../../core/commit.ts'
import type { Decider } from '../../core/decider.ts'
import type { RecordedEvent } from '../../core/event.ts'
import type { EventStore } from '../../core/ports.ts'
import { emptyState, fold, readForward } from '../../runtime/fold.ts'
import { stateAt } from '../../runtime/history.ts'
import { type Wallet, type WalletCommand, type WalletEvent, wallet } from '../domain/wallets.ts'
import { recorded } from '../support/recorded.ts'

const EVENTS = 2_600
const A_TURN = 500
const events = recorded(
  'wallet-1',
  ...Array.from({ length: EVENTS }, () => ({ type: 'PaidOut', data: { amount: 1 } }) as const),
)

/**
 * A log with its events in memory. It never waits, so only the fold itself can let other work run.
 * @param size the number of commits in a page. @param each the number of events in a commit.
 */
function createLog(size: number, each = 1): Pick<EventStore, 'read'> {
  return {
    async *read(stream, after) {
      const commits: RecordedCommit[] = []
      for (let from = after; from < events.length; from += each) {
        const its = events.slice(from, from + each)
        commits.push({ stream, from: from + 1, to: from + its.length, events: its })
      }
      for (let from = 0; from < commits.length; from += size) yield commits.slice(from, from + size)
    },
  }
}

/** The most events that were folded between two turns of the event loop. */
async function countMostInTurn(
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
    it(`is folded ${A_TURN} events at a time, in pages of ${size}, and lets other work run between`, async () => {
      const log = createLog(size)
      assert.equal(
        await countMostInTurn((decider) => readForward(log, decider, 'wallet-1', emptyState(decider))),
        A_TURN,
      )
      assert.equal(await countMostInTurn((decider) => stateAt(log, [decider], 'wallet-1', {})), A_TURN)
    })

  it('is folded by whole commits, the last of which may exceed a turn', async () => {
    for (const each of [7, 300, 500]) {
      const most = await countMostInTurn((decider) =>
        readForward(createLog(10, each), decider, 'wallet-1', emptyState(decider)),
      )
      assert.ok(most >= A_TURN && most < A_TURN + each, `${most} events, ${each} a commit`)
    }
  })

  it('has the same state, from whichever version the fold continues', async () => {
    const whole = fold(wallet, emptyState(wallet), events)
    for (const known of [0, 1, 499, 500, 501, EVENTS - 1, EVENTS]) {
      const from = fold(wallet, emptyState(wallet), events.slice(0, known) as RecordedEvent[])
      const { state, head } = await readForward(createLog(EVENTS), wallet, 'wallet-1', from)
      assert.deepEqual([state, head.version, head.hash], [whole.state, whole.head.version, whole.head.hash])
    }
  })
})
