import { resolve } from 'node:path'
import { emulatorKey } from '../kit/emulator-keys.ts'
import { run } from '../kit/lifecycle.ts'
import { FAST_LINE, flagSetting, portSetting, requiredSetting } from '../kit/settings.ts'
import { type RunningEventHubs, startEventHubs } from './server.ts'
import { readNamespaces } from './settings/namespace-settings.ts'

const KEY_NAME = 'RootManageSharedAccessKey'
const DEFAULT_PORT = 5672

await run(async () => {
  const fast = flagSetting('TIDEMARK_FAST')
  const running = await startEventHubs({
    port: portSetting('TIDEMARK_EVENTHUBS_PORT', DEFAULT_PORT),
    dataDir: resolve(requiredSetting('TIDEMARK_EVENTHUBS_DATA')),
    namespaces: await readNamespaces(requiredSetting('TIDEMARK_EVENTHUBS_HUBS')),
    key: { name: KEY_NAME, value: emulatorKey('eventhubs', process.env.TIDEMARK_TOKEN_FILE) },
    fast,
    controlPort: process.env.TIDEMARK_EVENTHUBS_CONTROL_PORT
      ? portSetting('TIDEMARK_EVENTHUBS_CONTROL_PORT', 0)
      : undefined,
  })
  if (!process.connected) tellPeople(running, fast)
  return running
})

/** The first namespace's address is told by `run`. */
function tellPeople({ namespaces, control }: RunningEventHubs, fast: boolean): void {
  for (const { namespace, address } of namespaces.slice(1)) console.log(`${address} is namespace ${namespace.name}`)
  if (control !== undefined) console.log(`${control} is the control endpoint`)
  if (fast) console.log(FAST_LINE)
}
