import { at, selectType } from '../support/deployed.ts'
import type { Rule } from './rule.ts'

/** Types without tags: child and extension resources. */
const UNTAGGED =
  /^Microsoft\.(Authorization|Resources\/deployments|Insights\/(diagnosticSettings|privateLinkScopes\/scopedResources)|EventHub\/namespaces\/|DocumentDB\/databaseAccounts\/|KeyVault\/vaults\/|Storage\/storageAccounts\/|Web\/sites\/|Network\/(virtualNetworks\/subnets|privateEndpoints\/))/i

export const tagRules: readonly Rule[] = [
  {
    name: "every resource has its environment's tag",
    check: ({ predictedResources }) => {
      const tagged = predictedResources.filter(({ type }) => !UNTAGGED.test(type))
      const [group] = selectType(predictedResources, 'Microsoft.Resources/resourceGroups')
      const environment = at(group, 'tags.azd-env-name')
      return {
        looked: tagged.length,
        wrong: tagged
          .filter(({ tags }) => typeof environment !== 'string' || at(tags, 'azd-env-name') !== environment)
          .map(({ id }) => `${id} is not tagged`),
      }
    },
  },
]
