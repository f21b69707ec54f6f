// The database of a service and its containers. Rights on data do not allow creating them.

import { Database, List, Shape } from '../types.bicep'

@description('The account of the database.')
param accountName string

@description('The database.')
param database Database

@description('The lists that its service serves.')
param lists List[]

@description('How capacity is billed.')
param size Shape.cosmos

var autoscales = size.capacity == 'autoscale'

resource account 'Microsoft.DocumentDB/databaseAccounts@2025-10-15' existing = {
  name: accountName
}

// Its throughput is shared by all containers except the log.
resource sqlDatabase 'Microsoft.DocumentDB/databaseAccounts/sqlDatabases@2025-10-15' = {
  parent: account
  name: database.name
  properties: {
    resource: { id: database.name }
    options: autoscales ? { autoscaleSettings: { maxThroughput: size.sharedThroughput! } } : {}
  }
}

// An id is unique in its logical partition: a commit's id is the version of its first event. In a log a
// command's key is unique too. One after the other, like the databases: main.bicep.
@batchSize(1)
resource containers 'Microsoft.DocumentDB/databaseAccounts/sqlDatabases/containers@2025-10-15' = [
  for container in database.containers: {
    parent: sqlDatabase
    name: container.name
    properties: {
      resource: {
        id: container.name
        partitionKey: { kind: 'Hash', paths: [container.partitionKey], version: 2 }
        indexingPolicy: {
          automatic: true
          indexingMode: 'consistent'
          includedPaths: map(container.?indexedPaths ?? ['/*'], path => { path: path })
          excludedPaths: map(
            container.?indexedPaths == null ? container.?excludedPaths ?? [] : ['/*'],
            path => { path: path }
          )
          // With filters and order in one index, a list costs by the items shown, not by the view's size.
          compositeIndexes: map(
            filter(lists, list => list.container == container.name),
            list => map(list.index, path => { path: path, order: 'descending' })
          )
        }
        ...(container.?uniqueKeys == null
          ? {}
          : { uniqueKeyPolicy: { uniqueKeys: map(container.?uniqueKeys ?? [], path => { paths: [path] }) } })
        defaultTtl: container.?defaultTtl
      }
      // The log has its own throughput, so rebuilds of views cannot slow down commands.
      options: autoscales && container.access == 'append'
        ? { autoscaleSettings: { maxThroughput: size.logThroughput! } }
        : {}
    }
  }
]
