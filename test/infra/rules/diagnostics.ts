import { at, listAt, selectType } from '../support/deployed.ts'
import type { Rule } from './rule.ts'

/** Resource types with required logs, and the categories or category groups that they must write. */
const SPEAKING: Readonly<Record<string, readonly string[]>> = {
  'Microsoft.EventHub/namespaces': [
    'AutoScaleLogs',
    'DiagnosticErrorLogs',
    'EventHubVNetConnectionEvent',
    'OperationalLogs',
    'RuntimeAuditLogs',
  ],
  'Microsoft.DocumentDB/databaseAccounts': ['ControlPlaneRequests', 'PartitionKeyStatistics'],
  'Microsoft.Web/sites': ['FunctionAppLogs'],
  'Microsoft.Storage/storageAccounts/blobServices': ['StorageDelete'],
  'Microsoft.OperationalInsights/workspaces': ['Audit'],
  'Microsoft.KeyVault/vaults': ['AuditEvent'],
}

interface Told {
  readonly category?: string
  readonly categoryGroup?: string
  readonly enabled?: boolean
}

const SETTING = '/providers/Microsoft.Insights/diagnosticSettings/'

export const diagnosticRules: readonly Rule[] = [
  {
    name: 'every resource logs to the workspace',
    check: ({ predictedResources }) => {
      const wrong: string[] = []
      const workspaces = selectType(predictedResources, 'Microsoft.OperationalInsights/workspaces').map(({ id }) => id)
      const settings = selectType(predictedResources, 'Microsoft.Insights/diagnosticSettings')
      let looked = 0
      for (const [type, least] of Object.entries(SPEAKING)) {
        const found = selectType(predictedResources, type)
        // Only personal data needs a vault: keys.ts.
        if (found.length === 0 && type !== 'Microsoft.KeyVault/vaults') wrong.push(`there is no ${type}`)
        for (const { id } of found) {
          looked++
          const mine = settings.filter((setting) => setting.id.startsWith(`${id}${SETTING}`))
          if (mine.length !== 1) wrong.push(`${id} has ${mine.length} diagnostic settings`)
          for (const setting of mine) {
            if (!workspaces.includes(String(at(setting, 'properties.workspaceId'))))
              wrong.push(`${setting.id} does not write to the workspace`)
            const logs = listAt<Told>(setting, 'properties.logs')
            const metrics = listAt<Told>(setting, 'properties.metrics')
            const told = logs.map(({ category, categoryGroup }) => category ?? categoryGroup)
            // Archives are rarely accessed, so reads and writes are logged too.
            const isKept = /\/starchive\w+\/blobServices\//.test(id)
            for (const category of isKept ? ['StorageRead', 'StorageWrite', ...least] : least)
              if (!told.includes(category)) wrong.push(`${setting.id} does not log ${category}`)
            // The platform stores metrics anyway, but logs are only where this setting writes them.
            if (logs.length === 0 || [...logs, ...metrics].some(({ enabled }) => enabled !== true))
              wrong.push(`${setting.id} has no logs or a disabled category`)
          }
        }
      }
      return { looked, wrong }
    },
  },
  {
    name: 'the alert on large streams has its data',
    check: ({ predictedResources }) => {
      const accounts = selectType(predictedResources, 'Microsoft.DocumentDB/databaseAccounts')
      const settings = selectType(predictedResources, 'Microsoft.Insights/diagnosticSettings').filter(({ id }) =>
        accounts.some((account) => id.startsWith(account.id)),
      )
      const wrong = settings
        .filter((setting) => {
          const logs = listAt<{ category?: string; categoryGroup?: string }>(setting, 'properties.logs')
          const dedicated = at(setting, 'properties.logAnalyticsDestinationType') === 'Dedicated'
          return !dedicated || !logs.some(({ category }) => category === 'PartitionKeyStatistics')
        })
        .map(({ id }) => `${id} writes no CDBPartitionKeyStatistics`)
      return { looked: settings.length, wrong }
    },
  },
  {
    name: 'every alert is on, has a scope and notifies the operators',
    check: ({ predictedResources }) => {
      const groups = selectType(predictedResources, 'Microsoft.Insights/actionGroups')
      const ids = groups.map(({ id }) => id)
      const wrong = groups.filter((group) => at(group, 'properties.enabled') !== true).map(({ id }) => `${id} is off`)
      const metric = selectType(predictedResources, 'Microsoft.Insights/metricAlerts')
      const log = selectType(predictedResources, 'Microsoft.Insights/scheduledQueryRules')
      for (const alert of [...metric, ...log]) {
        const actions = at(alert, 'properties.actions')
        const told = Array.isArray(actions)
          ? actions.map((action) => at(action, 'actionGroupId'))
          : listAt(actions, 'actionGroups')
        const scopes = listAt<string>(alert, 'properties.scopes')
        const known = scopes.filter((scope) => predictedResources.some(({ id }) => id === scope))
        if (at(alert, 'properties.enabled') !== true) wrong.push(`${alert.id} is off`)
        if (told.length === 0 || told.some((group) => !ids.includes(String(group))))
          wrong.push(`${alert.id} notifies nobody`)
        if (known.length === 0 || known.length !== scopes.length) wrong.push(`${alert.id} has no existing scope`)
        if (listAt(alert, 'properties.criteria.allOf').length === 0) wrong.push(`${alert.id} has no criteria`)
      }
      return { looked: metric.length + log.length, wrong }
    },
  },
]
