// The archive of each service: its whole log, in numbered segments that each contain the root of the one
// before. With it nobody can change a log and its hash chains together unnoticed. A service may read and
// create its own segments (access.bicep), never change or delete one.

import { archiveRoleName } from '../names.bicep'
import { Tags } from '../types.bicep'

@description('The region.')
param location string

@description('The tags.')
param tags Tags

@description('The name of the storage account.')
param name string

@description('The replication of the data.')
param sku 'Standard_LRS' | 'Standard_ZRS' | 'Standard_GZRS'

@description('The services that have a log. Each gets a container.')
param services string[]

@description('Days for which nobody can change or remove a segment. 0: there is no such policy.')
@minValue(0)
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

resource containers 'Microsoft.Storage/storageAccounts/blobServices/containers@2025-06-01' = [
  for service in services: {
    parent: account::blobs
    name: 'archive-${service}'
    properties: {
      publicAccess: 'None'
      // It cannot be turned off again, so not where nothing needs it.
      immutableStorageWithVersioning: anchorDays > 0 ? { enabled: true } : null
    }
    dependsOn: [storage]
  }
]

// Not locked, because a lock can never be undone. Until the last segment's retention ends, the account could
// not be deleted, nor could a trial environment. Where it matters, lock it once by hand: docs/deploy.md. An
// unlocked policy prevents mistakes, but a principal that may change it can remove it. A locked policy is
// extended by another call; this one would be refused.
// https://learn.microsoft.com/rest/api/storagerp/blob-containers/lock-immutability-policy
resource retention 'Microsoft.Storage/storageAccounts/blobServices/containers/immutabilityPolicies@2025-06-01' = [
  for (service, index) in services: if (anchorDays > 0 && !contains(locked, service)) {
    parent: containers[index]
    name: 'default'
    properties: {
      immutabilityPeriodSinceCreationInDays: anchorDays
      allowProtectedAppendWrites: false
      allowProtectedAppendWritesAll: false
    }
  }
]

// The smallest built-in role that creates blobs (Storage Blob Data Contributor) also overwrites and deletes.
// Put Blob needs only add/action to create a blob, and write to replace one.
// https://learn.microsoft.com/rest/api/storageservices/authorize-with-azure-active-directory#permissions-for-calling-data-operations
var blobActions = 'Microsoft.Storage/storageAccounts/blobServices/containers/blobs'

resource appender 'Microsoft.Authorization/roleDefinitions@2022-04-01' = {
  name: archiveRoleName(resourceGroup().id)
  properties: {
    // Unique in the tenant.
    roleName: 'Tidemark archive appender of ${name}'
    description: 'Reads and creates blobs; never changes or deletes one.'
    type: 'CustomRole'
    permissions: [
      {
        actions: []
        notActions: []
        dataActions: ['${blobActions}/read', '${blobActions}/add/action']
        notDataActions: []
      }
    ]
    assignableScopes: [resourceGroup().id]
  }
}

@description('Its blob endpoint.')
output blobEndpoint string = account.properties.primaryEndpoints.blob
