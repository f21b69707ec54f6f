import type { Command, Decider, DomainEvent } from 'tidemark'
import { given } from 'tidemark/testing'

/** A short form for many tests of one decider: given(events).when(command).decides(events). */
export function deciding<State, Cmd extends Command, Event extends DomainEvent>(
  decider: Decider<State, Cmd, Event>,
  id = '1',
) {
  return (...events: readonly Event[]) => ({
    when(command: Cmd) {
      const decided = given(decider, events).when(command, { id })
      return {
        decision: decided.decision,
        decides: (...expected: readonly Event[]) => decided.then(expected),
        refused: (code: string) => decided.thenRefused(code),
      }
    },
  })
}
