import type { Deployed } from '../support/deployed.ts'

/** A rule's result. `looked` counts the checked things, because a rule that checked nothing did not pass. */
export interface Found {
  readonly looked: number
  readonly wrong: readonly string[]
}

/** A requirement of every deployment, written independently of the template. */
export interface Rule {
  readonly name: string
  check(deployed: Deployed): Found
}
