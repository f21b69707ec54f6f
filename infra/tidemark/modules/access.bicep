// All rights of one service's identity on data. No other file assigns any. topology.json says which service may
// do what; it is made from the services' declarations.
//
//   its own hub                       Azure Event Hubs Data Sender
//   each hub that it follows          Azure Event Hubs Data Receiver
//   its own database                  Tidemark metadata reader
//   its log                           Tidemark log appender: create and read
//   its other containers              Tidemark item writer
//   the storage of its own host       Storage Blob Data Owner
//   its own archive                   Tidemark archive appender: create and read
//   its own keys of personal data     Tidemark key keeper: read, create and replace
//   its own key of the vault          Key Vault Crypto Service Encryption User: read, wrap, unwrap
//   keys that it has a grant for      Tidemark key reader, Tidemark key unwrapper
//   the archive of each service       Storage Blob Data Reader
//   that its views follow
//   Application Insights              Monitoring Metrics Publisher
//
// A service without a log has no hub and no archive of its own.
//
// A developer who runs the services on a laptop against an environment gets the same.

import { archiveRoleName, keyRoleName } from '../names.bicep'
import { Container, Service } from '../types.bicep'
import { cosmosRoleId } from '../cosmos-roles.bicep'

@description('The object id of the principal that gets the rights.')
param principalId string

@description('A stable name of the principal, known before a deployment. An identity\'s object id is not.')
param principalName string = principalId

@description('Its type. Empty: Azure looks it up, which fails for a principal that was created moments ago.')
param principalType '' | 'User' | 'Group' | 'ServicePrincipal'

@description('The service whose rights are assigned.')
param service Service

@description('The containers of its database.')
param containers Container[]

@description('The Event Hubs namespace.')
param namespaceName string

@description('The Cosmos DB account.')
param accountName string

@description('The host storage account of the service.')
param storageName string

@description('The storage account of the archives.')
param archiveName string

@description('The key vault. Empty: no service has personal data.')
param vaultName string = ''

@description('Application Insights.')
param applicationInsightsName string

var knownType = empty(principalType) ? null : principalType

// https://learn.microsoft.com/azure/role-based-access-control/built-in-roles
var roleDefinitions = 'Microsoft.Authorization/roleDefinitions'
var eventHubsDataSender = subscriptionResourceId(roleDefinitions, '2b629674-e913-4c01-ae53-ef4638d8f975')
var eventHubsDataReceiver = subscriptionResourceId(roleDefinitions, 'a638d3c7-ab3a-418d-83e6-5f17a39d4fde')
var storageBlobDataOwner = subscriptionResourceId(roleDefinitions, 'b7e6dc6d-f1e8-4753-8033-0f276bb0955b')
var keyVaultCryptoServiceEncryptionUser = subscriptionResourceId(
  roleDefinitions,
  'e147488a-f6f5-4113-8e2d-b22465e65bf6'
)
var storageBlobDataReader = subscriptionResourceId(roleDefinitions, '2a2b9908-6ea1-4ae2-8e65-a410df84e7d1')
var monitoringMetricsPublisher = subscriptionResourceId(roleDefinitions, '3913510d-42f4-4e42-8a64-420c390055eb')

resource namespace 'Microsoft.EventHub/namespaces@2024-01-01' existing = {
  name: namespaceName
}

resource ownHub 'Microsoft.EventHub/namespaces/eventhubs@2024-01-01' existing = {
  parent: namespace
  name: service.name
}

resource send 'Microsoft.Authorization/roleAssignments@2022-04-01' = if (service.hasLog) {
  scope: ownHub
  name: guid(ownHub.id, principalName, eventHubsDataSender)
  properties: {
    principalId: principalId
    principalType: knownType
    roleDefinitionId: eventHubsDataSender
  }
}

resource followedHubs 'Microsoft.EventHub/namespaces/eventhubs@2024-01-01' existing = [
  for hub in service.receivesFrom: {
    parent: namespace
    name: hub
  }
]

// On the hub, not on its consumer groups: a consumer also asks the hub for its partitions.
resource receive 'Microsoft.Authorization/roleAssignments@2022-04-01' = [
  for (hub, index) in service.receivesFrom: {
    scope: followedHubs[index]
    name: guid(followedHubs[index].id, principalName, eventHubsDataReceiver)
    properties: {
      principalId: principalId
      principalType: knownType
      roleDefinitionId: eventHubsDataReceiver
    }
  }
]

resource account 'Microsoft.DocumentDB/databaseAccounts@2025-10-15' existing = {
  name: accountName
}

var database = '${account.id}/dbs/${service.name}'

var roles = { append: 'logAppender', replace: 'keyKeeper', write: 'itemWriter' }
var readsKeysOf = service.?readsKeysOf ?? []

// On the database only its metadata, because the change feed processor asks for the database's id. Rights on
// data are per container.
var dataRights = concat(
  [{ scope: database, role: 'metadataReader' }],
  map(containers, container => {
    scope: '${database}/colls/${container.name}'
    role: roles[container.access]
  }),
  map(readsKeysOf, owner => { scope: '${account.id}/dbs/${owner}/colls/keys', role: 'keyReader' })
)

// One after the other: see cosmos.bicep.
@batchSize(1)
resource data 'Microsoft.DocumentDB/databaseAccounts/sqlRoleAssignments@2025-10-15' = [
  for right in dataRights: {
    parent: account
    name: guid(right.scope, principalName, right.role)
    properties: {
      principalId: principalId
      roleDefinitionId: '${account.id}/sqlRoleDefinitions/${cosmosRoleId(account.id, right.role)}'
      scope: right.scope
    }
  }
]

resource hostStorage 'Microsoft.Storage/storageAccounts@2025-06-01' existing = {
  name: storageName
}

// The host creates containers there and takes locks, so it needs Owner.
// https://learn.microsoft.com/azure/azure-functions/functions-reference#connecting-to-host-storage-with-an-identity
resource host 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  scope: hostStorage
  name: guid(hostStorage.id, principalName, storageBlobDataOwner)
  properties: {
    principalId: principalId
    principalType: knownType
    roleDefinitionId: storageBlobDataOwner
  }
}

resource archive 'Microsoft.Storage/storageAccounts@2025-06-01' existing = {
  name: archiveName

  resource blobs 'blobServices' existing = {
    name: 'default'

    resource own 'containers' existing = {
      name: 'archive-${service.name}'
    }
  }
}

// archive.bicep creates the role.
var archiveAppender = subscriptionResourceId(roleDefinitions, archiveRoleName(resourceGroup().id))

resource segments 'Microsoft.Authorization/roleAssignments@2022-04-01' = if (service.hasLog) {
  scope: archive::blobs::own
  name: guid(archive::blobs::own.id, principalName, archiveAppender)
  properties: {
    principalId: principalId
    principalType: knownType
    roleDefinitionId: archiveAppender
  }
}

// A container of keys means personal data, and so a key of the vault.
var ownKeys = contains(map(containers, container => container.name), 'keys') ? [service.name] : []

resource vault 'Microsoft.KeyVault/vaults@2024-11-01' existing = if (!empty(vaultName)) {
  name: vaultName
}

resource ownVaultKeys 'Microsoft.KeyVault/vaults/keys@2024-11-01' existing = [
  for key in ownKeys: {
    parent: vault
    name: key
  }
]

resource wrap 'Microsoft.Authorization/roleAssignments@2022-04-01' = [
  for (key, index) in ownKeys: {
    scope: ownVaultKeys[index]
    name: guid(ownVaultKeys[index].id, principalName, keyVaultCryptoServiceEncryptionUser)
    properties: {
      principalId: principalId
      principalType: knownType
      roleDefinitionId: keyVaultCryptoServiceEncryptionUser
    }
  }
]

resource grantedVaultKeys 'Microsoft.KeyVault/vaults/keys@2024-11-01' existing = [
  for owner in readsKeysOf: {
    parent: vault
    name: owner
  }
]

// key-vault.bicep creates the role.
var keyUnwrapper = subscriptionResourceId(roleDefinitions, keyRoleName(resourceGroup().id))

resource unwrap 'Microsoft.Authorization/roleAssignments@2022-04-01' = [
  for (owner, index) in readsKeysOf: {
    scope: grantedVaultKeys[index]
    name: guid(grantedVaultKeys[index].id, principalName, keyUnwrapper)
    properties: {
      principalId: principalId
      principalType: knownType
      roleDefinitionId: keyUnwrapper
    }
  }
]

resource followedArchives 'Microsoft.Storage/storageAccounts/blobServices/containers@2025-06-01' existing = [
  for followed in service.readsArchivesOf: {
    parent: archive::blobs
    name: 'archive-${followed}'
  }
]

// A view is rebuilt from them. On the containers, so that no other archive can be read.
resource readSegments 'Microsoft.Authorization/roleAssignments@2022-04-01' = [
  for (followed, index) in service.readsArchivesOf: {
    scope: followedArchives[index]
    name: guid(followedArchives[index].id, principalName, storageBlobDataReader)
    properties: {
      principalId: principalId
      principalType: knownType
      roleDefinitionId: storageBlobDataReader
    }
  }
]

resource applicationInsights 'Microsoft.Insights/components@2020-02-02' existing = {
  name: applicationInsightsName
}

resource telemetry 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  scope: applicationInsights
  name: guid(applicationInsights.id, principalName, monitoringMetricsPublisher)
  properties: {
    principalId: principalId
    principalType: knownType
    roleDefinitionId: monitoringMetricsPublisher
  }
}
