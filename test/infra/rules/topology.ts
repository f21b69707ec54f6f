import type { Topology } from 'tidemark/tools'
import { at, listAt, type Resource, selectType } from '../support/deployed.ts'
import type { Rule } from './rule.ts'

/** Exactly the declared resources exist. */
export function topologyRules(topology: Topology): readonly Rule[] {
  return [
    {
      name: 'databases and containers match the topology',
      check: ({ predictedResources }) => {
        const containers = selectType(
          predictedResources,
          'Microsoft.DocumentDB/databaseAccounts/sqlDatabases/containers',
        )
        const found = containers.map((container) => {
          const resource = (path: string): unknown => at(container, `properties.resource.${path}`) ?? undefined
          const listPaths = (kind: string) =>
            listAt(container, `properties.resource.indexingPolicy.${kind}`).map((each) => at(each, 'path'))
          return {
            name: container.id.split('/').slice(-3).join('/'),
            paths: resource('partitionKey.paths'),
            indexed: listPaths('includedPaths'),
            excluded: listPaths('excludedPaths').filter((path) => path !== '/"_etag"/?'),
            unique: listAt(container, 'properties.resource.uniqueKeyPolicy.uniqueKeys').map((each) =>
              at(each, 'paths'),
            ),
            ttl: resource('defaultTtl'),
            lists: listAt<readonly { path: string; order: string }[]>(
              container,
              'properties.resource.indexingPolicy.compositeIndexes',
            ).map((index) => index.map(({ path, order }) => `${path} ${order}`)),
          }
        })
        const expected = topology.databases.flatMap((database) =>
          database.containers.map(
            ({ name, partitionKey, indexedPaths, uniqueKeys = [], excludedPaths = [], defaultTtl }) => ({
              name: `${database.name}/containers/${name}`,
              paths: [partitionKey],
              indexed: indexedPaths ?? ['/*'],
              excluded: indexedPaths ? ['/*'] : excludedPaths,
              unique: uniqueKeys.map((path) => [path]),
              ttl: defaultTtl,
              lists: topology.services
                .filter((service) => service.name === database.name)
                .flatMap(({ lists }) => lists)
                .filter((list) => list.container === name)
                .map(({ index }) => index.map((path) => `${path} descending`)),
            }),
          ),
        )
        return { looked: found.length, wrong: differences(found, expected) }
      },
    },
    {
      name: "every service has its app, its archive and its host's containers",
      check: ({ predictedResources }) => {
        const accounts = selectType(predictedResources, 'Microsoft.Storage/storageAccounts').map(({ id }) => id)
        const found = selectType(predictedResources, 'Microsoft.Storage/storageAccounts/blobServices/containers')
          .filter(({ id }) => accounts.some((account) => id.startsWith(`${account}/`)))
          .map(last)
        const apps = selectType(predictedResources, 'Microsoft.Web/sites').map(
          ({ tags }) => `app ${String(at(tags, 'azd-service-name'))}`,
        )
        const expected = topology.services.flatMap(({ name }) => [
          `app ${name}`,
          'app-package',
          ...topology.blobContainers.filter((each) => !each.startsWith('archive-') || each === `archive-${name}`),
        ])
        return { looked: found.length, wrong: differences([...apps, ...found], expected) }
      },
    },
    {
      name: 'hubs and consumer groups match the topology',
      check: ({ predictedResources }) => {
        const groups = selectType(predictedResources, 'Microsoft.EventHub/namespaces/eventhubs/consumergroups')
        const found = selectType(predictedResources, 'Microsoft.EventHub/namespaces/eventhubs').map((hub) => ({
          name: last(hub),
          hours: at(hub, 'properties.retentionDescription.retentionTimeInHours'),
          groups: groups
            .filter(({ id }) => id.startsWith(`${hub.id}/`))
            .map(last)
            .toSorted(),
        }))
        const expected = topology.eventHubs.map(({ name, retentionHours, consumerGroups }) => ({
          name,
          hours: retentionHours,
          groups: consumerGroups.toSorted(),
        }))
        return { looked: found.length + groups.length, wrong: differences(found, expected) }
      },
    },
  ]
}

const last = ({ id }: Resource): string => id.split('/').at(-1) ?? ''

function differences(found: readonly unknown[], expected: readonly unknown[]): readonly string[] {
  return [
    ...without(found, expected).map((one) => `not declared: ${one}`),
    ...without(expected, found).map((one) => `missing: ${one}`),
  ]
}

/** The items of `some` that `others` lack or have less often. */
function without(some: readonly unknown[], others: readonly unknown[]): readonly string[] {
  const left = new Map<string, number>()
  for (const other of others.map((each) => JSON.stringify(each))) left.set(other, (left.get(other) ?? 0) + 1)
  return some
    .map((each) => JSON.stringify(each))
    .filter((one) => {
      const count = left.get(one) ?? 0
      left.set(one, count - 1)
      return count <= 0
    })
}
