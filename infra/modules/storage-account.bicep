// A storage account that holds blobs, as all of them here are: opened by Entra alone, reached in the network where there is one, and what happens to
// it is told. What it is for, and its containers, stand in the module that uses this one.

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

@description('Whether Event Hubs Capture writes to it.')
param isCapturedTo bool = false

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
    // Even where there is a virtual network, what Capture writes to keeps its public endpoint, closed to all but Capture. That does not run
    // in the network, and comes in as a trusted service. 'Disabled' would keep it out: then "traffic will be allowed only through a private
    // endpoint". Rules for single resources are not offered for Event Hubs.
    // https://learn.microsoft.com/azure/storage/common/storage-network-security-trusted-azure-services
    // https://learn.microsoft.com/azure/storage/common/storage-network-security-set-default-access
    publicNetworkAccess: isPublic || isCapturedTo ? 'Enabled' : 'Disabled'
    networkAcls: {
      defaultAction: isPublic ? 'Allow' : 'Deny'
      bypass: isCapturedTo && !isPublic ? 'AzureServices' : 'None'
    }
  }
}

// Containers that were deleted can be brought back. Blobs that are written all the time cannot, nor do they have versions: each checkpoint
// would leave one behind, and listing them would slow down until consumers stand still.
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

// Of checkpoints and locks deletions alone: they are read and written all the time, and a log of that would cost more than the account.
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
