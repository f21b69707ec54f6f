// The roles on the data of the Cosmos DB account: made in modules/cosmos.bicep, given in
// modules/access.bicep, nowhere else. None of them is built in: the least of those that are may read all of
// everything, the next delete it.
// https://learn.microsoft.com/azure/cosmos-db/how-to-connect-role-based-access-control

var account = 'Microsoft.DocumentDB/databaseAccounts'
var container = '${account}/sqlDatabases/containers'

// What clients ask before anything else: regions, partition keys, partitions.
var metadata = ['${account}/readMetadata']

// Reads of more than one item: queries by the SDK need both.
var reading = [
  '${container}/items/read'
  '${container}/executeQuery'
  '${container}/readChangeFeed'
]

@export()
@description('The roles: their names, and what they allow. There is nothing that denies.')
var cosmosRoles = {
  metadataReader: {
    name: 'Tidemark metadata reader'
    dataActions: metadata
  }
  // Never items/replace, items/upsert or items/delete: what is in a log stays as it is.
  logAppender: {
    name: 'Tidemark log appender'
    dataActions: concat(metadata, reading, ['${container}/items/create'])
  }
  itemWriter: {
    name: 'Tidemark item writer'
    dataActions: concat(metadata, reading, [
      '${container}/items/create'
      '${container}/items/replace'
      '${container}/items/upsert'
      '${container}/items/delete'
    ])
  }
}

@export()
@description('The name of a role as a resource of an account: the same wherever it is asked for.')
func cosmosRoleId(accountId string, role string) string => guid(accountId, 'sqlRoleDefinitions', role)
