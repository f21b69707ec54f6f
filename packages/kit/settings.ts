import { StartError } from './errors.ts'

/**
 * Every setting of the local cloud as a whole, and of the commands. They belong to a laptop and are no
 * application settings, but what runs on a laptop sees them: packages/tidemark/settings/other-names.ts has
 * their names. The parts of the cloud have flags, and settings of their own.
 */
export const localSettings = {
  TIDEMARK_BLOB_PORT: 'where the blobs are served: 10000, or 0 for any free port',
  TIDEMARK_COSMOS_PORT: 'where Cosmos DB is served: 8081, or 0 for any free port',
  TIDEMARK_DATA: 'the folder of all data of the local cloud: .tidemark',
  TIDEMARK_DEBUG_PORT:
    'where a debugger reaches the first host of npm run dev -- --inspect, the others have the next ports: 9229, or 0 for any free ones',
  TIDEMARK_EVENTHUBS_PORT: 'where Event Hubs is served: 5672, or 0 for any free port',
  TIDEMARK_FAST: '1: acknowledges what is not on disk yet',
  TIDEMARK_FUNCTION_KEY:
    'the function key that commands send to the services that TIDEMARK_URL or --url names, or those of each: ordering=<key>',
  TIDEMARK_HTTP_PORT: 'where the services answer: 7071, or 0 for any free port',
  TIDEMARK_REQUIRE_TOKEN:
    '1: what runs on this machine asks for a token, 0: it does not; when not set, it does where several people may use the machine',
  TIDEMARK_TOKEN: 'the bearer token that commands send to the services that TIDEMARK_URL or --url names',
  TIDEMARK_URL: 'where the services answer that commands ask: this machine when not set',
} as const

export type LocalSetting = keyof typeof localSettings

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
