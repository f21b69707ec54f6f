// The account of all databases, and the roles on data that it knows. Whoever reads or writes data has a role
// from access.bicep: there are no keys, and nobody makes or changes databases and containers but a
// deployment.

import { Shape, Tags } from '../types.bicep'
import { cosmosRoleId, cosmosRoles } from '../cosmos-roles.bicep'

@description('The region that is written to.')
param location string

@description('The tags.')
param tags Tags

@description('The name of the account.')
param name string

@description('How capacity is paid for, and what survives what.')
param size Shape.cosmos

@description('Whether the account is locked against deletion.')
param isLocked bool

@description('The virtual network that the account is reached in. Empty: there is none.')
param networkName string

@description('The Log Analytics workspace.')
param workspaceId string

var regions = concat([location], size.failoverLocations)

// Reads lag behind by no more than this, and never see writes out of order; in the region that is written to
// they do not lag. The least that is allowed for one region, and for several.
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
    // Never more than one: that a version of a stream exists once is checked where it is written.
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

// Nobody deletes the logs by mistake, with azd down or in the portal. On the account, not on the group:
// storage-account.bicep says why.
resource lock 'Microsoft.Authorization/locks@2020-05-01' = if (isLocked) {
  scope: account
  name: 'not-deleted'
  properties: { level: 'CanNotDelete', notes: 'docs/deploy.md#taking-it-down' }
}

// One after the other: of two changes to the roles of one account at a time, one is refused (412).
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

// Who changed what of the account, and which logical partitions grow large. Not DataPlaneRequests and
// QueryRuntimeStatistics, a line for each request, nor PartitionKeyRUConsumption, a line for each stream each
// second: what they cost to keep is of the order of what the requests themselves cost. An incident may need
// them for an hour: docs/operate.md.
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

@description('The name of the account, once its roles are there.')
output name string = account.name

@description('What clients connect to.')
output endpoint string = account.properties.documentEndpoint
