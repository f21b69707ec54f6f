// Where the events of each service go for good: what Event Hubs Capture writes. The anchors, which say what must be in here, are in an account
// of their own (anchors.bicep): what Capture and whoever sets it up may write to is not what vouches for it.

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

@description('The virtual network that the account is reached in. Empty: there is none.')
param networkName string

@description('The Log Analytics workspace.')
param workspaceId string

var storageBlobDataContributor = subscriptionResourceId(
  'Microsoft.Authorization/roleDefinitions',
  'ba92f5b4-2d11-453d-a403-e96b0029c9fe'
)

module storage 'storage-account.bicep' = {
  params: {
    location: location
    tags: tags
    name: name
    sku: sku
    isKept: true
    isCapturedTo: true
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

resource archives 'Microsoft.Storage/storageAccounts/blobServices/containers@2025-06-01' = [
  for service in services: {
    parent: account::blobs
    name: 'archive-${service}'
    properties: { publicAccess: 'None' }
    dependsOn: [storage]
  }
]

// What is old is read only to rebuild a view, or by a court: cheaper to keep, dearer to read. Nothing is deleted.
resource lifecycle 'Microsoft.Storage/storageAccounts/managementPolicies@2025-06-01' = {
  parent: account
  name: 'default'
  properties: {
    policy: {
      rules: [
        {
          name: 'archive-cools-down'
          type: 'Lifecycle'
          enabled: true
          definition: {
            filters: { blobTypes: ['blockBlob'], prefixMatch: ['archive-'] }
            actions: {
              baseBlob: {
                tierToCool: { daysAfterModificationGreaterThan: 30 }
                tierToCold: { daysAfterModificationGreaterThan: 90 }
              }
            }
          }
        }
      ]
    }
  }
  // Of two changes to one account at a time, one is refused.
  dependsOn: [archives]
}

// Whoever sets up Capture on a hub must be allowed to write to where it goes, on the account as a whole, or the hub is refused; an owner
// of the subscription is not, as that is a right on data. A deployer can give itself this right anyway: here it is in sight.
// https://learn.microsoft.com/azure/event-hubs/event-hubs-capture-overview#azure-storage-account-as-a-destination
resource deployer 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  scope: account
  name: guid(account.id, az.deployer().objectId, storageBlobDataContributor)
  properties: {
    principalId: az.deployer().objectId
    roleDefinitionId: storageBlobDataContributor
  }
  dependsOn: [storage]
}

@description('The name of the storage account, once its containers are there.')
output name string = account.name
