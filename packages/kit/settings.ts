import { StartError } from './errors.ts'

/**
 * Every setting of the local cloud, the local host and the commands. They belong to a laptop and are no application settings, but what runs
 * on a laptop sees them: packages/tidemark/settings/other-names.ts has their names.
 */
export const localSettings = {
  TIDEMARK_BLOB_DATA: 'the folder of the blobs',
  TIDEMARK_BLOB_PORT: 'where the blobs are served: 10000, or 0 for any free port',
  TIDEMARK_COSMOS_CONTROL_PORT: 'where the control endpoint of the Cosmos DB endpoint listens: nowhere when not set',
  TIDEMARK_COSMOS_DATA: 'the folder of the Cosmos DB endpoint',
  TIDEMARK_COSMOS_PORT: 'where the Cosmos DB endpoint listens: 8081, or 0 for any free port',
  TIDEMARK_DATA: 'the folder of all data of the local cloud: .tidemark',
  TIDEMARK_DEBUG_PORT:
    'where a debugger reaches the first host of npm run dev -- --inspect, the others have the next ports: 9229, or 0 for any free ones',
  TIDEMARK_EVENTHUBS_CONTROL_PORT:
    'where the control endpoint of the Event Hubs endpoint listens: nowhere when not set',
  TIDEMARK_EVENTHUBS_DATA: 'the folder of the Event Hubs endpoint',
  TIDEMARK_EVENTHUBS_HUBS: 'the file that names the hubs',
  TIDEMARK_EVENTHUBS_PORT: 'where the Event Hubs endpoint listens: 5672, or 0 for any free port',
  TIDEMARK_FAST: '1: acknowledges what is not on disk yet',
  TIDEMARK_FUNCTION_KEY:
    'the function key that commands send to the services that TIDEMARK_URL or --url names, or those of each: ordering=<key>',
  TIDEMARK_FUNCTIONS_MAIN: 'the glob of the function files that the local host loads, in place of main of package.json',
  TIDEMARK_FUNCTIONS_ROOT: 'the folder of the app that the local host runs: the working directory',
  TIDEMARK_HOST_HOLD:
    'functions and a file, such as orders-views,billing=/tmp/hold: what they are called for waits in the local host as long as the file is there',
  TIDEMARK_HOST_LEASE_EXPIRATION_MS:
    'milliseconds after which the local host takes over the Cosmos DB leases of one that is gone: as the registration says',
  TIDEMARK_HTTP_PORT: 'where the local host answers: 7071, or 0 for any free port',
  TIDEMARK_LOG_LEVEL: 'what the local host prints: information, and trace to none',
  TIDEMARK_REQUIRE_TOKEN:
    '1: what runs on this machine asks for a token, 0: it does not; when not set, it does where several people may use the machine',
  TIDEMARK_TOKEN: 'the bearer token that commands send to the services that TIDEMARK_URL or --url names',
  TIDEMARK_TOKEN_FILE:
    'the file with the token that the local host asks for, and the keys of the local cloud are made of: none when not set',
  TIDEMARK_URL: 'where the services answer that commands ask: this machine when not set',
} as const

export type LocalSetting = keyof typeof localSettings

/** What is said at a start with TIDEMARK_FAST. */
export const FAST_LINE = '--fast: acknowledged is not on disk'

/**
 * The port of an environment variable; 0 is any free one.
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
 * Whether an environment variable says so: 1, not 0; left out or empty it does not.
 * @throws StartError naming the variable.
 */
export function flagSetting(name: LocalSetting): boolean {
  return optionalFlag(name) ?? false
}

/**
 * The same; undefined where it is left out or empty.
 * @throws StartError naming the variable.
 */
export function optionalFlag(name: LocalSetting): boolean | undefined {
  const text = process.env[name] ?? ''
  if (!['', '0', '1'].includes(text)) throw new StartError(`${name} is ${JSON.stringify(text)}: set it to 1 or 0`)
  return text === '' ? undefined : text === '1'
}

/** An environment variable that there is no doing without. @throws StartError naming it. */
export function requiredSetting(name: LocalSetting): string {
  const value = process.env[name]
  if (!value) throw new StartError(`set ${name}`)
  return value
}
