import { at, listAt, type Resource, selectType } from '../support/deployed.ts'
import type { Rule } from './rule.ts'

/**
 * The limits of each Event Hubs tier. The consumer group $Default exists automatically, and counts.
 * https://learn.microsoft.com/azure/event-hubs/event-hubs-quotas
 */
const TIERS: Readonly<
  Record<string, { hubs: number; partitions: number; groups: number; hours: number; capacity: number }>
> = {
  Basic: { hubs: 10, partitions: 32, groups: 1, hours: 24, capacity: 40 },
  Standard: { hubs: 10, partitions: 32, groups: 20, hours: 7 * 24, capacity: 40 },
  Premium: { hubs: 100, partitions: 100, groups: 100, hours: 90 * 24, capacity: 16 },
}

const number = (value: unknown): number => (typeof value === 'number' ? value : Number.NaN)

const parent = ({ id }: Resource): string => id.split('/').slice(0, -2).join('/')

export const limitRules: readonly Rule[] = [
  {
    name: 'hubs, partitions, consumer groups, retention and throughput are within the tier',
    check: ({ predictedResources }) => {
      const wrong: string[] = []
      const hubs = selectType(predictedResources, 'Microsoft.EventHub/namespaces/eventhubs')
      const groups = selectType(predictedResources, 'Microsoft.EventHub/namespaces/eventhubs/consumergroups')
      for (const namespace of selectType(predictedResources, 'Microsoft.EventHub/namespaces')) {
        const tier = TIERS[String(at(namespace, 'sku.tier') ?? at(namespace, 'sku.name'))]
        if (tier === undefined) {
          wrong.push(`${namespace.id} has an unknown tier`)
          continue
        }
        if (hubs.length > tier.hubs) wrong.push(`${namespace.id} has ${hubs.length} hubs`)
        const capacity = number(at(namespace, 'sku.capacity'))
        const most = number(at(namespace, 'properties.maximumThroughputUnits') ?? capacity)
        if (!(capacity >= 1 && capacity <= tier.capacity)) wrong.push(`${namespace.id} has ${capacity} units`)
        if (most !== 0 && !(most >= capacity && most <= tier.capacity))
          wrong.push(`${namespace.id} inflates to ${most} units`)
        for (const hub of hubs) {
          const partitions = number(at(hub, 'properties.partitionCount'))
          const hours = number(at(hub, 'properties.retentionDescription.retentionTimeInHours'))
          const count = groups.filter((group) => parent(group) === hub.id).length + 1
          if (!(partitions >= 1 && partitions <= tier.partitions)) wrong.push(`${hub.id} has ${partitions} partitions`)
          if (!(hours >= 1 && hours <= tier.hours)) wrong.push(`${hub.id} keeps events for ${hours} hours`)
          if (count > tier.groups) wrong.push(`${hub.id} has ${count} consumer groups`)
        }
      }
      return { looked: hubs.length + groups.length, wrong }
    },
  },
  {
    name: "databases, containers and throughput are within Cosmos DB's limits",
    check: ({ predictedResources }) => {
      const wrong: string[] = []
      const databases = selectType(predictedResources, 'Microsoft.DocumentDB/databaseAccounts/sqlDatabases')
      const containers = selectType(predictedResources, 'Microsoft.DocumentDB/databaseAccounts/sqlDatabases/containers')
      const [account] = selectType(predictedResources, 'Microsoft.DocumentDB/databaseAccounts')
      const isServerless =
        at(account, 'properties.capacityMode') === 'Serverless' ||
        JSON.stringify(at(account, 'properties.capabilities') ?? []).includes('EnableServerless')
      const regions = listAt(account, 'properties.locations').length
      if (regions < 1 || (isServerless && regions !== 1)) wrong.push(`${regions} regions`)
      for (const resource of [...databases, ...containers]) {
        const most = at(resource, 'properties.options.autoscaleSettings.maxThroughput')
        if (isServerless ? most !== undefined : most !== undefined && number(most) % 1000 !== 0)
          wrong.push(`${resource.id} has ${String(most)} RU/s`)
        if (at(resource, 'properties.options.throughput') !== undefined) wrong.push(`${resource.id} does not scale`)
      }
      for (const database of databases) {
        const inIt = containers.filter((container) => parent(container) === database.id)
        const own = inIt.filter((each) => at(each, 'properties.options.autoscaleSettings.maxThroughput') !== undefined)
        const shared = at(database, 'properties.options.autoscaleSettings.maxThroughput')
        if (inIt.length - own.length > 25) wrong.push(`${database.id}: more than 25 containers share its throughput`)
        if (!isServerless && shared === undefined) wrong.push(`${database.id} has no shared throughput`)
        const logs = inIt.filter(({ id }) => id.endsWith('/events'))
        if (!isServerless && own.map(({ id }) => id).join() !== logs.map(({ id }) => id).join())
          wrong.push(`${database.id}: only the log may have its own throughput`)
      }
      return { looked: databases.length + containers.length, wrong }
    },
  },
  {
    name: 'the staleness bound is valid for the number of regions',
    check: ({ predictedResources }) => {
      const accounts = selectType(predictedResources, 'Microsoft.DocumentDB/databaseAccounts')
      // https://learn.microsoft.com/azure/cosmos-db/consistency-levels#bounded-staleness-consistency
      const wrong = accounts.filter((account) => {
        const several = listAt(account, 'properties.locations').length > 1
        const prefix = number(at(account, 'properties.consistencyPolicy.maxStalenessPrefix'))
        const seconds = number(at(account, 'properties.consistencyPolicy.maxIntervalInSeconds'))
        return several ? !(prefix >= 100_000 && seconds >= 300) : !(prefix >= 10 && seconds >= 5)
      })
      return { looked: accounts.length, wrong: wrong.map(({ id }) => `${id} has too small a bound for its regions`) }
    },
  },
  {
    name: 'apps have a Flex Consumption size, and zone-redundant ones two always-ready instances',
    check: ({ predictedResources }) => {
      const wrong: string[] = []
      const sites = selectType(predictedResources, 'Microsoft.Web/sites')
      const plans = selectType(predictedResources, 'Microsoft.Web/serverfarms')
      const used = new Set<string>()
      for (const site of sites) {
        const scale = at(site, 'properties.functionAppConfig.scaleAndConcurrency')
        const most = number(at(scale, 'maximumInstanceCount'))
        if (!(most >= 40 && most <= 1000)) wrong.push(`${site.id} has up to ${most} instances`)
        if (![512, 2048, 4096].includes(number(at(scale, 'instanceMemoryMB'))))
          wrong.push(`${site.id} has an invalid size`)
        const plan = plans.find(({ id }) => id === at(site, 'properties.serverFarmId'))
        if (at(plan, 'sku.name') !== 'FC1' || at(plan, 'sku.tier') !== 'FlexConsumption')
          wrong.push(`${site.id} is on no Flex Consumption plan`)
        if (plan && used.has(plan.id)) wrong.push(`${plan.id} has two apps: it allows one`)
        if (plan) used.add(plan.id)
        const warm = listAt<{ name: string; instanceCount: number }>(scale, 'alwaysReady')
        const least = at(plan, 'properties.zoneRedundant') === true ? 2 : 1
        for (const { name, instanceCount } of warm)
          if (!(instanceCount >= least)) wrong.push(`${site.id}: ${name} has ${instanceCount} instances always ready`)
        if (at(plan, 'properties.zoneRedundant') === true && warm.length === 0)
          wrong.push(`${site.id} is zone-redundant with nothing always ready`)
        if (at(site, 'properties.functionAppConfig.runtime.name') !== 'node') wrong.push(`${site.id} is not for Node`)
        if (at(site, 'properties.functionAppConfig.runtime.version') !== '24')
          wrong.push(`${site.id}: the bundles are made for Node 24`)
      }
      return { looked: sites.length, wrong }
    },
  },
  {
    name: 'names are valid in Azure',
    check: ({ predictedResources }) => {
      const patterns: readonly (readonly [type: string, pattern: RegExp])[] = [
        ['Microsoft.Storage/storageAccounts', /^[a-z0-9]{3,24}$/],
        ['Microsoft.EventHub/namespaces', /^[a-zA-Z][a-zA-Z0-9-]{4,48}[a-zA-Z0-9]$/],
        ['Microsoft.DocumentDB/databaseAccounts', /^[a-z0-9-]{3,44}$/],
        ['Microsoft.KeyVault/vaults', /^(?!.*--)[a-zA-Z][a-zA-Z0-9-]{1,22}[a-zA-Z0-9]$/],
        ['Microsoft.Web/sites', /^[a-zA-Z0-9][a-zA-Z0-9-]{0,58}[a-zA-Z0-9]$/],
      ]
      const found = patterns.flatMap(([type, pattern]) =>
        selectType(predictedResources, type).map(({ name }) => ({ name, fits: pattern.test(name) })),
      )
      const groups = selectType(predictedResources, 'Microsoft.EventHub/namespaces/eventhubs/consumergroups')
      const long = groups.filter(({ id }) => (id.split('/').at(-1)?.length ?? 0) > 50)
      return {
        looked: found.length + groups.length,
        wrong: [...found.filter(({ fits }) => !fits), ...long].map(
          ({ name }) => `${name} is not a valid name in Azure`,
        ),
      }
    },
  },
]
