import type { Service } from 'tidemark'
import { rulesFor } from '../rules/check.ts'
import type { Rule } from '../rules/rule.ts'
import { shapeRules } from '../rules/shape.ts'
import type { Deployed, Shape } from './deployed.ts'

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
