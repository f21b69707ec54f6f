import type { Service } from 'tidemark'
import { buildTopology } from 'tidemark/tools'
import { SAMPLE_ENVIRONMENT } from '../../../packages/cli/infra/template.ts'
import { listRights } from '../support/declared-rights.ts'
import type { Deployed } from '../support/deployed.ts'
import { roleMatrix } from '../support/role-matrix.ts'
import { diagnosticRules } from './diagnostics.ts'
import { flexRules } from './flex.ts'
import { integrityRules } from './integrity.ts'
import { keyRules } from './keys.ts'
import { limitRules } from './limits.ts'
import { lockRules } from './locks.ts'
import { networkRules } from './network.ts'
import { propertyRules } from './properties.ts'
import type { Rule } from './rule.ts'
import { secretRules } from './secrets.ts'
import { tagRules } from './tags.ts'
import { topologyRules } from './topology.ts'

/** The rules of every deployment of these services. @param topology what they declare. */
export const rulesFor = (services: readonly Service[], topology = buildTopology(services)): readonly Rule[] => [
  ...topologyRules(topology),
  ...propertyRules,
  ...secretRules,
  ...networkRules,
  ...diagnosticRules,
  ...tagRules,
  ...integrityRules,
  ...keyRules(topology),
  ...limitRules,
  ...flexRules,
  ...lockRules,
]

/**
 * The differences between the deployed roles and those that the services' declarations require.
 * @param personMay whether the principal in the parameters has the rights of all services.
 */
export function matrixDifferences(
  deployed: Deployed,
  services: readonly Service[],
  personMay: boolean,
): readonly string[] {
  const { allowed, unread } = roleMatrix(deployed, SAMPLE_ENVIRONMENT.AZURE_PRINCIPAL_ID)
  const declared = new Set([
    ...services.flatMap((service) => [...listRights(service)]),
    ...(personMay ? services.flatMap((service) => [...listRights(service, 'person')]) : []),
  ])
  return [
    ...unread,
    ...[...allowed].filter((cell) => !declared.has(cell)).map((cell) => `too much: ${cell}`),
    ...[...declared].filter((cell) => !allowed.has(cell)).map((cell) => `too little: ${cell}`),
  ]
}
