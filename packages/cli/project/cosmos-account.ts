import { CosmosClient } from '@azure/cosmos'
import { UsageError } from '../command-line/arguments.ts'
import { localArchives } from './archive-account.ts'
import { cosmosAddress, localConnections, localSettings, reach, readSettingsFile } from './local-settings.ts'

/** The Cosmos DB account that a command works on. */
interface CosmosAccount {
  readonly address: string
  /** The settings with which a service uses it. */
  readonly settings: Readonly<Record<string, string>>
  /** @throws UsageError if nothing answers, or access is denied. */
  reach(): Promise<void>
  client(): Promise<CosmosClient>
}

/** The account of the running local emulator. */
export async function localAccount(): Promise<CosmosAccount> {
  const connections = await localConnections()
  const connection = connections.CosmosConnection
  const address = cosmosAddress(connection)
  return {
    address,
    reach: () => reach(address),
    settings: { ...localSettings(), ...connections, ArchiveStorage: (await localArchives()).connectionString },
    client: async () => new CosmosClient(connection),
  }
}

/**
 * The account of the environment in Azure, under the caller's own sign-in. Its address comes from the
 * settings that `npm run cloud:settings` wrote for a service.
 * @throws UsageError if there are none.
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
        throw new UsageError(`${address} cannot be reached: ${why}. A private account answers only in its network`)
      })
      const database = (await this.client()).database(service)
      await database.read().catch(({ message }: Error) => {
        const [why] = message.split('\n')
        throw new UsageError(
          `${address} denies you access: ${why}. Sign in with az login; docs/deploy.md says who has access`,
        )
      })
    },
    async client() {
      const { DefaultAzureCredential } = await import('@azure/identity')
      return new CosmosClient({ endpoint: address, aadCredentials: new DefaultAzureCredential() })
    },
  }
}
