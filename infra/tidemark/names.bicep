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
