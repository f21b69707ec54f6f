import { resolve } from 'node:path'
import { StartError } from '../kit/errors.ts'
import { run } from '../kit/lifecycle.ts'
import { readHubSettings } from './hub-settings.ts'
import { startEventHubs } from './server.ts'

/** What the vendor's emulator publishes as its key: nothing secret, on loopback alone. */
const KEY = { name: 'RootManageSharedAccessKey', value: 'SAS_KEY_VALUE' }
const DEFAULT_PORT = '5672'

await run(async () =>
  startEventHubs({
    port: portOf(process.env.TIDEMARK_EVENTHUBS_PORT ?? DEFAULT_PORT),
    dataDir: resolve(required('TIDEMARK_EVENTHUBS_DATA')),
    hubs: await readHubSettings(required('TIDEMARK_EVENTHUBS_HUBS')),
    key: KEY,
  }),
)

function required(name: string): string {
  const value = process.env[name]
  if (!value) throw new StartError(`set ${name}`)
  return value
}

function portOf(text: string): number {
  if (!/^\d{1,5}$/.test(text) || Number(text) > 65_535)
    throw new StartError(`TIDEMARK_EVENTHUBS_PORT is ${JSON.stringify(text)}: set it to a port, 0 to 65535`)
  return Number(text)
}
