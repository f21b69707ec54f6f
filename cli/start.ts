import { fileURLToPath } from 'node:url'
import { startCloud } from '../local/cloud.ts'
import { type Child, startChild } from '../local/kit/child.ts'
import { readArguments, runCommand } from './arguments.ts'
import { dataFolder, localPorts, localSettings } from './local-settings.ts'
import { interruption, showParts, untilEnded } from './running.ts'

const TOPOLOGY = 'infra/topology.json'

/** `npm start`: the local cloud, and the functions on it. Ends as one, in the order that loses nothing. */
async function start(): Promise<void> {
  const { fresh } = readArguments({}, ['fresh'])
  const ports = localPorts()
  const dataDir = dataFolder()
  const interrupted = interruption()
  const cloud = await startCloud({ dataDir, topologyFile: TOPOLOGY, ports, fresh })
  let host: Child | undefined
  try {
    host = await startChild('functions', fileURLToPath(new URL('../local/host/main.ts', import.meta.url)), {
      ...localSettings(),
      ...cloud.settings,
      TIDEMARK_HTTP_PORT: String(ports.http),
    })
    const parts = [...cloud.parts, host]
    showParts(parts)
    console.log(`data         ${dataDir}${fresh ? ' (fresh)' : ''}`)
    console.log('ready: Ctrl-C ends it; `npm run demo -- --orders 100` in another terminal drives it')
    await untilEnded(parts, interrupted)
  } finally {
    await host?.stop()
    await cloud.stop()
  }
}

await runCommand(start)
process.exit()
