/** What the SDKs take for a credential: @azure/core-auth's TokenCredential. */
interface Credential {
  getToken(scopes: string | string[], options?: object): Promise<{ token: string; expiresOnTimestamp: number } | null>
}

/**
 * The app's managed identity in Azure, the developer's own sign-in elsewhere. @azure/identity is loaded at
 * the first token: with connection strings, as on a laptop, never.
 * @param clientId of a user-assigned identity.
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
