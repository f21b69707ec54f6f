// All Azure resources of one Tidemark environment.

targetScope = 'subscription'

import { archiveStorageName, hostStorageName, identityName, keyVaultName } from 'tidemark/names.bicep'
import { Shape } from 'tidemark/types.bicep'

@description('The name of the environment. The resource group and all other names contain it.')
@minLength(1)
@maxLength(64)
param environmentName string

@description('The region of all resources, such as westeurope.')
@minLength(1)
param location string

@description('Sizes, always-ready instances and network access: shapes.bicep.')
param shape Shape

@description('The object id of a person or pipeline that gets the services\' rights on data. Empty: nobody.')
param principalId string = ''

@description('The type of principalId. Empty: Azure looks it up.')
param principalType '' | 'User' | 'Group' | 'ServicePrincipal' = ''

@description('The client id of the app registration for the services\' tokens. Empty: only function keys protect them.')
param apiClientId string = ''

@description('The address that alerts are sent to. Empty: only the portal shows them.')
param alertEmail string = ''

@description('The OTLP address for traces and metrics, beside Application Insights. Empty: none are sent.')
param otlpEndpoint string = ''

@description('The services, separated by commas, whose archive policy was locked by hand: no deployment writes it.')
param lockedAnchors string = ''

@description('The throughput units that auto-inflate has reached: npm run cloud:units reads them. 0: unknown.')
@minValue(0)
param eventHubsUnits int = 0

var abbreviations = loadJsonContent('tidemark/abbreviations.json')
var topology = loadJsonContent('topology.json')
var resourceToken = toLower(uniqueString(subscription().id, environmentName, location))
var tags = { 'azd-env-name': environmentName }

// Modules receive names, not each other's outputs. A name is known before a deployment, so what-if and the
// snapshots see more.
// The name of the virtual network of all resources. Empty: there is none.
var networkName = shape.network == 'private' ? '${abbreviations.virtualNetwork}${resourceToken}' : ''
var namespaceName = '${abbreviations.eventHubsNamespace}${resourceToken}'
var accountName = '${abbreviations.cosmos}${resourceToken}'
var applicationInsightsName = '${abbreviations.applicationInsights}${resourceToken}'
var workspaceName = '${abbreviations.logAnalytics}${resourceToken}'

// The services with personal data: each has a container of keys.
var keyOwners = map(
  filter(
    topology.databases,
    database => contains(map(database.containers, container => container.name), 'keys')
  ),
  database => database.name
)
// The name of the key vault. Empty: there is none.
var vaultName = empty(keyOwners) ? '' : keyVaultName(resourceToken)

resource group 'Microsoft.Resources/resourceGroups@2024-11-01' = {
  name: '${abbreviations.resourceGroup}${environmentName}'
  location: location
  tags: tags
}

module monitor 'tidemark/modules/monitor.bicep' = {
  scope: group
  params: {
    location: location
    tags: tags
    workspaceName: workspaceName
    applicationInsightsName: applicationInsightsName
    logDays: shape.logDays
    networkName: networkName
  }
  dependsOn: [network]
}

// monitor.bicep creates it. Referenced by name, so its id is known before a deployment.
resource workspace 'Microsoft.OperationalInsights/workspaces@2025-07-01' existing = {
  scope: group
  name: workspaceName
}

module network 'tidemark/modules/network.bicep' = if (!empty(networkName)) {
  scope: group
  params: {
    location: location
    tags: tags
    name: networkName
    services: map(topology.services, service => service.name)
  }
}

module archive 'tidemark/modules/archive.bicep' = {
  scope: group
  params: {
    location: location
    tags: tags
    name: archiveStorageName(resourceToken)
    sku: shape.storage
    services: map(filter(topology.services, service => service.hasLog), service => service.name)
    anchorDays: shape.anchorDays
    isLocked: shape.isLocked
    locked: split(lockedAnchors, ',')
    networkName: networkName
    workspaceId: workspace.id
  }
  dependsOn: [monitor]
}

module eventHubs 'tidemark/modules/event-hubs.bicep' = {
  scope: group
  params: {
    location: location
    tags: tags
    name: namespaceName
    size: shape.eventHubs
    eventHubs: topology.eventHubs
    units: eventHubsUnits
    networkName: networkName
    workspaceId: workspace.id
  }
  dependsOn: [monitor]
}

module cosmos 'tidemark/modules/cosmos.bicep' = {
  scope: group
  params: {
    location: location
    tags: tags
    name: accountName
    size: shape.cosmos
    isLocked: shape.isLocked
    networkName: networkName
    workspaceId: workspace.id
  }
  dependsOn: [monitor]
}

// One after the other: Cosmos DB may refuse one of two simultaneous changes to an account.
@batchSize(1)
module databases 'tidemark/modules/cosmos-database.bicep' = [
  for (service, index) in topology.services: {
    scope: group
    params: {
      accountName: accountName
      database: topology.databases[index]
      lists: service.lists
      size: shape.cosmos
    }
    dependsOn: [cosmos]
  }
]

module keyVault 'tidemark/modules/key-vault.bicep' = if (!empty(vaultName)) {
  scope: group
  params: {
    location: location
    tags: tags
    name: vaultName
    services: keyOwners
    isLocked: shape.isLocked
    networkName: networkName
    workspaceId: workspace.id
  }
  dependsOn: [monitor]
}

module identities 'tidemark/modules/identities.bicep' = {
  scope: group
  params: {
    location: location
    tags: tags
    names: map(topology.services, service => identityName(service.name, resourceToken))
  }
}

// A service's own resources: its identity's rights, its storage, its app. One after the other: see
// cosmos.bicep.
@batchSize(1)
module services 'tidemark/modules/service.bicep' = [
  for (service, index) in topology.services: {
    scope: group
    params: {
      location: location
      tags: tags
      service: service
      containers: topology.databases[index].containers
      resourceToken: resourceToken
      apps: shape.apps
      storage: shape.storage
      namespaceName: namespaceName
      accountName: accountName
      vaultName: vaultName
      applicationInsightsName: applicationInsightsName
      apiClientId: apiClientId
      otlpEndpoint: otlpEndpoint
      networkName: networkName
      workspaceId: workspace.id
    }
    dependsOn: [archive, databases, eventHubs, identities, keyVault]
  }
]

// Gives a developer the services' rights, to run them on a laptop against this environment.
@batchSize(1)
module developers 'tidemark/modules/access.bicep' = [
  for (service, index) in topology.services: if (!empty(principalId)) {
    scope: group
    params: {
      principalId: principalId
      principalType: principalType
      // Without grants: the owner of a granted key is among these services. Nor the archives of others: whoever
      // may add to every archive may read each of them.
      service: { ...service, readsKeysOf: [], readsArchivesOf: [] }
      containers: topology.databases[index].containers
      namespaceName: namespaceName
      accountName: accountName
      storageName: hostStorageName(service.name, resourceToken)
      archiveName: archiveStorageName(resourceToken)
      vaultName: vaultName
      applicationInsightsName: applicationInsightsName
    }
    dependsOn: [services]
  }
]

module alerts 'tidemark/modules/alerts.bicep' = {
  scope: group
  params: {
    location: location
    tags: tags
    name: '${abbreviations.actionGroup}${resourceToken}'
    email: alertEmail
    hubs: map(topology.eventHubs, hub => hub.name)
    // Only services with the view `canary` can be sent canaries.
    canaries: shape.apps.canaries
      ? map(
          filter(
            topology.databases,
            database => contains(map(database.containers, container => container.name), 'canary')
          ),
          database => database.name
        )
      : []
    namespaceName: namespaceName
    accountName: accountName
    applicationInsightsName: applicationInsightsName
    workspaceId: workspace.id
  }
  dependsOn: [eventHubs, cosmos]
}

module workbook 'tidemark/modules/workbook.bicep' = {
  scope: group
  params: {
    location: location
    tags: tags
    workspaceId: workspace.id
    namespaceName: namespaceName
    accountName: accountName
  }
  dependsOn: [eventHubs, cosmos]
}

@description('The region of all resources.')
output AZURE_LOCATION string = location

@description('The resource group of all resources.')
output AZURE_RESOURCE_GROUP string = group.name

@description('The value of EventHubConnection__fullyQualifiedNamespace.')
output EVENT_HUBS_NAMESPACE string = eventHubs.outputs.host

@description('The value of CosmosConnection__accountEndpoint.')
output COSMOS_ENDPOINT string = cosmos.outputs.endpoint

@description('The value of ArchiveStorage__blobServiceUri.')
output ARCHIVE_ENDPOINT string = archive.outputs.blobEndpoint

@description('The value of PersonalKeys__vaultUri. Empty: no service has personal data.')
output KEY_VAULT_ENDPOINT string = keyVault.?outputs.endpoint ?? ''

@description('The services, each with its app\'s name and address and its host storage\'s blob endpoint.')
output SERVICES { name: string, app: string, address: string, blobEndpoint: string }[] = [
  for (service, index) in topology.services: {
    name: service.name
    app: services[index].outputs.appName
    address: services[index].outputs.address
    blobEndpoint: services[index].outputs.blobEndpoint
  }
]
