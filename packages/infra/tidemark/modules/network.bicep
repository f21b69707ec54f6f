// The virtual network. Each service has a subnet for its app's outgoing calls. One more subnet has the
// private endpoints of all resources. Private DNS zones resolve the resources' names to these endpoints.

import { zones } from '../private-dns-zones.bicep'
import { Tags } from '../types.bicep'

@description('The region of the network.')
param location string

@description('The tags of all resources.')
param tags Tags

@description('The name of the network.')
@minLength(1)
param name string

@description('The services in order. A new one comes last, because a used subnet cannot move.')
@maxLength(255)
param services string[]

@description('The network\'s addresses. They must not overlap with peered networks. Each subnet takes 256.')
param addressSpace string = '10.0.0.0/16'

var abbreviations = loadJsonContent('../abbreviations.json')

// The subnet and its security group share this name.
var endpoints = 'private-endpoints'
// The first addresses, so that a new service moves nothing.
var endpointAddresses = cidrSubnet(addressSpace, 24, 0)
// HTTPS, and AMQP over TLS to Event Hubs. Cosmos DB is used only in gateway mode, over HTTPS: host.json and
// the Node SDK set it. Direct mode would need all ports.
// https://learn.microsoft.com/azure/cosmos-db/how-to-configure-private-endpoints
var endpointPorts = ['443', '5671']

resource endpointsGuard 'Microsoft.Network/networkSecurityGroups@2025-05-01' = {
  name: '${abbreviations.networkSecurityGroup}${endpoints}'
  location: location
  tags: tags
  properties: {
    securityRules: [
      {
        name: 'allow-apps-in'
        properties: {
          description: 'From this network and joined ones. An endpoint has no address outside them.'
          priority: 100
          direction: 'Inbound'
          access: 'Allow'
          protocol: 'Tcp'
          sourceAddressPrefix: '*'
          sourcePortRange: '*'
          destinationAddressPrefix: endpointAddresses
          destinationPortRanges: endpointPorts
        }
      }
      {
        name: 'deny-all-in'
        properties: {
          priority: 4096
          direction: 'Inbound'
          access: 'Deny'
          protocol: '*'
          sourceAddressPrefix: '*'
          sourcePortRange: '*'
          destinationAddressPrefix: '*'
          destinationPortRange: '*'
        }
      }
      {
        name: 'deny-all-out'
        properties: {
          description: 'A private endpoint answers; it never calls.'
          priority: 4096
          direction: 'Outbound'
          access: 'Deny'
          protocol: '*'
          sourceAddressPrefix: '*'
          sourcePortRange: '*'
          destinationAddressPrefix: '*'
          destinationPortRange: '*'
        }
      }
    ]
  }
}

// The apps' security groups limit outgoing calls; nothing comes in through their subnets. Rules accept any
// source, because the subnet contains only the app. Its instances are reported to call from other addresses
// too:
// https://github.com/Azure/azure-functions-host/issues/10620
resource serviceGuards 'Microsoft.Network/networkSecurityGroups@2025-05-01' = [
  for service in services: {
    name: '${abbreviations.networkSecurityGroup}${service}'
    location: location
    tags: tags
    properties: {
      securityRules: [
        {
          name: 'allow-endpoints-out'
          properties: {
            description: 'All resources of the app, and the app itself: it reports its triggers by its own name.'
            priority: 100
            direction: 'Outbound'
            access: 'Allow'
            protocol: 'Tcp'
            sourceAddressPrefix: '*'
            sourcePortRange: '*'
            destinationAddressPrefix: endpointAddresses
            destinationPortRanges: endpointPorts
          }
        }
        {
          name: 'allow-entra-out'
          properties: {
            description: 'The identity\'s tokens, and keys to check callers\' tokens. Entra has no private endpoint.'
            priority: 110
            direction: 'Outbound'
            access: 'Allow'
            protocol: 'Tcp'
            sourceAddressPrefix: '*'
            sourcePortRange: '*'
            destinationAddressPrefix: 'AzureActiveDirectory'
            destinationPortRange: '443'
          }
        }
        {
          name: 'allow-bundles-out'
          properties: {
            description: 'The Functions host downloads missing extension bundles from Microsoft\'s own Front Door.'
            priority: 120
            direction: 'Outbound'
            access: 'Allow'
            protocol: 'Tcp'
            sourceAddressPrefix: '*'
            sourcePortRange: '*'
            destinationAddressPrefix: 'AzureFrontDoor.FirstParty'
            destinationPortRange: '443'
          }
        }
        {
          name: 'deny-internet-out'
          properties: {
            description: 'All else has a private endpoint. An attacker in an app cannot send data out.'
            priority: 4096
            direction: 'Outbound'
            access: 'Deny'
            protocol: '*'
            sourceAddressPrefix: '*'
            sourcePortRange: '*'
            destinationAddressPrefix: 'Internet'
            destinationPortRange: '*'
          }
        }
      ]
    }
  }
]

var serviceSubnets = [
  for (service, index) in services: {
    name: '${abbreviations.subnet}${service}'
    properties: {
      // An app takes up to 40 addresses, and a few more during a replacement.
      addressPrefix: cidrSubnet(addressSpace, 24, index + 1)
      // Flex Consumption requires this delegation:
      // https://learn.microsoft.com/azure/azure-functions/flex-consumption-how-to
      delegations: [{ name: 'functions', properties: { serviceName: 'Microsoft.App/environments' } }]
      networkSecurityGroup: { id: serviceGuards[index].id }
    }
  }
]

// The subnets are inside the network resource. As separate resources they would be written at the same time,
// and one would fail.
resource network 'Microsoft.Network/virtualNetworks@2025-05-01' = {
  name: name
  location: location
  tags: tags
  properties: {
    addressSpace: { addressPrefixes: [addressSpace] }
    subnets: concat(
      [
        {
          name: '${abbreviations.subnet}${endpoints}'
          properties: {
            addressPrefix: endpointAddresses
            defaultOutboundAccess: false
            networkSecurityGroup: { id: endpointsGuard.id }
            // Without it the security group would not apply to private endpoints.
            privateEndpointNetworkPolicies: 'Enabled'
          }
        }
      ],
      serviceSubnets
    )
  }
}

resource dnsZones 'Microsoft.Network/privateDnsZones@2024-06-01' = [
  for zone in zones: {
    name: zone
    location: 'global'
    tags: tags
  }
]

resource links 'Microsoft.Network/privateDnsZones/virtualNetworkLinks@2024-06-01' = [
  for (zone, index) in zones: {
    parent: dnsZones[index]
    name: name
    location: 'global'
    tags: tags
    properties: {
      virtualNetwork: { id: network.id }
      registrationEnabled: false
    }
  }
]
