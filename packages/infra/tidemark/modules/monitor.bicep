// Where logs, traces and metrics go: a Log Analytics workspace, and Application Insights on top of it. Both
// take data from those alone whom Entra knows: a connection string by itself, though it reads like a secret,
// opens nothing.

import { Tags } from '../types.bicep'

@description('The region of everything.')
param location string

@description('Tags of everything.')
param tags Tags

@description('The name of the Log Analytics workspace.')
param workspaceName string

@description('The name of Application Insights.')
param applicationInsightsName string

@description('Days for which logs are kept.')
@minValue(30)
@maxValue(730)
param logDays int

@description('The virtual network that data comes in through. Empty: it comes in from everywhere.')
param networkName string

var abbreviations = loadJsonContent('../abbreviations.json')

var ingestion = empty(networkName) ? 'Enabled' : 'Disabled'
// People read logs in the portal, from where they sit; Entra decides which of them may. Closing this would
// close the portal, the alerts' links and the workbook to everyone outside of the network, and protect
// nothing that a role assignment does not.
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
      // Whoever may read a resource may read its logs, and no others.
      enableLogAccessUsingOnlyResourcePermissions: true
    }
    // No daily cap: reached, it stops logs and the alerts on them for the rest of the day, and what reaches
    // it is most often the very incident that they are needed for. A budget on the resource group says the
    // same about the money and stops nothing.
    publicNetworkAccessForIngestion: ingestion
    publicNetworkAccessForQuery: query
  }
}

// Who asked the workspace what. Resource logs come in on the platform's own way, whatever the access for ingestion is.
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

// Azure Monitor is reached privately as a whole: the scope says which workspaces the network sees, and that
// it writes to no other.
// https://learn.microsoft.com/azure/azure-monitor/fundamentals/private-link-security
resource privateLinkScope 'Microsoft.Insights/privateLinkScopes@2021-09-01' = if (!empty(networkName)) {
  name: '${abbreviations.monitorPrivateLinkScope}${networkName}'
  location: 'global'
  tags: tags
  properties: {
    accessModeSettings: {
      ingestionAccessMode: 'PrivateOnly'
      // As for `query` above, and for networks that share this one's DNS: closed, they could not read any
      // workspace outside of the scope.
      queryAccessMode: 'Open'
    }
  }

  resource scopedWorkspace 'scopedResources' = {
    name: workspaceName
    properties: { linkedResourceId: workspace.id }
  }

  // A scope takes one change at a time.
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
