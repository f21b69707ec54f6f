// The data roles of the Cosmos DB account. Only modules/cosmos.bicep creates them, and only
// modules/access.bicep assigns them. The smallest built-in role may read everything, and the next one may
// delete everything.
// https://learn.microsoft.com/azure/cosmos-db/how-to-connect-role-based-access-control

var account = 'Microsoft.DocumentDB/databaseAccounts'
var container = '${account}/sqlDatabases/containers'

// Every client first asks for this: regions, partition keys, partitions.
var metadata = ['${account}/readMetadata']

// Reads. The SDK's queries need items/read and executeQuery.
var reading = [
  '${container}/items/read'
  '${container}/executeQuery'
  '${container}/readChangeFeed'
]

@export()
@description('The roles: their names, and what they allow. No role can deny.')
var cosmosRoles = {
  metadataReader: {
    name: 'Tidemark metadata reader'
    dataActions: metadata
  }
  // Never items/replace, items/upsert or items/delete: a log is immutable.
  logAppender: {
    name: 'Tidemark log appender'
    dataActions: concat(metadata, reading, ['${container}/items/create'])
  }
  // Never items/delete: a deleted key would look as if it never was.
  keyKeeper: {
    name: 'Tidemark key keeper'
    dataActions: concat(metadata, [
      '${container}/items/read'
      '${container}/items/create'
      '${container}/items/replace'
    ])
  }
  // Reads one item at a time, so it cannot list whose keys there are.
  keyReader: {
    name: 'Tidemark key reader'
    dataActions: concat(metadata, ['${container}/items/read'])
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
@description('The resource name of an account\'s role: always the same for the same account and role.')
func cosmosRoleId(accountId string, role string) string => guid(accountId, 'sqlRoleDefinitions', role)
