// A storage account that holds blobs, as all of them here are: opened by Entra alone, reached in the network
// where there is one, and what happens to it is told. What it is for, and its containers, stand in the module
// that uses this one.

import { Tags } from '../types.bicep'

@description('The region.')
param location string

@description('The tags.')
param tags Tags

@description('The name of the storage account.')
param name string

@description('How often the data is kept, and where.')
param sku 'Standard_LRS' | 'Standard_ZRS' | 'Standard_GZRS'

@description('Whether its blobs are kept for good: encrypted twice, with their versions, what is deleted comes back, and who reads is told as well. Otherwise they are written all the time.')
param isKept bool

@description('Whether the account is locked against deletion.')
param isLocked bool = false

@description('The virtual network that the account is reached in. Empty: there is none.')
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

// Containers that were deleted can be brought back. Blobs that are written all the time cannot, nor do they
// have versions: each checkpoint would leave one behind, and listing them would slow down until consumers
// stand still.
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

// On the account, not on the group: a group that is locked keeps its history of deployments for ever, and
// after 800 of them takes no more.
// https://learn.microsoft.com/azure/azure-resource-manager/templates/deployment-history-deletions
resource lock 'Microsoft.Authorization/locks@2020-05-01' = if (isLocked) {
  scope: account
  name: 'not-deleted'
  properties: { level: 'CanNotDelete', notes: 'docs/deploy.md#taking-it-down' }
  dependsOn: [blobs]
}

// Of checkpoints and locks deletions alone: they are read and written all the time, and a log of that would
// cost more than the account.
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
  // Of two changes to one account at a time, one is refused.
  dependsOn: [blobs]
}
