// The status page in the portal: under Workbooks of the Log Analytics workspace. workbook.json has its
// content, as the portal's editor writes it, with placeholders for resource ids.

import { Tags } from '../types.bicep'

@description('The region of the workbook.')
param location string

@description('The tags of all resources.')
param tags Tags

@description('The resource id of the Log Analytics workspace.')
param workspaceId string

@description('The name of the Event Hubs namespace.')
param namespaceName string

@description('The name of the Cosmos DB account.')
param accountName string

resource namespace 'Microsoft.EventHub/namespaces@2024-01-01' existing = {
  name: namespaceName
}

resource account 'Microsoft.DocumentDB/databaseAccounts@2025-10-15' existing = {
  name: accountName
}

var page = reduce(
  [
    { open: '__WORKSPACE__', id: workspaceId }
    { open: '__NAMESPACE__', id: namespace.id }
    { open: '__ACCOUNT__', id: account.id }
  ],
  loadTextContent('workbook.json'),
  (text, resource) => replace(text, resource.open, resource.id)
)

resource workbook 'Microsoft.Insights/workbooks@2023-06-01' = {
  name: guid(resourceGroup().id, 'tidemark')
  location: location
  tags: tags
  kind: 'shared'
  properties: {
    displayName: 'Tidemark'
    category: 'workbook'
    sourceId: workspaceId
    version: '1.0'
    serializedData: page
  }
}
