import { isDeepStrictEqual } from 'node:util'
import { at, selectType } from '../support/deployed.ts'
import type { Rule } from './rule.ts'

const storage = 'Microsoft.Storage/storageAccounts'
const blobs = 'Microsoft.Storage/storageAccounts/blobServices'
const hubs = 'Microsoft.EventHub/namespaces'
const cosmos = 'Microsoft.DocumentDB/databaseAccounts'
const sites = 'Microsoft.Web/sites'

const workspaces = 'Microsoft.OperationalInsights/workspaces'

const onlyOwnLogs = 'properties.features.enableLogAccessUsingOnlyResourcePermissions'
const tier = 'properties.backupPolicy.continuousModeProperties.tier'

const isDays = (least: number) => (value: unknown) => typeof value === 'number' && value >= least

/**
 * The required properties of each resource type: a value, or a test of the value. No property relies on a
 * default of the platform.
 */
export const properties: readonly (readonly [title: string, type: string, path: string, expected: unknown])[] = [
  // Only Entra: no key and no connection string opens anything.
  ['no keys', hubs, 'properties.disableLocalAuth', true],
  ['no keys', cosmos, 'properties.disableLocalAuth', true],
  ['no keys', cosmos, 'properties.disableKeyBasedMetadataWriteAccess', true],
  ['no keys', storage, 'properties.allowSharedKeyAccess', false],
  ['no keys', storage, 'properties.defaultToOAuthAuthentication', true],
  ['no keys', 'Microsoft.Insights/components', 'properties.DisableLocalAuth', true],
  ['no keys', workspaces, 'properties.features.disableLocalAuth', true],
  ['no keys', storage, 'properties.isLocalUserEnabled', false],

  ['logs are readable by those who may read the resource', workspaces, onlyOwnLogs, true],
  ['logs are kept', workspaces, 'properties.retentionInDays', isDays(30)],

  ['TLS 1.2', hubs, 'properties.minimumTlsVersion', '1.2'],
  ['TLS 1.2', cosmos, 'properties.minimalTlsVersion', 'Tls12'],
  ['TLS 1.2', storage, 'properties.minimumTlsVersion', 'TLS1_2'],
  ['TLS 1.2', storage, 'properties.supportsHttpsTrafficOnly', true],
  ['TLS 1.2', sites, 'properties.httpsOnly', true],
  ['TLS 1.2', sites, 'properties.siteConfig.minTlsVersion', '1.2'],
  ['TLS 1.2', sites, 'properties.siteConfig.scmMinTlsVersion', '1.2'],

  ['nothing anonymous', storage, 'properties.allowBlobPublicAccess', false],
  ['nothing anonymous', cosmos, 'properties.networkAclBypass', 'None'],
  ['nothing anonymous', storage, 'properties.allowCrossTenantReplication', false],
  ['nothing anonymous', `${blobs}/containers`, 'properties.publicAccess', 'None'],

  ['deletions can be undone', blobs, 'properties.containerDeleteRetentionPolicy.enabled', true],
  ['deletions can be undone', blobs, 'properties.containerDeleteRetentionPolicy.days', isDays(7)],
  ['deletions can be undone', cosmos, 'properties.backupPolicy.type', 'Continuous'],

  ['deletions can be undone', cosmos, tier, (value: unknown) => /^Continuous(7|30)Days$/.test(String(value))],

  // An etag is checked in only one region: two write regions would be two logs.
  ['one log', cosmos, 'properties.enableMultipleWriteLocations', false],
  ['one log', cosmos, 'properties.consistencyPolicy.defaultConsistencyLevel', 'BoundedStaleness'],
]

export const propertyRules: readonly Rule[] = [...new Set(properties.map(([title]) => title))].map((title) => ({
  name: title,
  check: ({ predictedResources }) => {
    const wrong: string[] = []
    let looked = 0
    for (const [, type, path, expected] of properties.filter(([each]) => each === title)) {
      const found = selectType(predictedResources, type)
      if (found.length === 0) wrong.push(`there is no ${type}`)
      for (const resource of found) {
        looked++
        const value = at(resource, path)
        const holds = typeof expected === 'function' ? expected(value) : isDeepStrictEqual(value, expected)
        if (!holds) wrong.push(`${resource.id}: ${path} is ${JSON.stringify(value)}`)
      }
    }
    return { looked, wrong }
  },
}))
