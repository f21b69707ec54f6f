// A microservice: its storage, its identity's rights and its app. Services share only an account and a
// namespace, and each has access only to its own part.

import { archiveStorageName, hostStorageName, identityName } from '../names.bicep'
import { Container, Service, Shape, Tags } from '../types.bicep'

@description('The region of all resources.')
param location string

@description('The tags of all resources.')
param tags Tags

@description('The service.')
param service Service

@description('The containers of its database, which has the service\'s name.')
param containers Container[]

@description('The part that makes names unique.')
param resourceToken string

@description('The app\'s instance sizes and always-ready instances.')
param apps Shape.apps

@description('How its storage is replicated.')
param storage Shape.storage

@description('The name of the Event Hubs namespace.')
param namespaceName string

@description('The name of the Cosmos DB account.')
param accountName string

@description('The name of the key vault. Empty: no service has personal data.')
param vaultName string = ''

@description('The name of Application Insights.')
param applicationInsightsName string

@description('The client id of the app registration for its tokens. Empty: only function keys protect it.')
param apiClientId string

@description('The OTLP address for traces and metrics. Empty: none are sent.')
param otlpEndpoint string

@description('The name of the virtual network. Empty: there is none.')
param networkName string

@description('The resource id of the Log Analytics workspace.')
param workspaceId string

var abbreviations = loadJsonContent('../abbreviations.json')
var storageName = hostStorageName(service.name, resourceToken)
var archiveName = archiveStorageName(resourceToken)
var hasKeys = contains(map(containers, container => container.name), 'keys')
var usesKeys = hasKeys || !empty(service.?readsKeysOf ?? [])

resource identity 'Microsoft.ManagedIdentity/userAssignedIdentities@2024-11-30' existing = {
  name: identityName(service.name, resourceToken)
}

module hostStorage 'host-storage.bicep' = {
  params: {
    location: location
    tags: tags
    name: storageName
    sku: storage
    networkName: networkName
    workspaceId: workspaceId
  }
}

module access 'access.bicep' = {
  params: {
    principalId: identity.properties.principalId
    principalName: identity.name
    principalType: 'ServicePrincipal'
    service: service
    containers: containers
    namespaceName: namespaceName
    accountName: accountName
    storageName: storageName
    archiveName: archiveName
    vaultName: vaultName
    applicationInsightsName: applicationInsightsName
  }
  dependsOn: [hostStorage]
}

// Rights come first: without them the host does not start, and restarts again and again.
module app 'function-app.bicep' = {
  params: {
    location: location
    tags: tags
    name: '${abbreviations.functionApp}${service.name}-${resourceToken}'
    planName: '${abbreviations.plan}${service.name}-${resourceToken}'
    service: service
    apps: apps
    identityName: identity.name
    storageName: storageName
    archiveName: archiveName
    packageContainer: hostStorage.outputs.packageContainer
    namespaceName: namespaceName
    accountName: accountName
    vaultName: usesKeys ? vaultName : ''
    applicationInsightsName: applicationInsightsName
    apiClientId: apiClientId
    otlpEndpoint: otlpEndpoint
    networkName: networkName
    workspaceId: workspaceId
  }
  dependsOn: [access]
}

@description('The blob endpoint of its host storage: the value of AzureWebJobsStorage__blobServiceUri.')
output blobEndpoint string = hostStorage.outputs.blobEndpoint

@description('The name of its function app.')
output appName string = app.outputs.name

@description('The address where it answers HTTP.')
output address string = app.outputs.address
