import { at, ofType } from '../support/deployed.ts'
import type { Rule } from './rule.ts'

/** What writes logs worth keeping, and the resource whose diagnostic setting tells them. */
const SPEAKING: readonly string[] = [
  'Microsoft.EventHub/namespaces',
  'Microsoft.DocumentDB/databaseAccounts',
  'Microsoft.KeyVault/vaults',
  'Microsoft.Web/sites',
  'Microsoft.Storage/storageAccounts/blobServices',
  'Microsoft.OperationalInsights/workspaces',
]

const SETTING = '/providers/Microsoft.Insights/diagnosticSettings/'

export const diagnosticRules: readonly Rule[] = [
  {
    name: 'what happens to every resource is told to the workspace',
    check: ({ predictedResources }) => {
      const wrong: string[] = []
      const workspaces = ofType(predictedResources, 'Microsoft.OperationalInsights/workspaces').map(({ id }) => id)
      const settings = ofType(predictedResources, 'Microsoft.Insights/diagnosticSettings')
      let looked = 0
      for (const type of SPEAKING) {
        const found = ofType(predictedResources, type)
        if (found.length === 0) wrong.push(`there is no ${type}`)
        for (const { id } of found) {
          looked++
          const mine = settings.filter((setting) => setting.id.startsWith(`${id}${SETTING}`))
          if (mine.length !== 1) wrong.push(`${id} has ${mine.length} diagnostic settings`)
          for (const setting of mine) {
            if (!workspaces.includes(String(at(setting, 'properties.workspaceId'))))
              wrong.push(`${setting.id} does not write to the workspace`)
            const logs = (at(setting, 'properties.logs') ?? []) as { enabled?: boolean }[]
            const metrics = (at(setting, 'properties.metrics') ?? []) as { enabled?: boolean }[]
            // Metrics are kept by the platform in any case; what is not written here of logs is nowhere.
            if (logs.length === 0 || [...logs, ...metrics].some(({ enabled }) => enabled !== true))
              wrong.push(`${setting.id} tells no logs, or turns something off`)
          }
        }
      }
      return { looked, wrong }
    },
  },
  {
    name: 'what the alert on large streams reads is written',
    check: ({ predictedResources }) => {
      const accounts = ofType(predictedResources, 'Microsoft.DocumentDB/databaseAccounts')
      const settings = ofType(predictedResources, 'Microsoft.Insights/diagnosticSettings').filter(({ id }) =>
        accounts.some((account) => id.startsWith(account.id)),
      )
      const wrong = settings
        .filter((setting) => {
          const logs = (at(setting, 'properties.logs') ?? []) as { category?: string; categoryGroup?: string }[]
          const dedicated = at(setting, 'properties.logAnalyticsDestinationType') === 'Dedicated'
          return !dedicated || !logs.some(({ category }) => category === 'PartitionKeyStatistics')
        })
        .map(({ id }) => `${id} writes no CDBPartitionKeyStatistics`)
      return { looked: settings.length, wrong }
    },
  },
]
