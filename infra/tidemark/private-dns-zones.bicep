// The one list of private DNS zones: network.bicep makes them, private-endpoint.bicep writes into them. They
// are those of the public cloud; other clouds have others:
// https://learn.microsoft.com/azure/private-link/private-endpoint-dns Each is spelled out, also where
// environment() could say a part: what that says is known in a deployment alone, and nothing here could be
// looked at before.

@export()
@description('What of a resource a private endpoint leads to: its "target sub-resource".')
type PrivateLinkGroup = 'azuremonitor' | 'blob' | 'namespace' | 'sites' | 'Sql'

#disable-next-line no-hardcoded-env-urls
var blob = 'privatelink.blob.core.windows.net'

@export()
@description('The zones in which the names of a private endpoint are, by its group.')
var zonesOf = {
  azuremonitor: [
    'privatelink.monitor.azure.com'
    'privatelink.oms.opinsights.azure.com'
    'privatelink.ods.opinsights.azure.com'
    'privatelink.agentsvc.azure-automation.net'
    blob
  ]
  blob: [blob]
  namespace: ['privatelink.servicebus.windows.net']
  sites: ['privatelink.azurewebsites.net']
  Sql: ['privatelink.documents.azure.com']
}

@export()
@description('All of them, each once.')
var zones = union(flatten(map(items(zonesOf), group => group.value)), [])
