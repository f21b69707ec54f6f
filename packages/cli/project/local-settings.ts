import { existsSync, readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { findHolder } from '../../kit/data-lock.ts'
import { FAST_LINE } from '../../kit/lifecycle.ts'
import { bearer, locateTokenFile, readToken } from '../../kit/local-token.ts'
import { optionalFlag, portSetting } from '../../kit/settings.ts'
import { readyCloud } from '../../local-cloud/running-cloud.ts'
import { UsageError } from '../command-line/arguments.ts'
import { PROJECT } from './project.ts'

/** The ports of the local cloud. */
export function localPorts(): { http: number; blob: number; eventHubs: number; cosmos: number } {
  return {
    http: portSetting('TIDEMARK_HTTP_PORT', 7071),
    blob: portSetting('TIDEMARK_BLOB_PORT', 10_000),
    eventHubs: portSetting('TIDEMARK_EVENTHUBS_PORT', 5672),
    cosmos: portSetting('TIDEMARK_COSMOS_PORT', 8081),
  }
}

/** Whether acknowledgements do not wait for the disk (`--fast` or TIDEMARK_FAST). Prints a line if so. */
export function isFast(flag: boolean): boolean {
  const fast = flag || (optionalFlag('TIDEMARK_FAST') ?? false)
  if (fast) console.log(FAST_LINE)
  return fast
}

/** The folder of the local cloud's data. */
export function dataFolder(): string {
  return process.env.TIDEMARK_DATA ?? '.tidemark'
}

/**
 * The headers for requests to services on this machine: the token of the system that runs on the data folder,
 * if it has one. Without a running system there are none, because another program may listen on the port.
 */
export async function localHeaders(): Promise<Readonly<Record<string, string>>> {
  // Relative to the project, where `tidemark start` runs, wherever the command is called.
  const dataDir = resolve(PROJECT, dataFolder())
  const file = locateTokenFile(dataDir)
  if (!existsSync(file) || (await findHolder(dataDir)) === undefined) return {}
  return { authorization: bearer(readToken(file)) }
}

/**
 * The application settings that `func start` would use: those of local.settings.json, or of the sample if
 * there is none. Environment variables take precedence.
 * https://learn.microsoft.com/azure/azure-functions/functions-develop-local#local-settings-file
 */
export function localSettings(): Record<string, string> {
  const values = readSettingsFile(
    existsSync('local.settings.json') ? 'local.settings.json' : 'local.settings.sample.json',
  )
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [name, process.env[name] ?? value]))
}

/**
 * The settings of a file such as local.settings.json.
 * @param help the end of the error message. @throws UsageError if it has none
 */
export function readSettingsFile(file: string, help = ''): Readonly<Record<string, string>> {
  try {
    const { Values } = Object(JSON.parse(readFileSync(file, 'utf8'))) as { Values?: Record<string, string> }
    if (typeof Values !== 'object' || Values === null) throw new Error('it has no Values')
    return Values
  } catch (error) {
    throw new UsageError(`${file} cannot be read: ${(error as Error).message}${help}`)
  }
}

/** The connection strings of the running local cloud: for commands that read the raw log, or publish. */
export async function localConnections(): Promise<Readonly<Record<'CosmosConnection' | 'EventHubConnection', string>>> {
  const { CosmosConnection: cosmos = '', EventHubConnection: hubs = '' } = localSettings()
  const ports = localPorts()
  const cloud = await readyCloud(resolve(dataFolder()))
  const findKey = (name: string): string => /Key=([^;]+)/.exec(cloud?.settings[name] ?? '')?.[1] ?? ''
  const withKey = (connection: string, name: string): string =>
    connection.replace(/(AccountKey|SharedAccessKey)=([^;]+)/i, (_, of, key) => `${of}=${findKey(name) || key}`)
  return {
    CosmosConnection: withKey(cosmos.replace(':8081', `:${ports.cosmos}`), 'CosmosConnection'),
    EventHubConnection: withKey(
      hubs.replace(/(Endpoint=sb:\/\/[^:;/]+)(:5672)?(?=[;/])/i, `$1:${ports.eventHubs}`),
      'EventHubConnection',
    ),
  }
}

/** The address in a connection string of Cosmos DB; empty if it has none. */
export function cosmosAddress(connection: string): string {
  return /AccountEndpoint=([^;]+)/i.exec(connection)?.[1] ?? ''
}

/** @throws UsageError if nothing answers at an address. */
export async function reach(address: string): Promise<void> {
  await fetch(address).catch(() => {
    throw new UsageError(`nothing answers at ${address}: run npm start in another terminal first`)
  })
}

/**
 * The glob with which a host loads only the functions of these services. Each has its own file in
 * `functions/`.
 * @param form the built files, or the sources, whose types Node strips.
 */
export function buildFunctionsGlob(services: readonly string[], form: 'built' | 'source' = 'built'): string {
  const names = `@(${services.join('|')})`
  return form === 'built' ? `dist/functions/${names}.js` : `functions/${names}.ts`
}
