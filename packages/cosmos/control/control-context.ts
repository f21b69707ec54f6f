import type { Faults } from '../faults/faults.ts'
import type { Account } from '../routes/item-routes.ts'

/** What the control endpoint looks at and changes. */
export interface ControlContext {
  readonly account: Account
  /** Whether clients are let in. */
  readonly listening: boolean
  faults: Faults
}
