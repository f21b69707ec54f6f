// The anchors of each service: the heads of its streams' hash chains at a time. With them nobody can change a
// log and its chain together unnoticed. Nobody can change or remove an anchor during its retention. No
// principal has a right on them yet; the writer of anchors is not built.

import { Tags } from '../types.bicep'

@description('The region.')
param location string

@description('The tags.')
param tags Tags

@description('The name of the storage account.')
param name string

@description('The replication of the data.')
param sku 'Standard_LRS' | 'Standard_ZRS' | 'Standard_GZRS'

@description('The services. Each gets a container.')
param services string[]

@description('Days for which an anchor cannot be changed or removed.')
@minValue(1)
param anchorDays int

@description('Whether the account is locked against deletion.')
param isLocked bool

@description('The services whose policy was locked by hand: the deployment skips it.')
param locked string[]

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

// Not locked, because a lock can never be undone. Until the last anchor's retention ends, the account could
// not be deleted, nor could a trial environment. Where it matters, lock it once by hand: docs/deploy.md. An
// unlocked policy prevents mistakes, but a principal that may change it can remove it. A locked policy is
// extended by another call; this one would be refused.
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
