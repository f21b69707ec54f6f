// All that the identity of one service may do with data, and nothing else gives it anything: read this file
// to know it. Which service may do what stands in topology.json, which is made from the services' own
// declarations.
//
//   its own hub                       Azure Event Hubs Data Sender
//   each hub that it follows          Azure Event Hubs Data Receiver
//   its own database                  Tidemark metadata reader
//   its log                           Tidemark log appender: create and read
//   its other containers              Tidemark item writer
//   the storage of its own host       Storage Blob Data Owner
//   Application Insights              Monitoring Metrics Publisher
//
// The same is given to whoever runs the services on a laptop against an environment.

import { Container, Service } from '../types.bicep'
import { cosmosRoleId } from '../cosmos-roles.bicep'

@description('The object id of who is given the rights.')
param principalId string

@description('What is known of it before anything is deployed, and the same each time: for an identity its name or id, as its object id is not.')
param principalName string = principalId

@description('What it is. Empty: Azure looks it up, which fails for one so new that it is not known everywhere.')
param principalType '' | 'User' | 'Group' | 'ServicePrincipal'

@description('The service whose rights these are.')
param service Service

@description('The containers of its database.')
param containers Container[]

@description('The Event Hubs namespace.')
param namespaceName string

@description('The Cosmos DB account.')
param accountName string

@description('The storage account of the host of the service.')
param storageName string

@description('Application Insights.')
param applicationInsightsName string

var knownType = empty(principalType) ? null : principalType

// https://learn.microsoft.com/azure/role-based-access-control/built-in-roles
var roleDefinitions = 'Microsoft.Authorization/roleDefinitions'
var eventHubsDataSender = subscriptionResourceId(roleDefinitions, '2b629674-e913-4c01-ae53-ef4638d8f975')
var eventHubsDataReceiver = subscriptionResourceId(roleDefinitions, 'a638d3c7-ab3a-418d-83e6-5f17a39d4fde')
var storageBlobDataOwner = subscriptionResourceId(roleDefinitions, 'b7e6dc6d-f1e8-4753-8033-0f276bb0955b')
var monitoringMetricsPublisher = subscriptionResourceId(roleDefinitions, '3913510d-42f4-4e42-8a64-420c390055eb')

resource namespace 'Microsoft.EventHub/namespaces@2024-01-01' existing = {
  name: namespaceName
}

resource ownHub 'Microsoft.EventHub/namespaces/eventhubs@2024-01-01' existing = {
  parent: namespace
  name: service.name
}

resource send 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
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

// On the hub, not on its consumer groups: a consumer also asks which partitions there are, and that is of the hub.
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

// On the database nothing but what it is: the change feed's processor asks for its id. Data are given
// container by container.
var dataRights = concat(
  [{ scope: database, role: 'metadataReader' }],
  map(containers, container => {
    scope: '${database}/colls/${container.name}'
    role: container.access == 'append' ? 'logAppender' : 'itemWriter'
  })
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

// Its host makes containers there, and holds locks: it takes the owner.
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
