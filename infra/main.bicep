// Everything that Tidemark runs on in Azure, for one environment.

targetScope = 'subscription'

import { hostStorageName, identityName } from 'tidemark/names.bicep'
import { Shape } from 'tidemark/types.bicep'

@description('The name of the environment: of the resource group, and a part of all names.')
@minLength(1)
@maxLength(64)
param environmentName string

@description('The region of everything, such as westeurope.')
@minLength(1)
param location string

@description('How large, how warm, how closed off: shapes.bicep.')
param shape Shape

@description('The object id of a person or a pipeline that may do with the data what the services may, to run them locally. Empty: nobody.')
param principalId string = ''

@description('What principalId is. Empty: Azure looks it up.')
param principalType '' | 'User' | 'Group' | 'ServicePrincipal' = ''

@description('The client id of the app registration whose tokens the services take. Empty: function keys alone stand before them.')
param apiClientId string = ''

@description('Where alerts are sent. Empty: they are shown in the portal alone.')
param alertEmail string = ''

@description('The address that traces and metrics are sent to by OTLP, beside Application Insights. Empty: they are not.')
param otlpEndpoint string = ''

@description('The services whose anchors\' policy somebody locked by hand, with commas between: it cannot be written any more, not even as it is.')
param lockedAnchors string = ''

@description('The throughput units that auto-inflate has come to, which a deployment leaves alone: npm run cloud:units reads them. 0: none are known.')
@minValue(0)
param eventHubsUnits int = 0

var abbreviations = loadJsonContent('tidemark/abbreviations.json')
var topology = loadJsonContent('topology.json')
var resourceToken = toLower(uniqueString(subscription().id, environmentName, location))
var tags = { 'azd-env-name': environmentName }

// Modules are given names, not each other's outputs: a name is known before a deployment, so that what-if and
// the snapshots can look further. The name of the virtual network everything is reached in; empty: there is
// none.
var networkName = shape.network == 'private' ? '${abbreviations.virtualNetwork}${resourceToken}' : ''
var namespaceName = '${abbreviations.eventHubsNamespace}${resourceToken}'
var accountName = '${abbreviations.cosmos}${resourceToken}'
var applicationInsightsName = '${abbreviations.applicationInsights}${resourceToken}'
var workspaceName = '${abbreviations.logAnalytics}${resourceToken}'

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

// By name, so that what is deployed is known before anything is: monitor.bicep makes it.
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

module anchors 'tidemark/modules/anchors.bicep' = {
  scope: group
  params: {
    location: location
    tags: tags
    name: '${abbreviations.storage}anchors${resourceToken}'
    sku: shape.storage
    services: map(topology.services, service => service.name)
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

// One after the other: of two changes to one account at a time, one may be refused.
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

module identities 'tidemark/modules/identities.bicep' = {
  scope: group
  params: {
    location: location
    tags: tags
    names: map(topology.services, service => identityName(service.name, resourceToken))
  }
}

// What a service has for itself: all that its identity may do, its storage, its app. One after the other:
// cosmos.bicep says why.
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
      applicationInsightsName: applicationInsightsName
      apiClientId: apiClientId
      otlpEndpoint: otlpEndpoint
      networkName: networkName
      workspaceId: workspace.id
    }
    dependsOn: [databases, eventHubs, identities]
  }
]

// For whoever runs the services on a laptop against this environment: the same rights, service by service.
@batchSize(1)
module developers 'tidemark/modules/access.bicep' = [
  for (service, index) in topology.services: if (!empty(principalId)) {
    scope: group
    params: {
      principalId: principalId
      principalType: principalType
      service: service
      containers: topology.databases[index].containers
      namespaceName: namespaceName
      accountName: accountName
      storageName: hostStorageName(service.name, resourceToken)
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
    // A service can be sent canaries where it has the view that they are seen in.
    canaries: shape.apps.canaries
      ? map(
          filter(topology.databases, database => contains(map(database.containers, container => container.name), 'canary')),
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

@description('The region of everything.')
output AZURE_LOCATION string = location

@description('The resource group of everything.')
output AZURE_RESOURCE_GROUP string = group.name

@description('What EventHubConnection__fullyQualifiedNamespace is.')
output EVENT_HUBS_NAMESPACE string = eventHubs.outputs.host

@description('What CosmosConnection__accountEndpoint is.')
output COSMOS_ENDPOINT string = cosmos.outputs.endpoint

@description('The services: each with the name and address of its app, and the blob endpoint of its host storage.')
output SERVICES { name: string, app: string, address: string, blobEndpoint: string }[] = [
  for (service, index) in topology.services: {
    name: service.name
    app: services[index].outputs.appName
    address: services[index].outputs.address
    blobEndpoint: services[index].outputs.blobEndpoint
  }
]
