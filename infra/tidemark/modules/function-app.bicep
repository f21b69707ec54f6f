// The function app of a microservice, on a Flex Consumption plan of its own: one such plan has one app.
// https://learn.microsoft.com/azure/azure-functions/flex-consumption-plan

import { Service, Shape, Tags } from '../types.bicep'

@description('The region of everything.')
param location string

@description('Tags of everything.')
param tags Tags

@description('The name of the app.')
@maxLength(60)
param name string

@description('The name of its plan.')
param planName string

@description('The service that it runs.')
param service Service

@description('How large and how warm it is.')
param apps Shape.apps

@description('The name of its user-assigned identity.')
param identityName string

@description('The name of its host storage.')
param storageName string

@description('The container of that storage that its packages are deployed to.')
param packageContainer string

@description('The name of the Event Hubs namespace.')
param namespaceName string

@description('The name of the Cosmos DB account.')
param accountName string

@description('The name of Application Insights.')
param applicationInsightsName string

@description('The client id of the app registration whose tokens it takes. Empty: function keys alone stand before it.')
param apiClientId string

@description('The address that traces and metrics are sent to by OTLP. Empty: they are not.')
param otlpEndpoint string

@description('The name of the virtual network that it calls through. Empty: there is none.')
param networkName string

@description('The resource id of the Log Analytics workspace.')
param workspaceId string

var abbreviations = loadJsonContent('../abbreviations.json')
var isPrivate = !empty(networkName)
var isPublic = apps.publicHttp || !isPrivate

// All HTTP functions scale together, each of the others alone.
var alwaysReady = concat(
  [{ name: 'http', instanceCount: apps.alwaysReady.http }],
  [{ name: 'function:${service.functions.relay}', instanceCount: apps.alwaysReady.relay }],
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

resource namespace 'Microsoft.EventHub/namespaces@2024-01-01' existing = {
  name: namespaceName
}

resource account 'Microsoft.DocumentDB/databaseAccounts@2025-10-15' existing = {
  name: accountName
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

// Only what Flex Consumption takes: of its siteConfig it refuses what other plans want.
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
    // On Flex Consumption all that the app sends goes through its subnet, and is seen by the security group
    // there: no property asks for it.
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
          // Blobs alone: keys, leases of timers and checkpoints. Queues are for blob triggers, of which there
          // are none; without tables the host leaves its diagnostic events, which are in the logs as well,
          // unwritten.
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
          // No secret: local authentication is off, so it says where to, and the identity says who.
          { name: 'APPLICATIONINSIGHTS_CONNECTION_STRING', value: applicationInsights.properties.ConnectionString }
          {
            name: 'APPLICATIONINSIGHTS_AUTHENTICATION_STRING'
            value: 'ClientId=${identity.properties.clientId};Authorization=AAD'
          }
          { name: 'TIDEMARK_QUERY_WAIT_MS', value: string(apps.queryWait) }
          { name: 'TIDEMARK_SCHEDULE_POLL_S', value: string(apps.schedulePoll) }
          { name: 'TIDEMARK_CANARY', value: apps.canaries ? 'true' : 'false' }
        ],
        empty(otlpEndpoint) ? [] : [{ name: 'OTEL_EXPORTER_OTLP_ENDPOINT', value: otlpEndpoint }]
      )
    }
  }

  // Packages are deployed with tokens of Entra; a publishing password would be another way in, with nobody's
  // name on it. This and what else is of the app, one after the other: of two changes to one app at a time,
  // one may be refused (409, "another operation is in progress").
  resource ftp 'basicPublishingCredentialsPolicies' = {
    name: 'ftp'
    properties: { allow: false }
  }

  resource scm 'basicPublishingCredentialsPolicies' = {
    name: 'scm'
    properties: { allow: false }
    dependsOn: [ftp]
  }

  // No path is left open, the contract's (openapi.json) neither: who may not call a service need not know
  // what it takes, and whoever builds against it has the contract in the repository.
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
            // Tokens of version 2: the registration has api.requestedAccessTokenVersion 2.
            openIdIssuer: '${environment().authentication.loginEndpoint}${tenant().tenantId}/v2.0'
          }
          // A token of version 2 is for the id itself, whatever the caller asked for; by the URI it is asked for.
          validation: { allowedAudiences: [apiClientId, 'api://${apiClientId}'] }
        }
      }
      // It only checks tokens: there is no session that a token would have to be kept for.
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

// Also where it answers the internet: the Functions host tells the platform of its triggers by a call to the
// app's own name, which has to lead to an address inside, as the subnet lets no call out. Without it the app
// is deployed and never scaled.
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

@description('Where it answers HTTP.')
output address string = 'https://${app.properties.defaultHostName}'
