// A private endpoint: an address in the virtual network that is the resource, and the names under which it is
// found there.

import { PrivateLinkGroup, zonesOf } from '../private-dns-zones.bicep'
import { Tags } from '../types.bicep'

@description('The region of the virtual network.')
param location string

@description('Tags of everything.')
param tags Tags

@description('The name of the resource that it leads to; the name of the endpoint is made of it.')
param name string

@description('The name of the virtual network that network.bicep made.')
@minLength(1)
param networkName string

@description('The id of the resource that it leads to.')
param targetId string

@description('What of the resource it leads to.')
param group PrivateLinkGroup

var abbreviations = loadJsonContent('../abbreviations.json')
var endpointName = '${abbreviations.privateEndpoint}${name}'

resource network 'Microsoft.Network/virtualNetworks@2025-05-01' existing = {
  name: networkName

  resource subnet 'subnets' existing = {
    name: '${abbreviations.subnet}private-endpoints'
  }
}

resource zones 'Microsoft.Network/privateDnsZones@2024-06-01' existing = [
  for zone in zonesOf[group]: {
    name: zone
  }
]

resource endpoint 'Microsoft.Network/privateEndpoints@2025-05-01' = {
  name: endpointName
  location: location
  tags: tags
  properties: {
    subnet: { id: network::subnet.id }
    customNetworkInterfaceName: '${endpointName}-nic'
    privateLinkServiceConnections: [
      {
        name: name
        properties: {
          privateLinkServiceId: targetId
          groupIds: [group]
        }
      }
    ]
  }

  resource names 'privateDnsZoneGroups' = {
    name: 'default'
    properties: {
      privateDnsZoneConfigs: [
        for (zone, index) in zonesOf[group]: {
          name: replace(zone, '.', '-')
          properties: { privateDnsZoneId: zones[index].id }
        }
      ]
    }
  }
}
