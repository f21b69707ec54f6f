// Names that several modules need before a deployment.

@export()
@description('The name of a service\'s identity.')
func identityName(service string, resourceToken string) string =>
  '${loadJsonContent('abbreviations.json').identity}${service}-${resourceToken}'

@export()
@description('A service\'s host storage account: the start of its name, then a hash; 24 characters, no hyphens.')
func hostStorageName(service string, resourceToken string) string =>
  join(
    [
      loadJsonContent('abbreviations.json').storage
      take(replace(toLower(service), '-', ''), 9)
      uniqueString(service, resourceToken)
    ],
    ''
  )

@export()
@description('The storage account of the archives.')
func archiveStorageName(resourceToken string) string =>
  '${loadJsonContent('abbreviations.json').storage}archive${resourceToken}'

@export()
@description('The key vault of the keys of personal data.')
func keyVaultName(resourceToken string) string =>
  '${loadJsonContent('abbreviations.json').keyVault}${resourceToken}'

@export()
@description('The resource name of the role that unwraps keys: always the same for the same group.')
func keyRoleName(groupId string) string => guid(groupId, 'keyUnwrapper')

@export()
@description('The resource name of the role that reads and creates segments: always the same for the same group.')
func archiveRoleName(groupId string) string => guid(groupId, 'archiveAppender')
