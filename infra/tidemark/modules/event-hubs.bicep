// The namespace of all hubs: one for each service, that it alone sends to.

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

@description('The throughput units that it has now. 0: it is not there yet.')
param units int

@description('The virtual network that the namespace is reached in. Empty: there is none.')
param networkName string

@description('The Log Analytics workspace.')
param workspaceId string

var inflates = size.tier == 'Standard' && size.maximumCapacity > size.capacity

// What auto-inflate has come to stays: it never goes down by itself, and a load that needed it would be
// throttled if a deployment took it back.
var capacity = max(size.capacity, min(units, size.maximumCapacity))

resource namespace 'Microsoft.EventHub/namespaces@2024-01-01' = {
  name: name
  location: location
  tags: tags
  sku: { name: size.tier, tier: size.tier, capacity: capacity }
  properties: {
    disableLocalAuth: true
    isAutoInflateEnabled: inflates
    maximumThroughputUnits: inflates ? size.maximumCapacity : 0
    minimumTlsVersion: '1.2'
    publicNetworkAccess: empty(networkName) ? 'Enabled' : 'Disabled'
    zoneRedundant: true
  }
}

// The same again: the namespace and its rules each have a say, and must agree. No service of Azure's own has
// to come in.
resource networkRules 'Microsoft.EventHub/namespaces/networkRuleSets@2024-01-01' = {
  parent: namespace
  name: 'default'
  properties: {
    publicNetworkAccess: empty(networkName) ? 'Enabled' : 'Disabled'
    defaultAction: empty(networkName) ? 'Allow' : 'Deny'
    trustedServiceAccessEnabled: false
  }
}

// One after the other: of two changes to one namespace at a time, one may be refused (SubCode 40901).
// https://learn.microsoft.com/azure/event-hubs/resource-governance-overview
@batchSize(1)
module hubs 'event-hub.bicep' = [
  for hub in eventHubs: {
    params: {
      namespaceName: namespace.name
      hub: hub
      partitions: size.?partitions ?? hub.partitions
    }
    dependsOn: [networkRules]
  }
]

// Who changed what, how far auto-inflate went, and (Premium alone) who connected.
resource logs 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  scope: namespace
  name: 'to-log-analytics'
  properties: {
    workspaceId: workspaceId
    logAnalyticsDestinationType: 'Dedicated'
    logs: [
      for category in [
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
