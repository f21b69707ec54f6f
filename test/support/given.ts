import assert from 'node:assert/strict'
import { type Command, type Decider, isRefusal } from '../../src/core/decider.ts'
import type { DomainEvent } from '../../src/core/event.ts'

/** given(events).when(command).decides(events): a decider's behaviour with nothing around it. */
export function deciding<State, Cmd extends Command, Event extends DomainEvent>(
  decider: Decider<State, Cmd, Event>,
  id = '1',
) {
  return (...events: readonly Event[]) => ({
    when(command: Cmd) {
      const state = events.reduce((current, event) => decider.evolve(current, event), decider.initial)
      const decision = decider.decide(state, command, { id, now: '2026-01-01T00:00:00.000Z' })
      return {
        decision,
        decides(...expected: readonly Event[]) {
          assert.deepEqual(decision, expected)
        },
        refused(code: string) {
          assert.ok(isRefusal(decision), `not refused: ${JSON.stringify(decision)}`)
          assert.equal(decision.refusal, code)
        },
      }
    },
  })
}
