import type { Acted, GivenUp, Parked, ParkedAction, ParkedChoice, ParkedMessageOf, ParkedStreamOf } from './parking.ts'
import type { Trace } from './reaction.ts'
import type { ServiceStatus } from './status.ts'

/** What whoever looks after a running service can ask of it. */
export interface Operations {
  /** How far all is behind, and what waits. @throws TidemarkError `unavailable` where the store was never reached */
  status(): Promise<ServiceStatus>
  /** What waits, of what is chosen. @throws TidemarkError `unavailable` */
  parked(choice: ParkedChoice): Promise<Parked>
  /**
   * What waits and is chosen for something to be done about it.
   * @throws TidemarkError `invalid-command` where all would be given up; `not-parked` where nothing that waits is chosen; `unavailable`
   */
  chooseParked(choice: ParkedChoice, action: ParkedAction): Promise<readonly (ParkedStreamOf | ParkedMessageOf)[]>
  /** Does something about what was chosen, one after another, and tells of each. */
  actOnParked(
    chosen: readonly (ParkedStreamOf | ParkedMessageOf)[],
    action: ParkedAction,
    why: GivenUp,
    trace: Trace,
  ): AsyncIterable<Acted>
}
