// The store of logs, traces and metrics: a Log Analytics workspace, and Application Insights on top of it.
// Both accept data only with an Entra token. A connection string alone opens nothing, though it looks like a
// secret.

import { Tags } from '../types.bicep'

@description('The region of all resources.')
param location string

@description('The tags of all resources.')
param tags Tags

@description('The name of the Log Analytics workspace.')
param workspaceName string

@description('The name of Application Insights.')
param applicationInsightsName string

@description('Retention of logs in days.')
@minValue(30)
@maxValue(730)
param logDays int

@description('The virtual network that data arrives through. Empty: it arrives from everywhere.')
param networkName string

var abbreviations = loadJsonContent('../abbreviations.json')

var ingestion = empty(networkName) ? 'Enabled' : 'Disabled'
// People read logs in the portal from outside the network; Entra decides who may. Disabling this would close
// the portal, the alerts' links and the workbook to them, and protect nothing that role assignments do not.
var query = 'Enabled'

resource workspace 'Microsoft.OperationalInsights/workspaces@2025-07-01' = {
  name: workspaceName
  location: location
  tags: tags
  properties: {
    sku: { name: 'PerGB2018' }
    retentionInDays: logDays
    features: {
      disableLocalAuth: true
      // A user who may read a resource may read its logs, and no others.
      enableLogAccessUsingOnlyResourcePermissions: true
    }
    // No daily cap. Once reached, a cap stops logs and their alerts for the rest of the day, usually during
    // the incident that needs them. A budget on the resource group warns about the cost and stops nothing.
    publicNetworkAccessForIngestion: ingestion
    publicNetworkAccessForQuery: query
  }
}

// Queries of the workspace. The platform delivers resource logs, whatever publicNetworkAccessForIngestion
// says.
resource audit 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  scope: workspace
  name: 'to-log-analytics'
  properties: {
    workspaceId: workspace.id
    logs: [{ category: 'Audit', enabled: true }]
    metrics: [{ category: 'AllMetrics', enabled: true }]
  }
}

resource applicationInsights 'Microsoft.Insights/components@2020-02-02' = {
  name: applicationInsightsName
  location: location
  tags: tags
  kind: 'web'
  properties: {
    Application_Type: 'web'
    WorkspaceResourceId: workspace.id
    IngestionMode: 'LogAnalytics'
    DisableLocalAuth: true
    publicNetworkAccessForIngestion: ingestion
    publicNetworkAccessForQuery: query
  }
}

// Private access to Azure Monitor covers all of it. The scope says which workspaces the network reaches, and
// that it writes to no others.
// https://learn.microsoft.com/azure/azure-monitor/fundamentals/private-link-security
resource privateLinkScope 'Microsoft.Insights/privateLinkScopes@2021-09-01' = if (!empty(networkName)) {
  name: '${abbreviations.monitorPrivateLinkScope}${networkName}'
  location: 'global'
  tags: tags
  properties: {
    accessModeSettings: {
      ingestionAccessMode: 'PrivateOnly'
      // As for `query` above. Also, closed access would stop networks that share this one's DNS from reading
      // any workspace outside the scope.
      queryAccessMode: 'Open'
    }
  }

  resource scopedWorkspace 'scopedResources' = {
    name: workspaceName
    properties: { linkedResourceId: workspace.id }
  }

  // A scope accepts one change at a time.
  resource scopedApplicationInsights 'scopedResources' = {
    name: applicationInsightsName
    properties: { linkedResourceId: applicationInsights.id }
    dependsOn: [scopedWorkspace]
  }
}

module privateEndpoint 'private-endpoint.bicep' = if (!empty(networkName)) {
  params: {
    location: location
    tags: tags
    name: privateLinkScope.name
    networkName: networkName
    targetId: privateLinkScope.id
    group: 'azuremonitor'
  }
  dependsOn: [privateLinkScope::scopedApplicationInsights]
}
