// A service's hub, with a consumer group for its own views, and others for the views and the reactions of each
// service that follows it.

import { EventHub } from '../types.bicep'

@description('The namespace of the hub.')
param namespaceName string

@description('The hub.')
param hub EventHub

@description('Its number of partitions. Fixed once the hub exists, except on Premium.')
@minValue(1)
@maxValue(32)
param partitions int

resource namespace 'Microsoft.EventHub/namespaces@2024-01-01' existing = {
  name: namespaceName
}

resource eventHub 'Microsoft.EventHub/namespaces/eventhubs@2024-01-01' = {
  parent: namespace
  name: hub.name
  properties: {
    partitionCount: partitions
    retentionDescription: { cleanupPolicy: 'Delete', retentionTimeInHours: hub.retentionHours }
  }
}

// One after the other: see event-hubs.bicep.
@batchSize(1)
resource consumerGroups 'Microsoft.EventHub/namespaces/eventhubs/consumergroups@2024-01-01' = [
  for group in hub.consumerGroups: {
    parent: eventHub
    name: group
  }
]
