// Names that more than one file has to know. A storage account has 24 characters and no hyphens.

@export()
@description('The host storage of a service: what is legible of its name, and what tells it from another that begins alike.')
func hostStorageName(service string, resourceToken string) string =>
  'st${take(replace(toLower(service), '-', ''), 9)}${uniqueString(service, resourceToken)}'
