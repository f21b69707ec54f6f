// Where the anchors of each service go: what the hash chains of its streams came to at a time, so that nobody
// can change a log and its chain together. Nobody can change or remove an anchor for its days. Nobody has a
// right on them yet: what writes them comes with them.

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

@description('Whether the account is locked against deletion.')
param isLocked bool

@description('The services whose policy was locked by hand: it is left alone.')
param locked string[]

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
    isKept: true
    isLocked: isLocked
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

resource anchors 'Microsoft.Storage/storageAccounts/blobServices/containers@2025-06-01' = [
  for service in services: {
    parent: account::blobs
    name: 'anchors-${service}'
    properties: {
      publicAccess: 'None'
      immutableStorageWithVersioning: { enabled: true }
    }
    dependsOn: [storage]
  }
]

// Not locked: a lock can never be undone, and until the last anchor's days are over the account could not be
// deleted, nor could an environment that was only tried out. Where it matters it is locked by hand, once:
// docs/deploy.md. Unlocked it stops mistakes, and whoever may change the policy could still remove it.
// Locked, it is extended by another call than this, which would be refused.
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
