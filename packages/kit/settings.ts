import { StartError } from './errors.ts'

/**
 * All settings of the local cloud as a whole, and of the commands. They are for a developer's machine, and
 * are not application settings. Services on that machine see them too, so
 * packages/tidemark/settings/other-names.ts lists their names. The parts of the cloud have flags and settings
 * of their own.
 */
export const localSettings = {
  TIDEMARK_BLOB_PORT: 'port of the blob emulator: 10000 by default, 0 for any free port',
  TIDEMARK_COSMOS_PORT: 'port of the Cosmos DB emulator: 8081 by default, 0 for any free port',
  TIDEMARK_DATA: 'folder of all data of the local cloud: .tidemark by default',
  TIDEMARK_DEBUG_PORT:
    'debugger port of the first host of npm run dev -- --inspect; the other hosts have the next ports: ' +
    '9229 by default, 0 for any free ports',
  TIDEMARK_EVENTHUBS_PORT: 'port of the Event Hubs emulator: 5672 by default, 0 for any free port',
  TIDEMARK_FAST: '1: data is acknowledged before it is on disk',
  TIDEMARK_FUNCTION_KEY:
    'the function key that commands send to the services of TIDEMARK_URL or --url, ' +
    'or one key per service: ordering=<key>',
  TIDEMARK_HTTP_PORT: 'port of the services: 7071 by default, 0 for any free port',
  TIDEMARK_REQUIRE_TOKEN:
    '1: local processes require a token, 0: they do not; ' +
    'by default, they do if several people may use the machine',
  TIDEMARK_TOKEN: 'the bearer token that commands send to the services of TIDEMARK_URL or --url',
  TIDEMARK_URL: 'address of the services that commands call; by default, this machine',
} as const

export type LocalSetting = keyof typeof localSettings

/**
 * Reads a port from an environment variable; 0 means any free port.
 * @throws StartError naming the variable.
 */
export function portSetting(name: LocalSetting, otherwise: number): number {
  const text = process.env[name]
  if (text === undefined || text === '') return otherwise
  if (!/^\d{1,5}$/.test(text) || Number(text) > 65_535)
    throw new StartError(`${name} is ${JSON.stringify(text)}: set it to a port, 0 to 65535`)
  return Number(text)
}

/**
 * Reads a flag from an environment variable; undefined if it is unset or empty.
 * @throws StartError naming the variable.
 */
export function optionalFlag(name: LocalSetting): boolean | undefined {
  const text = process.env[name] ?? ''
  if (!['', '0', '1'].includes(text)) throw new StartError(`${name} is ${JSON.stringify(text)}: set it to 1 or 0`)
  return text === '' ? undefined : text === '1'
}
