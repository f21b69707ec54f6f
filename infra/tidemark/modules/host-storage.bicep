// What the Functions host of one service keeps: the package that it runs, its checkpoints, its locks. No
// other service comes near it.

import { Tags } from '../types.bicep'

@description('The region.')
param location string

@description('The tags.')
param tags Tags

@description('The name of the storage account.')
param name string

@description('How often the data is kept, and where.')
param sku 'Standard_LRS' | 'Standard_ZRS' | 'Standard_GZRS'

@description('The virtual network that the account is reached in. Empty: there is none.')
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

// The name is the host's own. It makes azure-webjobs-hosts and azure-webjobs-secrets for itself, where it needs them.
resource checkpoints 'Microsoft.Storage/storageAccounts/blobServices/containers@2025-06-01' = {
  parent: account::blobs
  name: 'azure-webjobs-eventhub'
  properties: { publicAccess: 'None' }
  dependsOn: [storage]
}

@description('The name of the storage account.')
output name string = account.name

@description('Where its blobs are.')
output blobEndpoint string = account.properties.primaryEndpoints.blob

@description('The container that packages are deployed to.')
output packageContainer string = packages.name
