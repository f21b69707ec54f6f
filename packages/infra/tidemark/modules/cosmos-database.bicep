// The database of a service and its containers. Whoever uses them cannot make them: rights on data do not cover it.

import { Database, List, Shape } from '../types.bicep'

@description('The account that the database is in.')
param accountName string

@description('The database.')
param database Database

@description('The lists that its service serves.')
param lists List[]

@description('How capacity is paid for.')
param size Shape.cosmos

var autoscales = size.capacity == 'autoscale'

resource account 'Microsoft.DocumentDB/databaseAccounts@2025-10-15' existing = {
  name: accountName
}

// What its containers share: all but the log.
resource sqlDatabase 'Microsoft.DocumentDB/databaseAccounts/sqlDatabases@2025-10-15' = {
  parent: account
  name: database.name
  properties: {
    resource: { id: database.name }
    options: autoscales ? { autoscaleSettings: { maxThroughput: size.sharedThroughput! } } : {}
  }
}

// An id is unique in its logical partition: the id of a commit is the version of its first event. In a log
// the key of a command is unique too. One after the other, as the databases are: main.bicep.
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
          // A list costs what it shows, not what its view holds, where its filters and its order are in one index.
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
      // The log has its own: no rebuild of a view, however many, can slow down a command.
      options: autoscales && container.access == 'append'
        ? { autoscaleSettings: { maxThroughput: size.logThroughput! } }
        : {}
    }
  }
]
