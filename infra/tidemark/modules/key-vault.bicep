// The vault of the keys that wrap the keys of personal data: one for each service that has such data. The private
// half of a key never leaves the vault. A service may wrap and unwrap with its own key, and a service with a
// grant may unwrap with the owner's (access.bicep).

import { keyRoleName } from '../names.bicep'
import { Tags } from '../types.bicep'

@description('The region.')
param location string

@description('The tags.')
param tags Tags

@description('The name of the vault.')
@maxLength(24)
param name string

@description('The services with personal data. Each gets a key with its name.')
param services string[]

@description('Whether the vault is locked against deletion, and deleted keys can be recovered for 90 days.')
param isLocked bool

@description('The virtual network with the vault\'s endpoint. Empty: there is none.')
param networkName string

@description('The Log Analytics workspace.')
param workspaceId string

var isPublic = empty(networkName)

resource vault 'Microsoft.KeyVault/vaults@2024-11-01' = {
  name: name
  location: location
  tags: tags
  properties: {
    tenantId: tenant().tenantId
    sku: { family: 'A', name: 'standard' }
    // Roles alone decide, not access policies of the vault.
    enableRbacAuthorization: true
    // Without its key all personal data of a service is lost. Purge protection can never be turned off, and it
    // keeps the vault's name from a new environment, so not where environments come and go.
    enableSoftDelete: true
    softDeleteRetentionInDays: isLocked ? 90 : 7
    ...(isLocked ? { enablePurgeProtection: true } : {})
    enabledForDeployment: false
    enabledForDiskEncryption: false
    enabledForTemplateDeployment: false
    publicNetworkAccess: isPublic ? 'Enabled' : 'Disabled'
    networkAcls: {
      defaultAction: isPublic ? 'Allow' : 'Deny'
      bypass: 'None'
    }
  }
}

// A deployment creates a key once. It never changes or replaces an existing one; rotating adds a version.
// https://learn.microsoft.com/azure/templates/microsoft.keyvault/vaults/keys
resource keys 'Microsoft.KeyVault/vaults/keys@2024-11-01' = [
  for service in services: {
    parent: vault
    name: service
    properties: {
      kty: 'RSA'
      keySize: 3072
      keyOps: ['wrapKey', 'unwrapKey']
    }
  }
]

// See storage-account.bicep.
resource lock 'Microsoft.Authorization/locks@2020-05-01' = if (isLocked) {
  scope: vault
  name: 'not-deleted'
  properties: { level: 'CanNotDelete', notes: 'docs/deploy.md#taking-it-down' }
  dependsOn: [keys]
}

// The smallest built-in role that unwraps also wraps and reads keys. Whoever reads an RSA key can wrap.
// https://learn.microsoft.com/azure/key-vault/general/rbac-guide
resource unwrapper 'Microsoft.Authorization/roleDefinitions@2022-04-01' = {
  name: keyRoleName(resourceGroup().id)
  properties: {
    // Unique in the tenant.
    roleName: 'Tidemark key unwrapper of ${name}'
    description: 'Unwraps keys; neither reads nor wraps with a key of the vault.'
    type: 'CustomRole'
    permissions: [
      {
        actions: []
        notActions: []
        dataActions: ['Microsoft.KeyVault/vaults/keys/unwrap/action']
        notDataActions: []
      }
    ]
    assignableScopes: [resourceGroup().id]
  }
}

// Who used which key, and when.
resource logs 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  scope: vault
  name: 'to-log-analytics'
  properties: {
    workspaceId: workspaceId
    logs: [{ category: 'AuditEvent', enabled: true }]
  }
}

module endpoint 'private-endpoint.bicep' = if (!isPublic) {
  params: {
    location: location
    tags: tags
    name: name
    networkName: networkName
    targetId: vault.id
    group: 'vault'
  }
  dependsOn: [keys]
}

@description('Its address.')
output endpoint string = vault.properties.vaultUri
