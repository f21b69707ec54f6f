// A storage account for blobs. Only Entra tokens open it, it is reachable only in the network if there is
// one, and its operations are logged. The module that uses this one defines its purpose and containers.

import { Tags } from '../types.bicep'

@description('The region.')
param location string

@description('The tags.')
param tags Tags

@description('The name of the storage account.')
param name string

@description('The replication of the data.')
param sku 'Standard_LRS' | 'Standard_ZRS' | 'Standard_GZRS'

@description('Whether blobs are permanent: encrypted twice, versioned, restorable, reads logged.')
param isKept bool

@description('Whether the account is locked against deletion.')
param isLocked bool = false

@description('The virtual network with the account\'s endpoint. Empty: there is none.')
param networkName string

@description('The Log Analytics workspace.')
param workspaceId string

var isPublic = empty(networkName)

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
    ...(isKept
      ? {
          encryption: {
            keySource: 'Microsoft.Storage'
            requireInfrastructureEncryption: true
            services: { blob: { enabled: true } }
          }
        }
      : {})
    publicNetworkAccess: isPublic ? 'Enabled' : 'Disabled'
    networkAcls: {
      defaultAction: isPublic ? 'Allow' : 'Deny'
      bypass: 'None'
    }
  }
}

// Deleted containers can be restored. Short-lived blobs cannot, and have no versions. Each checkpoint would
// leave one behind, and listing them would slow down until consumers stand still.
// https://github.com/MicrosoftDocs/azure-docs/issues/19531
resource blobs 'Microsoft.Storage/storageAccounts/blobServices@2025-06-01' = {
  parent: account
  name: 'default'
  properties: {
    isVersioningEnabled: isKept
    deleteRetentionPolicy: isKept ? { enabled: true, days: 30 } : { enabled: false }
    containerDeleteRetentionPolicy: { enabled: true, days: isKept ? 30 : 7 }
  }
}

// On the account, not on the group: a locked group keeps its deployment history for ever, and accepts no more
// after 800 deployments.
// https://learn.microsoft.com/azure/azure-resource-manager/templates/deployment-history-deletions
resource lock 'Microsoft.Authorization/locks@2020-05-01' = if (isLocked) {
  scope: account
  name: 'not-deleted'
  properties: { level: 'CanNotDelete', notes: 'docs/deploy.md#taking-it-down' }
  dependsOn: [blobs]
}

// For checkpoints and locks only deletions are logged. They are read and written all the time, and logging
// that would cost more than the account.
resource logs 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  scope: blobs
  name: 'to-log-analytics'
  properties: {
    workspaceId: workspaceId
    logs: [
      for category in isKept ? ['StorageRead', 'StorageWrite', 'StorageDelete'] : ['StorageDelete']: {
        category: category
        enabled: true
      }
    ]
  }
}

module endpoint 'private-endpoint.bicep' = if (!isPublic) {
  params: {
    location: location
    tags: tags
    name: name
    networkName: networkName
    targetId: account.id
    group: 'blob'
  }
  // Azure refuses one of two simultaneous changes to an account.
  dependsOn: [blobs]
}
