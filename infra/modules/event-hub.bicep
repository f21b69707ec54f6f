// The hub of a service, with one consumer group for each consumer, captured to the archive.

import { EventHub } from '../types.bicep'

@description('The namespace that the hub is in.')
param namespaceName string

@description('The hub.')
param hub EventHub

@description('How many partitions it has: fixed once it is created, outside Premium.')
@minValue(1)
@maxValue(32)
param partitions int

@description('The id of the identity that Capture writes with: it must already be allowed to.')
param captureIdentityId string

@description('The id of the storage account that Capture writes to.')
param archiveId string

@description('The container that Capture writes to.')
param archiveContainer string

resource namespace 'Microsoft.EventHub/namespaces@2024-01-01' existing = {
  name: namespaceName
}

resource eventHub 'Microsoft.EventHub/namespaces/eventhubs@2024-01-01' = {
  parent: namespace
  name: hub.name
  properties: {
    partitionCount: partitions
    retentionDescription: { cleanupPolicy: 'Delete', retentionTimeInHours: hub.retentionHours }
    captureDescription: {
      enabled: true
      encoding: 'Avro'
      skipEmptyArchives: true
      // The hub itself keeps events for days, so nobody waits for the archive: as long and as large as can be means the fewest blobs,
      // one for each partition each time.
      intervalInSeconds: 900
      sizeLimitInBytes: 524288000
      destination: {
        name: 'EventHubArchive.AzureBlockBlob'
        identity: { type: 'UserAssigned', userAssignedIdentity: captureIdentityId }
        properties: {
          storageAccountResourceId: archiveId
          blobContainer: archiveContainer
          archiveNameFormat: '{Namespace}/{EventHub}/{PartitionId}/{Year}/{Month}/{Day}/{Hour}/{Minute}/{Second}'
        }
      }
    }
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
