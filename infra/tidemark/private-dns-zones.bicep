// The list of private DNS zones: network.bicep creates them, private-endpoint.bicep adds records to them.
// These are the zones of the public cloud; other clouds have others:
// https://learn.microsoft.com/azure/private-link/private-endpoint-dns
// Each is a literal. The value of environment() is known only in a deployment, so what-if could not show it.

@export()
@description('The part of a resource that a private endpoint connects to: its "target sub-resource".')
type PrivateLinkGroup = 'azuremonitor' | 'blob' | 'namespace' | 'sites' | 'Sql' | 'vault'

#disable-next-line no-hardcoded-env-urls
var blob = 'privatelink.blob.core.windows.net'

@export()
@description('The DNS zones of a private endpoint\'s names, by its group.')
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
  vault: ['privatelink.vaultcore.azure.net']
}

@export()
@description('All zones, each once.')
var zones = union(flatten(map(items(zonesOf), group => group.value)), [])
