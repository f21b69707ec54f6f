// Where the keys of subjects will be: a subject is forgotten by deleting its key. Nobody has a right on it yet.

import { Tags } from '../types.bicep'

@description('The region.')
param location string

@description('The tags.')
param tags Tags

@description('The name of the vault.')
param name string

@description('Days for which what was deleted can be brought back, and cannot be purged. Fixed once the vault is created.')
@minValue(7)
@maxValue(90)
param recoveryDays int

@description('The virtual network that the vault is reached in. Empty: there is none.')
param networkName string

@description('The Log Analytics workspace.')
param workspaceId string

resource vault 'Microsoft.KeyVault/vaults@2024-11-01' = {
  name: name
  location: location
  tags: tags
  properties: {
    tenantId: tenant().tenantId
    sku: { family: 'A', name: 'standard' }
    enableRbacAuthorization: true
    enableSoftDelete: true
    softDeleteRetentionInDays: recoveryDays
    // Can never be undone: the name stays taken for these days after `azd down`.
    enablePurgeProtection: true
    publicNetworkAccess: empty(networkName) ? 'Enabled' : 'Disabled'
    networkAcls: {
      defaultAction: empty(networkName) ? 'Allow' : 'Deny'
      bypass: 'None'
    }
  }
}

// Who used which key, and who changed the rules.
resource logs 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  scope: vault
  name: 'to-log-analytics'
  properties: {
    workspaceId: workspaceId
    logAnalyticsDestinationType: 'Dedicated'
    logs: [{ categoryGroup: 'audit', enabled: true }]
  }
}

module endpoint 'private-endpoint.bicep' = if (!empty(networkName)) {
  params: {
    location: location
    tags: tags
    name: name
    networkName: networkName
    targetId: vault.id
    group: 'vault'
  }
}
