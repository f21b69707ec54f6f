// The virtual network: a subnet for each service, out of which its app reaches everything, and one with the
// private endpoints of all that is reached; the private DNS zones that make the names of those resources lead
// there.

import { zones } from '../private-dns-zones.bicep'
import { Tags } from '../types.bicep'

@description('The region of the network.')
param location string

@description('Tags of everything.')
param tags Tags

@description('The name of the network.')
@minLength(1)
param name string

@description('The services in their order: a new one comes last, as a subnet that is in use cannot move.')
@maxLength(255)
param services string[]

@description('The addresses of the network: one that overlaps with none it may be peered with. Each subnet takes 256 of them.')
param addressSpace string = '10.0.0.0/16'

var abbreviations = loadJsonContent('../abbreviations.json')

// Names and security groups begin alike, so that one is found by the other.
var endpoints = 'private-endpoints'
// The first addresses: a service that is added moves none of them.
var endpointAddresses = cidrSubnet(addressSpace, 24, 0)
// HTTPS, and AMQP over TLS to Event Hubs. Cosmos DB is spoken to in gateway mode alone, which is HTTPS:
// host.json and the SDK for Node say so. Direct mode would need all ports.
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
          description: 'Whoever is in the network or joined to it: an endpoint has no address that could be reached from elsewhere.'
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
          description: 'A private endpoint answers, it never calls.'
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

// Security groups of apps say where calls may go; no call comes in through their subnets. Rules take any
// source: what is in the subnet is the app alone, and its instances are reported to call from other addresses
// as well: https://github.com/Azure/azure-functions-host/issues/10620
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
            description: 'All that the app works with, and the app itself: to tell the platform of its triggers it calls its own name.'
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
            description: 'Tokens of the identity, and the keys that callers\' tokens are checked with: Entra has no private endpoint.'
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
            description: 'The Functions host fetches an extension bundle that its image does not hold from Microsoft\'s own Front Door.'
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
            description: 'Everything else that an app talks to has a private endpoint: whoever takes an app over cannot carry data away.'
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
      // An app takes up to 40 addresses, and a few while it is replaced.
      addressPrefix: cidrSubnet(addressSpace, 24, index + 1)
      // What a Flex Consumption app is integrated by:
      // https://learn.microsoft.com/azure/azure-functions/flex-consumption-how-to
      delegations: [{ name: 'functions', properties: { serviceName: 'Microsoft.App/environments' } }]
      networkSecurityGroup: { id: serviceGuards[index].id }
    }
  }
]

// Subnets stand in the network itself: as resources of their own they are written at the same time, and one
// of them fails.
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
            // Without it the security group would not hold for private endpoints.
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
