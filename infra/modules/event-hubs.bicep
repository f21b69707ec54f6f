// The namespace of all hubs: one for each service, that it alone sends to. What passes through them is captured to the archive, by an
// identity that may write there and do nothing else.

import { EventHub, Shape, Tags } from '../types.bicep'

@description('The region.')
param location string

@description('The tags.')
param tags Tags

@description('The name of the namespace.')
param name string

@description('The tier, and how much goes through.')
param size Shape.eventHubs

@description('The hubs.')
param eventHubs EventHub[]

@description('The name of the identity that Capture writes with.')
param captureIdentityName string

@description('The storage account that Capture writes to: archive.bicep.')
param archiveName string

@description('The virtual network that the namespace is reached in. Empty: there is none.')
param networkName string

@description('The Log Analytics workspace.')
param workspaceId string

var inflates = size.tier == 'Standard' && size.maximumCapacity > size.capacity

var storageBlobDataContributor = subscriptionResourceId(
  'Microsoft.Authorization/roleDefinitions',
  'ba92f5b4-2d11-453d-a403-e96b0029c9fe'
)

resource namespace 'Microsoft.EventHub/namespaces@2024-01-01' = {
  name: name
  location: location
  tags: tags
  sku: { name: size.tier, tier: size.tier, capacity: size.capacity }
  identity: {
    type: 'UserAssigned'
    userAssignedIdentities: { '${captureIdentity.id}': {} }
  }
  properties: {
    disableLocalAuth: true
    isAutoInflateEnabled: inflates
    maximumThroughputUnits: inflates ? size.maximumCapacity : 0
    minimumTlsVersion: '1.2'
    publicNetworkAccess: empty(networkName) ? 'Enabled' : 'Disabled'
    zoneRedundant: true
  }
}

// The same again: the namespace and its rules each have a say, and must agree. No service of Azure's own has to come in.
resource networkRules 'Microsoft.EventHub/namespaces/networkRuleSets@2024-01-01' = {
  parent: namespace
  name: 'default'
  properties: {
    publicNetworkAccess: empty(networkName) ? 'Enabled' : 'Disabled'
    defaultAction: empty(networkName) ? 'Allow' : 'Deny'
    trustedServiceAccessEnabled: false
  }
}

resource captureIdentity 'Microsoft.ManagedIdentity/userAssignedIdentities@2024-11-30' = {
  name: captureIdentityName
  location: location
  tags: tags
}

resource archive 'Microsoft.Storage/storageAccounts@2025-06-01' existing = {
  name: archiveName
}

resource archiveBlobs 'Microsoft.Storage/storageAccounts/blobServices@2025-06-01' existing = {
  parent: archive
  name: 'default'
}

resource archives 'Microsoft.Storage/storageAccounts/blobServices/containers@2025-06-01' existing = [
  for hub in eventHubs: {
    parent: archiveBlobs
    name: 'archive-${hub.name}'
  }
]

// The archives alone, container by container.
resource capture 'Microsoft.Authorization/roleAssignments@2022-04-01' = [
  for (hub, index) in eventHubs: {
    scope: archives[index]
    name: guid(archives[index].id, captureIdentity.id, storageBlobDataContributor)
    properties: {
      principalId: captureIdentity.properties.principalId
      principalType: 'ServicePrincipal'
      roleDefinitionId: storageBlobDataContributor
    }
  }
]

// One after the other: of two changes to one namespace at a time, one may be refused (SubCode 40901).
// https://learn.microsoft.com/azure/event-hubs/resource-governance-overview
@batchSize(1)
module hubs 'event-hub.bicep' = [
  for (hub, index) in eventHubs: {
    params: {
      namespaceName: namespace.name
      hub: hub
      partitions: size.?partitions ?? hub.partitions
      captureIdentityId: captureIdentity.id
      archiveId: archive.id
      archiveContainer: archives[index].name
    }
    dependsOn: [capture, networkRules]
  }
]

// What Capture could not write, who changed what, how far auto-inflate went, and (Premium alone) who connected.
resource logs 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  scope: namespace
  name: 'to-log-analytics'
  properties: {
    workspaceId: workspaceId
    logAnalyticsDestinationType: 'Dedicated'
    logs: [
      for category in [
        'ArchiveLogs'
        'AutoScaleLogs'
        'DiagnosticErrorLogs'
        'EventHubVNetConnectionEvent'
        'OperationalLogs'
        'RuntimeAuditLogs'
      ]: { category: category, enabled: true }
    ]
  }
}

module endpoint 'private-endpoint.bicep' = if (!empty(networkName)) {
  params: {
    location: location
    tags: tags
    name: name
    networkName: networkName
    targetId: namespace.id
    group: 'namespace'
  }
  dependsOn: [hubs]
}

@description('The name of the namespace, once its hubs are there.')
output name string = namespace.name

@description('What clients connect to.')
output host string = split(split(namespace.properties.serviceBusEndpoint, '://')[1], ':')[0]
