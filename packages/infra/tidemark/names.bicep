// Names that have to be known in more than one place before anything is deployed.

@export()
@description('The name of the identity of a service.')
func identityName(service string, resourceToken string) string =>
  '${loadJsonContent('abbreviations.json').identity}${service}-${resourceToken}'

@export()
@description('The name of the storage account of a service\'s host. It has 24 characters and no hyphens: what is legible of the service\'s name, and what tells it from another that begins alike.')
func hostStorageName(service string, resourceToken string) string =>
  '${loadJsonContent('abbreviations.json').storage}${take(replace(toLower(service), '-', ''), 9)}${uniqueString(service, resourceToken)}'
