import { resolve } from 'node:path'
import { run } from '../kit/lifecycle.ts'
import { portSetting, requiredSetting } from '../kit/settings.ts'
import { readHubSettings } from './hub-settings.ts'
import { startEventHubs } from './server.ts'

/** What the vendor's emulator publishes as its key: nothing secret, on loopback alone. */
const KEY = { name: 'RootManageSharedAccessKey', value: 'SAS_KEY_VALUE' }
const DEFAULT_PORT = 5672

await run(async () =>
  startEventHubs({
    port: portSetting('TIDEMARK_EVENTHUBS_PORT', DEFAULT_PORT),
    dataDir: resolve(requiredSetting('TIDEMARK_EVENTHUBS_DATA')),
    hubs: await readHubSettings(requiredSetting('TIDEMARK_EVENTHUBS_HUBS')),
    key: KEY,
  }),
)
