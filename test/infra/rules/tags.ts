import { readFileSync } from 'node:fs'
import { at, selectType } from '../support/deployed.ts'
import type { Rule } from './rule.ts'

/** Types without tags: child and extension resources. */
const UNTAGGED =
  /^Microsoft\.(Authorization|Resources\/deployments|Insights\/(diagnosticSettings|privateLinkScopes\/scopedResources)|EventHub\/namespaces\/|DocumentDB\/databaseAccounts\/|Storage\/storageAccounts\/|Web\/sites\/|Network\/(virtualNetworks\/subnets|privateEndpoints\/))/i

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
  {
    name: 'azd finds one app for each service',
    check: ({ predictedResources }) => {
      // The services in azure.yaml, without a YAML parser: the keys directly below `services:`.
      const text = readFileSync(new URL('../../../azure.yaml', import.meta.url), 'utf8')
      const section = /^services:\n((?:(?: .*|#.*)?\n)+)/m.exec(text)?.[1] ?? ''
      const expected = [...section.matchAll(/^ {2}([\w-]+):/gm)].map(([, name]) => name).toSorted()
      const sites = selectType(predictedResources, 'Microsoft.Web/sites')
      const found = sites.map(({ tags }) => String(at(tags, 'azd-service-name'))).toSorted()
      return {
        looked: expected.length,
        wrong: found.join() === expected.join() ? [] : [`apps: ${found.join()}; services: ${expected.join()}`],
      }
    },
  },
]
