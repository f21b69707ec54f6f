// The account of all databases, and its data roles. Every reader and writer has a role from access.bicep,
// because keys are off. Only a deployment creates or changes databases and containers.

import { Shape, Tags } from '../types.bicep'
import { cosmosRoleId, cosmosRoles } from '../cosmos-roles.bicep'

@description('The write region.')
param location string

@description('The tags.')
param tags Tags

@description('The name of the account.')
param name string

@description('How capacity is billed, and the redundancy and backup.')
param size Shape.cosmos

@description('Whether the account is locked against deletion.')
param isLocked bool

@description('The virtual network with the account\'s endpoint. Empty: there is none.')
param networkName string

@description('The Log Analytics workspace.')
param workspaceId string

var regions = concat([location], size.failoverLocations)

// Reads lag by at most this much and never see writes out of order. In the write region they do not lag.
// These are the smallest allowed values, for one region and for several.
// https://learn.microsoft.com/azure/cosmos-db/consistency-levels#bounded-staleness-consistency
var staleness = length(regions) == 1 ? { writes: 10, seconds: 5 } : { writes: 100000, seconds: 300 }

resource account 'Microsoft.DocumentDB/databaseAccounts@2025-10-15' = {
  name: name
  location: location
  tags: tags
  kind: 'GlobalDocumentDB'
  properties: {
    databaseAccountOfferType: 'Standard'
    capabilities: size.capacity == 'serverless' ? [{ name: 'EnableServerless' }] : []
    locations: [
      for (region, index) in regions: {
        locationName: region
        failoverPriority: index
        isZoneRedundant: size.zoneRedundant
      }
    ]
    // Only one write region: the region checks that each version of a stream exists once.
    enableMultipleWriteLocations: false
    enableAutomaticFailover: length(regions) > 1
    consistencyPolicy: {
      defaultConsistencyLevel: 'BoundedStaleness'
      maxStalenessPrefix: staleness.writes
      maxIntervalInSeconds: staleness.seconds
    }
    backupPolicy: { type: 'Continuous', continuousModeProperties: { tier: size.backup } }
    disableLocalAuth: true
    disableKeyBasedMetadataWriteAccess: true
    minimalTlsVersion: 'Tls12'
    networkAclBypass: 'None'
    publicNetworkAccess: empty(networkName) ? 'Enabled' : 'Disabled'
  }
}

// Protects the logs from deletion by mistake, with azd down or in the portal. On the account, not on the
// group: see storage-account.bicep.
resource lock 'Microsoft.Authorization/locks@2020-05-01' = if (isLocked) {
  scope: account
  name: 'not-deleted'
  properties: { level: 'CanNotDelete', notes: 'docs/deploy.md#taking-it-down' }
}

// One after the other: Cosmos DB refuses one of two simultaneous changes to an account's roles (412).
// https://github.com/hashicorp/terraform-provider-azurerm/issues/15842
@batchSize(1)
resource roles 'Microsoft.DocumentDB/databaseAccounts/sqlRoleDefinitions@2025-10-15' = [
  for role in items(cosmosRoles): {
    parent: account
    name: cosmosRoleId(account.id, role.key)
    properties: {
      roleName: role.value.name
      type: 'CustomRole'
      assignableScopes: [account.id]
      permissions: [{ dataActions: role.value.dataActions }]
    }
  }
]

// Changes to the account, and large logical partitions. DataPlaneRequests and QueryRuntimeStatistics are off:
// they write a line per request. So is PartitionKeyRUConsumption: a line per stream and second. Storing these
// costs about as much as the requests themselves. An incident may need them for an hour: docs/operate.md.
resource logs 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  scope: account
  name: 'to-log-analytics'
  properties: {
    workspaceId: workspaceId
    logAnalyticsDestinationType: 'Dedicated'
    logs: [for category in ['ControlPlaneRequests', 'PartitionKeyStatistics']: { category: category, enabled: true }]
  }
}

module endpoint 'private-endpoint.bicep' = if (!empty(networkName)) {
  params: {
    location: location
    tags: tags
    name: name
    networkName: networkName
    targetId: account.id
    group: 'Sql'
  }
  dependsOn: [roles]
}

@description('The name of the account, after its roles exist.')
output name string = account.name

@description('The endpoint that clients connect to.')
output endpoint string = account.properties.documentEndpoint
