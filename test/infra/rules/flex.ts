import { at, listAt, selectType } from '../support/deployed.ts'
import { findAnswer, type Place } from '../support/flex.ts'
import type { Rule } from './rule.ts'

/** An app has only properties that its plan accepts. Others fail the first deployment or have no effect. */
export const flexRules: readonly Rule[] = [
  {
    name: 'apps have only properties that Flex Consumption accepts',
    check: ({ predictedResources }) => {
      const wrong: string[] = []
      let looked = 0
      for (const site of selectType(predictedResources, 'Microsoft.Web/sites')) {
        const look = (place: Place, names: readonly string[]): void => {
          for (const name of names) {
            looked++
            const answer = findAnswer(place, name)
            if (answer !== 'takes') wrong.push(`${site.id}: the ${place} ${name}: Flex Consumption ${answer} it`)
          }
        }
        // Null counts too: Azure refuses the name whatever its value.
        look('site', Object.keys(Object(at(site, 'properties'))))
        look('siteConfig', Object.keys(Object(at(site, 'properties.siteConfig'))))
        look(
          'app setting',
          listAt<{ name: string }>(site, 'properties.siteConfig.appSettings').map(({ name }) => name),
        )
      }
      return { looked, wrong }
    },
  },
]
