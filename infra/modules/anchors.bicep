// Where the anchors of each service go: what the hash chains of its streams came to at a time, so that nobody can change a log and its chain
// together. Nobody can change or remove an anchor for its days. Nobody has a right on them yet: what writes them comes with them.

import { Tags } from '../types.bicep'

@description('The region.')
param location string

@description('The tags.')
param tags Tags

@description('The name of the storage account.')
param name string

@description('How often the data is kept, and where.')
param sku 'Standard_LRS' | 'Standard_ZRS' | 'Standard_GZRS'

@description('The services: each has a container.')
param services string[]

@description('Days for which an anchor cannot be changed or removed.')
@minValue(1)
param anchorDays int

@description('The services whose policy was locked by hand: it is left alone.')
param locked string[]

@description('The virtual network that the account is reached in. Empty: there is none.')
param networkName string

@description('The Log Analytics workspace.')
param workspaceId string

// Days for which what was deleted by mistake can be brought back.
var deletedDays = 30

resource account 'Microsoft.Storage/storageAccounts@2025-06-01' = {
  name: name
  location: location
  tags: tags
  kind: 'StorageV2'
  sku: { name: sku }
  properties: {
    accessTier: 'Hot'
    allowBlobPublicAccess: false
    allowCrossTenantReplication: false
    allowSharedKeyAccess: false
    defaultToOAuthAuthentication: true
    isLocalUserEnabled: false
    minimumTlsVersion: 'TLS1_2'
    supportsHttpsTrafficOnly: true
    encryption: {
      keySource: 'Microsoft.Storage'
      requireInfrastructureEncryption: true
      services: { blob: { enabled: true } }
    }
    publicNetworkAccess: empty(networkName) ? 'Enabled' : 'Disabled'
    networkAcls: {
      defaultAction: empty(networkName) ? 'Allow' : 'Deny'
      bypass: 'None'
    }
  }
}

resource blobs 'Microsoft.Storage/storageAccounts/blobServices@2025-06-01' = {
  parent: account
  name: 'default'
  properties: {
    isVersioningEnabled: true
    deleteRetentionPolicy: { enabled: true, days: deletedDays }
    containerDeleteRetentionPolicy: { enabled: true, days: deletedDays }
  }
}

resource anchors 'Microsoft.Storage/storageAccounts/blobServices/containers@2025-06-01' = [
  for service in services: {
    parent: blobs
    name: 'anchors-${service}'
    properties: {
      publicAccess: 'None'
      immutableStorageWithVersioning: { enabled: true }
    }
  }
]

// Not locked: a lock can never be undone, and until the last anchor's days are over the account could not be deleted, nor could an
// environment that was only tried out. Where it matters it is locked by hand, once: docs/deploy.md. Unlocked it stops mistakes, and
// whoever may change the policy could still remove it. Locked, it is extended by another call than this, which would be refused.
// https://learn.microsoft.com/rest/api/storagerp/blob-containers/lock-immutability-policy
resource retention 'Microsoft.Storage/storageAccounts/blobServices/containers/immutabilityPolicies@2025-06-01' = [
  for (service, index) in services: if (!contains(locked, service)) {
    parent: anchors[index]
    name: 'default'
    properties: {
      immutabilityPeriodSinceCreationInDays: anchorDays
      allowProtectedAppendWrites: false
      allowProtectedAppendWritesAll: false
    }
  }
]

// Who read, wrote or deleted what.
resource logs 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  scope: blobs
  name: 'to-log-analytics'
  properties: {
    workspaceId: workspaceId
    logs: [for category in ['StorageRead', 'StorageWrite', 'StorageDelete']: { category: category, enabled: true }]
  }
}

module endpoint 'private-endpoint.bicep' = if (!empty(networkName)) {
  params: {
    location: location
    tags: tags
    name: name
    networkName: networkName
    targetId: account.id
    group: 'blob'
  }
  // Of two changes to one account at a time, one is refused.
  dependsOn: [retention]
}
