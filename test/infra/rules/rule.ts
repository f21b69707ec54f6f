import type { Deployed } from '../support/deployed.ts'

/** What a rule found: how many things it looked at, so that one that sees nothing is not taken for one that is kept. */
export interface Found {
  readonly looked: number
  readonly wrong: readonly string[]
}

/** Something that must hold of all that is deployed, said independently of the template. */
export interface Rule {
  readonly name: string
  check(deployed: Deployed): Found
}
