import { at, listAt, type Resource, selectType } from '../support/deployed.ts'
import type { Rule } from './rule.ts'

/** Resource types with data or data access, and their private link groups. */
const PRIVATE: Readonly<Record<string, string>> = {
  'Microsoft.DocumentDB/databaseAccounts': 'Sql',
  'Microsoft.EventHub/namespaces': 'namespace',
  'Microsoft.Storage/storageAccounts': 'blob',
  'Microsoft.KeyVault/vaults': 'vault',
  // Public or not: the host calls its own name, and its subnet blocks the internet.
  'Microsoft.Web/sites': 'sites',
}

/**
 * The private DNS zones that clients need to find a private endpoint.
 * https://learn.microsoft.com/azure/private-link/private-endpoint-dns
 */
const ZONES: Readonly<Record<string, readonly RegExp[]>> = {
  Sql: [/^privatelink\.documents\.azure\.com$/],
  namespace: [/^privatelink\.servicebus\.windows\.net$/],
  blob: [/^privatelink\.blob\.core\.windows\.net$/],
  vault: [/^privatelink\.vaultcore\.azure\.net$/],
  sites: [/^privatelink\.azurewebsites\.net$/],
  azuremonitor: [
    /^privatelink\.monitor\.azure\.com$/,
    /^privatelink\.oms\.opinsights\.azure\.com$/,
    /^privatelink\.ods\.opinsights\.azure\.com$/,
    /^privatelink\.agentsvc\.azure-automation\.net$/,
    /^privatelink\.blob\.core\.windows\.net$/,
  ],
}

/** Rules of network security groups: direction, access, protocol, destination, ports. */
const TO_ENDPOINTS = ['Inbound Allow Tcp 10.0.0.0/24 443,5671', 'Inbound Deny * * *', 'Outbound Deny * * *']
const FROM_APPS = [
  'Outbound Allow Tcp 10.0.0.0/24 443,5671',
  'Outbound Allow Tcp AzureActiveDirectory 443',
  'Outbound Allow Tcp AzureFrontDoor.FirstParty 443',
  'Outbound Deny * Internet *',
]

const isPrivate = (resources: readonly Resource[]): boolean =>
  selectType(resources, 'Microsoft.Network/virtualNetworks').length > 0

/** The stores of telemetry. */
const selectTelemetry = (resources: readonly Resource[]): readonly Resource[] =>
  ['Microsoft.Insights/components', 'Microsoft.OperationalInsights/workspaces'].flatMap((type) =>
    selectType(resources, type),
  )

interface Endpoint {
  readonly id: string
  readonly target: string
  readonly group: string
  readonly subnet: string
}

function listEndpoints(resources: readonly Resource[]): readonly Endpoint[] {
  return selectType(resources, 'Microsoft.Network/privateEndpoints').map((endpoint) => {
    const [connection] = listAt(endpoint, 'properties.privateLinkServiceConnections')
    const [group] = listAt<string>(connection, 'properties.groupIds')
    return {
      id: endpoint.id,
      target: String(at(connection, 'properties.privateLinkServiceId')),
      group: String(group),
      subnet: String(at(endpoint, 'properties.subnet.id')),
    }
  })
}

const rules: readonly Rule[] = [
  {
    name: 'no public access with private networking',
    check: ({ predictedResources }) => {
      const wrong: string[] = []
      // Whether apps are reached from outside is a choice of its own.
      const types = Object.keys(PRIVATE).filter((type) => type !== 'Microsoft.Web/sites')
      const found = types.flatMap((type) => selectType(predictedResources, type))
      for (const resource of found) {
        const access = at(resource, 'properties.publicNetworkAccess')
        if (access !== 'Disabled') wrong.push(`${resource.id}: publicNetworkAccess is ${String(access)}`)
      }
      const telemetry = selectTelemetry(predictedResources)
      for (const resource of telemetry)
        if (at(resource, 'properties.publicNetworkAccessForIngestion') !== 'Disabled')
          wrong.push(`${resource.id}: takes telemetry from anywhere`)
      return { looked: found.length + telemetry.length, wrong }
    },
  },
  {
    name: 'every closed public endpoint also has closed network rules',
    check: ({ predictedResources }) => {
      const wrong: string[] = []
      const guarded = ['Microsoft.Storage/storageAccounts', 'Microsoft.KeyVault/vaults'].flatMap((type) =>
        selectType(predictedResources, type),
      )
      for (const resource of guarded) {
        const bypass = at(resource, 'properties.networkAcls.bypass')
        if (at(resource, 'properties.networkAcls.defaultAction') !== 'Deny') wrong.push(`${resource.id} lets others in`)
        if (bypass !== 'None') wrong.push(`${resource.id} lets ${String(bypass)} in`)
      }
      const sets = selectType(predictedResources, 'Microsoft.EventHub/namespaces/networkRuleSets')
      for (const set of sets)
        if (
          at(set, 'properties.defaultAction') !== 'Deny' ||
          at(set, 'properties.publicNetworkAccess') !== 'Disabled' ||
          at(set, 'properties.trustedServiceAccessEnabled') !== false
        )
          wrong.push(`${set.id} lets others in`)
      if (sets.length === 0) wrong.push('the namespace has no rules')
      return { looked: guarded.length + sets.length, wrong }
    },
  },
  {
    name: 'subnets allow only the listed traffic',
    check: ({ predictedResources }) => {
      const wrong: string[] = []
      const groups = selectType(predictedResources, 'Microsoft.Network/networkSecurityGroups')
      for (const group of groups) {
        const rules = listAt(group, 'properties.securityRules')
        const told = rules.map((rule) =>
          [
            'direction',
            'access',
            'protocol',
            'destinationAddressPrefix',
            'destinationPortRange',
            'destinationPortRanges',
          ]
            .map((name) => at(rule, `properties.${name}`))
            .filter((value) => value !== undefined && value !== null)
            .join(' '),
        )
        const expected = group.name.endsWith('private-endpoints') ? TO_ENDPOINTS : FROM_APPS
        if (told.toSorted().join('; ') !== expected.toSorted().join('; ')) wrong.push(`${group.id}: ${told.join('; ')}`)
        const last = rules.filter((rule) => at(rule, 'properties.access') === 'Deny')
        if (
          last.some(
            (rule) =>
              at(rule, 'properties.priority') !== 4096 ||
              at(rule, 'properties.sourceAddressPrefix') !== '*' ||
              at(rule, 'properties.sourcePortRange') !== '*',
          )
        )
          wrong.push(`${group.id} does not deny all remaining traffic`)
      }
      for (const network of selectType(predictedResources, 'Microsoft.Network/virtualNetworks'))
        for (const subnet of listAt<Resource>(network, 'properties.subnets'))
          if (
            subnet.name === 'snet-private-endpoints' &&
            (at(subnet, 'properties.privateEndpointNetworkPolicies') !== 'Enabled' ||
              at(subnet, 'properties.defaultOutboundAccess') !== false)
          )
            wrong.push(`${network.id}: the rules do not apply to private endpoints`)
      return { looked: groups.length, wrong }
    },
  },
  {
    name: 'every data resource has a private endpoint with a DNS name',
    check: ({ predictedResources }) => {
      const wrong: string[] = []
      const endpoints = listEndpoints(predictedResources)
      let looked = 0
      for (const [type, group] of Object.entries(PRIVATE))
        for (const { id } of selectType(predictedResources, type)) {
          looked++
          if (!endpoints.some((endpoint) => endpoint.target === id && endpoint.group === group))
            wrong.push(`${id} has no private endpoint of the group ${group}`)
        }
      const scopes = selectType(predictedResources, 'Microsoft.Insights/privateLinkScopes')
      if (scopes.length !== 1) wrong.push('there is no private link scope of Azure Monitor')
      for (const { id } of scopes)
        if (!endpoints.some((endpoint) => endpoint.target === id && endpoint.group === 'azuremonitor'))
          wrong.push(`${id} has no private endpoint`)

      const zoneGroups = selectType(predictedResources, 'Microsoft.Network/privateEndpoints/privateDnsZoneGroups')
      const networks: readonly unknown[] = selectType(predictedResources, 'Microsoft.Network/virtualNetworks').map(
        ({ id }) => id,
      )
      const linked = new Set(
        selectType(predictedResources, 'Microsoft.Network/privateDnsZones/virtualNetworkLinks')
          .filter((link) => networks.includes(at(link, 'properties.virtualNetwork.id')))
          .map(({ id }) => id.replace(/\/virtualNetworkLinks\/.*/, ''))
          .filter((zone) => predictedResources.some(({ id }) => id === zone)),
      )
      for (const { id, group, subnet } of endpoints) {
        looked++
        if (!/\/subnets\/snet-private-endpoints$/.test(subnet)) wrong.push(`${id} is in ${subnet}`)
        const zones = zoneGroups
          .filter((each) => each.id.startsWith(`${id}/`))
          .flatMap((each) => listAt(each, 'properties.privateDnsZoneConfigs'))
          .map((config) => String(at(config, 'properties.privateDnsZoneId')))
        for (const zone of ZONES[group] ?? [/there is no such group/])
          if (!zones.some((each) => zone.test(each.split('/').at(-1) ?? '') && linked.has(each)))
            wrong.push(`${id} has no name in a linked zone like ${zone.source}`)
      }
      return { looked, wrong }
    },
  },
  {
    name: 'telemetry is in the private link scope, which accepts no other source',
    check: ({ predictedResources }) => {
      const wrong: string[] = []
      const scopes = selectType(predictedResources, 'Microsoft.Insights/privateLinkScopes')
      for (const scope of scopes)
        if (at(scope, 'properties.accessModeSettings.ingestionAccessMode') !== 'PrivateOnly')
          wrong.push(`${scope.id}: ingestion is not PrivateOnly`)
      const scoped = selectType(predictedResources, 'Microsoft.Insights/privateLinkScopes/scopedResources').map(
        (each) => at(each, 'properties.linkedResourceId'),
      )
      const telemetry = selectTelemetry(predictedResources)
      for (const { id } of telemetry) if (!scoped.includes(id)) wrong.push(`${id} is in no private link scope`)
      return { looked: scopes.length + telemetry.length, wrong }
    },
  },
  {
    name: 'every app has its own delegated subnet for outgoing calls',
    check: ({ predictedResources }) => {
      const wrong: string[] = []
      const subnets = new Map<string, Resource>(
        selectType(predictedResources, 'Microsoft.Network/virtualNetworks').flatMap((network) =>
          listAt<Resource>(network, 'properties.subnets').map(
            (subnet) => [`${network.id}/subnets/${subnet.name}`, subnet] as const,
          ),
        ),
      )
      for (const subnet of selectType(predictedResources, 'Microsoft.Network/virtualNetworks/subnets'))
        subnets.set(subnet.id, subnet)
      const sites = selectType(predictedResources, 'Microsoft.Web/sites')
      const groups: readonly unknown[] = selectType(predictedResources, 'Microsoft.Network/networkSecurityGroups').map(
        ({ id }) => id,
      )
      const taken = new Set<string>()
      for (const site of sites) {
        const id = String(at(site, 'properties.virtualNetworkSubnetId'))
        const [delegation] = listAt(subnets.get(id), 'properties.delegations')
        if (at(delegation, 'properties.serviceName') !== 'Microsoft.App/environments')
          wrong.push(`${site.id}: ${id} is not a subnet delegated to apps`)
        if (taken.has(id)) wrong.push(`${site.id}: ${id} belongs to another app`)
        taken.add(id)
      }
      for (const [id, subnet] of subnets)
        if (!groups.includes(at(subnet, 'properties.networkSecurityGroup.id')))
          wrong.push(`${id} has no network security group`)
      return { looked: sites.length, wrong }
    },
  },
]

/** They apply if the shape has a virtual network. */
export const networkRules: readonly Rule[] = rules.map(({ name, check }) => ({
  name,
  // Without a network there must be no private endpoint.
  check: (deployed) =>
    isPrivate(deployed.predictedResources)
      ? check(deployed)
      : {
          looked: deployed.predictedResources.length,
          wrong: listEndpoints(deployed.predictedResources).map(({ id }) => `${id} without a network`),
        },
}))
