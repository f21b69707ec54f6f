// The identities of the services. They are created long before their roles, because Cosmos DB refuses a role
// for an identity that Entra has not replicated yet.
// https://github.com/pulumi/pulumi-azure-native/issues/2816

import { Tags } from '../types.bicep'

@description('The region of the identities.')
param location string

@description('The tags of all resources.')
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
