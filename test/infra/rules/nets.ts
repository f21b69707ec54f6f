import type { Service } from 'tidemark'
import type { Deployed, Shape } from '../support/deployed.ts'
import { rulesFor } from './check.ts'
import type { Rule } from './rule.ts'
import { shapeRules } from './shape.ts'

/** All rules that a shape must keep. */
export const netsFor = (services: readonly Service[], shape: Shape): readonly Rule[] => [
  ...rulesFor(services),
  ...shapeRules(services, shape),
]

/** Whether a rule refuses a template. One that it cannot read is refused too. */
export function finds(rule: Rule, template: Deployed): boolean {
  try {
    const { looked, wrong } = rule.check(template)
    return looked === 0 || wrong.length > 0
  } catch {
    return true
  }
}
