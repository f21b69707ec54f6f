// A private endpoint: a resource's address in the virtual network, and its names there.

import { PrivateLinkGroup, zonesOf } from '../private-dns-zones.bicep'
import { Tags } from '../types.bicep'

@description('The region of the virtual network.')
param location string

@description('The tags of all resources.')
param tags Tags

@description('The name of the target resource. The endpoint\'s name is made of it.')
param name string

@description('The name of the virtual network that network.bicep creates.')
@minLength(1)
param networkName string

@description('The id of the target resource.')
param targetId string

@description('The part of the resource that it connects to.')
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
