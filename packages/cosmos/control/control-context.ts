import type { Faults } from '../faults/faults.ts'
import type { Account } from '../routes/item-routes.ts'

/** What the control endpoint reads and changes. */
export interface ControlContext {
  readonly account: Account
  /** Whether clients can connect. */
  readonly listening: boolean
  faults: Faults
}
