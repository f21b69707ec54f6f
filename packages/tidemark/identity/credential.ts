/** The credential type of the Azure SDKs: TokenCredential of @azure/core-auth. */
interface Credential {
  getToken(scopes: string | string[], options?: object): Promise<{ token: string; expiresOnTimestamp: number } | null>
}

/**
 * The app's managed identity in Azure, the developer's sign-in elsewhere. @azure/identity is loaded with the
 * first token, so never with connection strings.
 * @param clientId the client id of a user-assigned identity.
 */
export function createCredential(clientId: string | undefined): Credential {
  let loading: Promise<Credential> | undefined
  const load = async (): Promise<Credential> => {
    const { DefaultAzureCredential } = await import('@azure/identity')
    return new DefaultAzureCredential(clientId === undefined ? {} : { managedIdentityClientId: clientId })
  }
  return {
    async getToken(scopes, options) {
      loading ??= load()
      return (await loading).getToken(scopes, options)
    },
  }
}
