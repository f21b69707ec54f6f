// The namespace of all hubs: one for each service, and only that service sends to it.

import { EventHub, Shape, Tags } from '../types.bicep'

@description('The region.')
param location string

@description('The tags.')
param tags Tags

@description('The name of the namespace.')
param name string

@description('The tier and the throughput.')
param size Shape.eventHubs

@description('The hubs.')
param eventHubs EventHub[]

@description('Its current throughput units. 0: it does not exist yet.')
param units int

@description('The virtual network with the namespace\'s endpoint. Empty: there is none.')
param networkName string

@description('The Log Analytics workspace.')
param workspaceId string

var inflates = size.tier == 'Standard' && size.maximumCapacity > size.capacity

// Keeps the units that auto-inflate has added. They never go down automatically, and a deployment that
// reduced them would throttle the load that needed them.
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

// The namespace and its rules both set public access, and must agree. No Azure service needs trusted access.
resource networkRules 'Microsoft.EventHub/namespaces/networkRuleSets@2024-01-01' = {
  parent: namespace
  name: 'default'
  properties: {
    publicNetworkAccess: empty(networkName) ? 'Enabled' : 'Disabled'
    defaultAction: empty(networkName) ? 'Allow' : 'Deny'
    trustedServiceAccessEnabled: false
  }
}

// One after the other: Event Hubs may refuse one of two simultaneous changes to a namespace (SubCode 40901).
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

// Changes, auto-inflate's steps, and (Premium only) connections.
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

@description('The name of the namespace, after its hubs exist.')
output name string = namespace.name

@description('The host that clients connect to.')
output host string = split(split(namespace.properties.serviceBusEndpoint, '://')[1], ':')[0]
