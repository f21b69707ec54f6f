// The identities of the services, long before anything is given to them: Cosmos DB refuses a role to an
// identity that Entra does not know everywhere yet. https://github.com/pulumi/pulumi-azure-native/issues/2816

import { Tags } from '../types.bicep'

@description('The region of the identities.')
param location string

@description('Tags of everything.')
param tags Tags

@description('The names of the identities.')
param names string[]

resource identities 'Microsoft.ManagedIdentity/userAssignedIdentities@2024-11-30' = [
  for name in names: {
    name: name
    location: location
    tags: tags
  }
]
