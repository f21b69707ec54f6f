import { CosmosClient } from '@azure/cosmos'
import { UsageError } from './command-line/arguments.ts'
import { cosmosAddress, localConnections, localSettings, reach, readSettingsFile } from './project/local-settings.ts'

/** The Cosmos DB account that a command works on. */
export interface CosmosAccount {
  readonly address: string
  /** What a service is composed with to use it. */
  readonly settings: Readonly<Record<string, string>>
  /** @throws UsageError where nothing answers, or nobody is let in. */
  reach(): Promise<void>
  client(): Promise<CosmosClient>
}

/** The running local endpoint. */
export async function localAccount(): Promise<CosmosAccount> {
  const connections = await localConnections()
  const connection = connections.CosmosConnection
  const address = cosmosAddress(connection)
  return {
    address,
    reach: () => reach(address),
    settings: { ...localSettings(), ...connections },
    client: async () => new CosmosClient(connection),
  }
}

/**
 * The account of the environment in Azure, by the caller's own sign-in: as `npm run cloud:settings` wrote it
 * down for a service.
 * @throws UsageError where it did not.
 */
export function cloudAccount(service: string): CosmosAccount {
  const file = `bundles/${service}/local.settings.json`
  const settings = readSettingsFile(file, ': npm run cloud:settings writes it')
  const address = settings.CosmosConnection__accountEndpoint
  if (address === undefined || !URL.canParse(address))
    throw new UsageError(`${file} names no account in Azure: npm run cloud:settings -- --service ${service} --force`)
  return {
    address,
    settings,
    async reach() {
      await fetch(address).catch((error: Error) => {
        const why = String(error.cause ?? error)
        throw new UsageError(`${address} cannot be reached: ${why}; a private one only from its network`)
      })
      const database = (await this.client()).database(service)
      await database.read().catch(({ message }: Error) => {
        const [why] = message.split('\n')
        throw new UsageError(
          `${address} does not let you in: ${why}: az login signs you in, docs/deploy.md says who may`,
        )
      })
    },
    async client() {
      const { DefaultAzureCredential } = await import('@azure/identity')
      return new CosmosClient({ endpoint: address, aadCredentials: new DefaultAzureCredential() })
    },
  }
}
