import { existsSync, readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { findHolder } from '../../kit/data-lock.ts'
import { FAST_LINE } from '../../kit/lifecycle.ts'
import { bearer, locateTokenFile, readToken } from '../../kit/local-token.ts'
import { flagSetting, portSetting } from '../../kit/settings.ts'
import { readyCloud } from '../../local-cloud/running-cloud.ts'
import { UsageError } from '../command-line/arguments.ts'
import { PROJECT } from './project.ts'

/** Where the parts of the local cloud listen. */
export function localPorts(): { http: number; blob: number; eventHubs: number; cosmos: number } {
  return {
    http: portSetting('TIDEMARK_HTTP_PORT', 7071),
    blob: portSetting('TIDEMARK_BLOB_PORT', 10_000),
    eventHubs: portSetting('TIDEMARK_EVENTHUBS_PORT', 5672),
    cosmos: portSetting('TIDEMARK_COSMOS_PORT', 8081),
  }
}

/** Whether acknowledgements do not wait for the disk: by `--fast` or TIDEMARK_FAST. Says so. */
export function isFast(flag: boolean): boolean {
  const fast = flag || flagSetting('TIDEMARK_FAST')
  if (fast) console.log(FAST_LINE)
  return fast
}

/** The folder that keeps the local cloud's data. */
export function dataFolder(): string {
  return process.env.TIDEMARK_DATA ?? '.tidemark'
}

/**
 * What requests to the services of this machine show: the token of the system that runs on the data folder,
 * where it has one. While none runs, somebody else may listen where it would.
 */
export async function localHeaders(): Promise<Readonly<Record<string, string>>> {
  // In the folder that `tidemark start` runs in, wherever a command is called.
  const dataDir = resolve(PROJECT, dataFolder())
  const file = locateTokenFile(dataDir)
  if (!existsSync(file) || (await findHolder(dataDir)) === undefined) return {}
  return { authorization: bearer(readToken(file)) }
}

/**
 * The application settings as `func start` would have them: of local.settings.json, or the sample where there
 * is none; the environment's own come first.
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
 * @param help the end of the line where it has none. @throws UsageError
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

/** The address of an endpoint that a connection string names. */
export function cosmosAddress(connection: string): string {
  return /AccountEndpoint=([^;]+)/i.exec(connection)?.[1] ?? ''
}

/** @throws UsageError where nothing answers at an address. */
export async function reach(address: string): Promise<void> {
  await fetch(address).catch(() => {
    throw new UsageError(`nothing answers at ${address}: run npm start in another terminal first`)
  })
}

/**
 * The glob by which a host loads the functions of these services alone, each a file of its own in `functions/`.
 * @param form as they were built, or the sources themselves: Node strips their types.
 */
export function buildFunctionsGlob(services: readonly string[], form: 'built' | 'source' = 'built'): string {
  const names = `@(${services.join('|')})`
  return form === 'built' ? `dist/functions/${names}.js` : `functions/${names}.ts`
}
