import { resolve } from 'node:path'
import { emulatorKey } from '../kit/emulator-keys.ts'
import { run } from '../kit/lifecycle.ts'
import { FAST_LINE, flagSetting, portSetting, requiredSetting } from '../kit/settings.ts'
import { startCosmos } from './server.ts'

const DEFAULT_PORT = 8081

await run(async () => {
  const fast = flagSetting('TIDEMARK_FAST')
  const running = await startCosmos({
    port: portSetting('TIDEMARK_COSMOS_PORT', DEFAULT_PORT),
    dataDir: resolve(requiredSetting('TIDEMARK_COSMOS_DATA')),
    key: emulatorKey('cosmos', process.env.TIDEMARK_TOKEN_FILE),
    fast,
    controlPort: process.env.TIDEMARK_COSMOS_CONTROL_PORT ? portSetting('TIDEMARK_COSMOS_CONTROL_PORT', 0) : undefined,
  })
  if (!process.connected) {
    if (running.control !== undefined) console.log(`${running.control} is the control endpoint`)
    if (fast) console.log(FAST_LINE)
  }
  return running
})
