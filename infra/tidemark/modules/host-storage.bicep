// The storage of one service's Functions host: its package, checkpoints and locks. No other service has
// access.

import { Tags } from '../types.bicep'

@description('The region.')
param location string

@description('The tags.')
param tags Tags

@description('The name of the storage account.')
param name string

@description('The replication of the data.')
param sku 'Standard_LRS' | 'Standard_ZRS' | 'Standard_GZRS'

@description('The virtual network with the account\'s endpoint. Empty: there is none.')
param networkName string

@description('The Log Analytics workspace.')
param workspaceId string

module storage 'storage-account.bicep' = {
  params: {
    location: location
    tags: tags
    name: name
    sku: sku
    isKept: false
    networkName: networkName
    workspaceId: workspaceId
  }
}

resource account 'Microsoft.Storage/storageAccounts@2025-06-01' existing = {
  name: name

  resource blobs 'blobServices' existing = {
    name: 'default'
  }
}

resource packages 'Microsoft.Storage/storageAccounts/blobServices/containers@2025-06-01' = {
  parent: account::blobs
  name: 'app-package'
  properties: { publicAccess: 'None' }
  dependsOn: [storage]
}

// The host defines this name. It creates azure-webjobs-hosts and azure-webjobs-secrets itself when needed.
resource checkpoints 'Microsoft.Storage/storageAccounts/blobServices/containers@2025-06-01' = {
  parent: account::blobs
  name: 'azure-webjobs-eventhub'
  properties: { publicAccess: 'None' }
  dependsOn: [storage]
}

@description('The name of the storage account.')
output name string = account.name

@description('Its blob endpoint.')
output blobEndpoint string = account.properties.primaryEndpoints.blob

@description('The container for packages.')
output packageContainer string = packages.name
