// The function app of a microservice. A Flex Consumption plan has only one app, so each app has its own plan.
// https://learn.microsoft.com/azure/azure-functions/flex-consumption-plan

import { Service, Shape, Tags } from '../types.bicep'

@description('The region of all resources.')
param location string

@description('The tags of all resources.')
param tags Tags

@description('The name of the app.')
@maxLength(60)
param name string

@description('The name of its plan.')
param planName string

@description('The service that it runs.')
param service Service

@description('Its instance sizes and always-ready instances.')
param apps Shape.apps

@description('The name of its user-assigned identity.')
param identityName string

@description('The name of its host storage.')
param storageName string

@description('The container in that storage for its packages.')
param packageContainer string

@description('The name of the storage account of the archives.')
param archiveName string

@description('The name of the Event Hubs namespace.')
param namespaceName string

@description('The name of the Cosmos DB account.')
param accountName string

@description('The name of the key vault. Empty: the service neither has nor reads personal data.')
param vaultName string = ''

@description('The name of Application Insights.')
param applicationInsightsName string

@description('The client id of the app registration for its tokens. Empty: only function keys protect it.')
param apiClientId string

@description('The OTLP address for traces and metrics. Empty: none are sent.')
param otlpEndpoint string

@description('The name of the virtual network for its outgoing calls. Empty: there is none.')
param networkName string

@description('The resource id of the Log Analytics workspace.')
param workspaceId string

var abbreviations = loadJsonContent('../abbreviations.json')
var isPrivate = !empty(networkName)
var isPublic = apps.publicHttp || !isPrivate

// All HTTP functions scale together; each other function scales alone.
var alwaysReady = concat(
  [{ name: 'http', instanceCount: apps.alwaysReady.http }],
  service.hasLog
    ? [{ name: 'function:${service.functions.relay!}', instanceCount: apps.alwaysReady.relay }]
    : [],
  map(service.functions.projections, name => {
    name: 'function:${name}'
    instanceCount: apps.alwaysReady.projections
  }),
  map(service.functions.reactions, name => {
    name: 'function:${name}'
    instanceCount: apps.alwaysReady.reactions
  })
)

resource identity 'Microsoft.ManagedIdentity/userAssignedIdentities@2024-11-30' existing = {
  name: identityName
}

resource storage 'Microsoft.Storage/storageAccounts@2025-06-01' existing = {
  name: storageName
}

resource archive 'Microsoft.Storage/storageAccounts@2025-06-01' existing = {
  name: archiveName
}

resource namespace 'Microsoft.EventHub/namespaces@2024-01-01' existing = {
  name: namespaceName
}

resource account 'Microsoft.DocumentDB/databaseAccounts@2025-10-15' existing = {
  name: accountName
}

resource vault 'Microsoft.KeyVault/vaults@2024-11-01' existing = if (!empty(vaultName)) {
  name: vaultName
}

resource applicationInsights 'Microsoft.Insights/components@2020-02-02' existing = {
  name: applicationInsightsName
}

resource network 'Microsoft.Network/virtualNetworks@2025-05-01' existing = if (isPrivate) {
  name: networkName

  resource subnet 'subnets' existing = {
    name: '${abbreviations.subnet}${service.name}'
  }
}

resource plan 'Microsoft.Web/serverfarms@2025-03-01' = {
  name: planName
  location: location
  tags: tags
  kind: 'functionapp'
  sku: { name: 'FC1', tier: 'FlexConsumption' }
  properties: {
    reserved: true
    zoneRedundant: apps.zoneRedundant
  }
}

// Contains only properties that Flex Consumption accepts. It refuses siteConfig properties of other plans:
// test/infra/support/flex.ts has the list.
resource app 'Microsoft.Web/sites@2025-03-01' = {
  name: name
  location: location
  // azd finds the app of a service by this tag.
  tags: union(tags, { 'azd-service-name': service.name })
  kind: 'functionapp,linux'
  identity: {
    type: 'UserAssigned'
    userAssignedIdentities: { '${identity.id}': {} }
  }
  properties: {
    serverFarmId: plan.id
    httpsOnly: true
    publicNetworkAccess: isPublic ? 'Enabled' : 'Disabled'
    // On Flex Consumption all outgoing traffic goes through the subnet and its security group, without
    // another property.
    virtualNetworkSubnetId: isPrivate ? network::subnet.id : null
    functionAppConfig: {
      runtime: { name: 'node', version: '24' }
      deployment: {
        storage: {
          type: 'blobContainer'
          value: '${storage.properties.primaryEndpoints.blob}${packageContainer}'
          authentication: { type: 'UserAssignedIdentity', userAssignedIdentityResourceId: identity.id }
        }
      }
      scaleAndConcurrency: {
        instanceMemoryMB: apps.instanceMemoryMB
        maximumInstanceCount: apps.maximumInstances
        alwaysReady: filter(alwaysReady, entry => entry.instanceCount > 0)
      }
    }
    siteConfig: {
      minTlsVersion: '1.2'
      scmMinTlsVersion: '1.2'
      http20Enabled: true
      appSettings: concat(
        [
          // Only blobs: keys, timer leases and checkpoints. Queues are for blob triggers, and there are none.
          // Without tables the host does not write its diagnostic events, which are also in the logs.
          // https://learn.microsoft.com/azure/azure-functions/functions-reference#connecting-to-host-storage-with-an-identity
          { name: 'AzureWebJobsStorage__blobServiceUri', value: storage.properties.primaryEndpoints.blob }
          { name: 'AzureWebJobsStorage__credential', value: 'managedidentity' }
          { name: 'AzureWebJobsStorage__clientId', value: identity.properties.clientId }
          {
            name: 'EventHubConnection__fullyQualifiedNamespace'
            // https://<namespace>.<suffix>:443/
            value: split(split(namespace.properties.serviceBusEndpoint, '//')[1], ':')[0]
          }
          { name: 'EventHubConnection__credential', value: 'managedidentity' }
          { name: 'EventHubConnection__clientId', value: identity.properties.clientId }
          { name: 'CosmosConnection__accountEndpoint', value: account.properties.documentEndpoint }
          { name: 'CosmosConnection__credential', value: 'managedidentity' }
          { name: 'CosmosConnection__clientId', value: identity.properties.clientId }
          { name: 'ArchiveStorage__blobServiceUri', value: archive.properties.primaryEndpoints.blob }
          { name: 'ArchiveStorage__clientId', value: identity.properties.clientId }
          // Not a secret: local authentication is off. It only names the target; the identity authenticates.
          { name: 'APPLICATIONINSIGHTS_CONNECTION_STRING', value: applicationInsights.properties.ConnectionString }
          {
            name: 'APPLICATIONINSIGHTS_AUTHENTICATION_STRING'
            value: 'ClientId=${identity.properties.clientId};Authorization=AAD'
          }
          { name: 'TIDEMARK_QUERY_WAIT_MS', value: string(apps.queryWait) }
          { name: 'TIDEMARK_SCHEDULE_POLL_S', value: string(apps.schedulePoll) }
          { name: 'TIDEMARK_CANARY', value: apps.canaries ? 'true' : 'false' }
        ],
        empty(vaultName)
          ? []
          : [
              { name: 'PersonalKeys__vaultUri', value: vault!.properties.vaultUri }
              { name: 'PersonalKeys__clientId', value: identity.properties.clientId }
            ],
        empty(otlpEndpoint) ? [] : [{ name: 'OTEL_EXPORTER_OTLP_ENDPOINT', value: otlpEndpoint }]
      )
    }
  }

  // Packages are deployed with Entra tokens; an anonymous publishing password would be another way in.
  // The app's subresources are written one after the other, because Azure may refuse one of two simultaneous
  // changes to an app (409, "another operation is in progress").
  resource ftp 'basicPublishingCredentialsPolicies' = {
    name: 'ftp'
    properties: { allow: false }
  }

  resource scm 'basicPublishingCredentialsPolicies' = {
    name: 'scm'
    properties: { allow: false }
    dependsOn: [ftp]
  }

  // No path is open, not even the contract's (openapi.json). A caller without access does not need it, and
  // developers have the contract in the repository.
  resource authentication 'config' = if (!empty(apiClientId)) {
    name: 'authsettingsV2'
    properties: {
      platform: { enabled: true, runtimeVersion: '~1' }
      globalValidation: {
        requireAuthentication: true
        unauthenticatedClientAction: 'Return401'
      }
      httpSettings: { requireHttps: true }
      identityProviders: {
        azureActiveDirectory: {
          enabled: true
          registration: {
            clientId: apiClientId
            // Tokens of version 2: the registration sets api.requestedAccessTokenVersion to 2.
            openIdIssuer: '${environment().authentication.loginEndpoint}${tenant().tenantId}/v2.0'
          }
          // The audience of a version 2 token is always the id; a caller requests it by the URI.
          validation: { allowedAudiences: [apiClientId, 'api://${apiClientId}'] }
        }
      }
      // The app only checks tokens. It has no sessions that would need a token store.
      login: { tokenStore: { enabled: false } }
    }
    dependsOn: [scm]
  }
}

resource diagnostics 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  scope: app
  name: 'to-log-analytics'
  properties: {
    workspaceId: workspaceId
    logs: [{ category: 'FunctionAppLogs', enabled: true }]
    metrics: [{ category: 'AllMetrics', enabled: true }]
  }
}

// Also needed if the app answers the internet. The Functions host reports its triggers to the platform by
// calling the app's own name. The subnet blocks outgoing calls, so that name must resolve to a private
// address. Without it the app is deployed but never scaled.
// https://techcommunity.microsoft.com/blog/appsonazureblog/network-related-issues-for-function-app-synctriggers/4205866
module privateEndpoint 'private-endpoint.bicep' = if (isPrivate) {
  params: {
    location: location
    tags: tags
    name: name
    networkName: networkName
    targetId: app.id
    group: 'sites'
  }
  dependsOn: [app::scm, app::authentication]
}

@description('The name of the app.')
output name string = app.name

@description('The address where it answers HTTP.')
output address string = 'https://${app.properties.defaultHostName}'
