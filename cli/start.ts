import { fileURLToPath } from 'node:url'
import { startCloud } from '../local/cloud.ts'
import { type Child, startChild } from '../local/kit/child.ts'
import { readArguments, runCommand } from './arguments.ts'
import { dataFolder, localPorts, localSettings } from './local-settings.ts'

/**
 * `npm start`: the local cloud, and the functions on it. Ends as one: on Ctrl-C (or a closed terminal) in the order that loses nothing, and whole where a
 * part ends by itself.
 */
async function start(): Promise<void> {
  const { fresh } = readArguments({}, ['fresh'])
  const ports = localPorts()
  const dataDir = dataFolder()
  // Heard from the start: a Ctrl-C during the start ends what has begun as soon as it stands.
  const interrupted = new Promise<void>((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => resolve())
  })

  const cloud = await startCloud({ dataDir, topologyFile: 'infra/topology.json', ports, fresh })
  let host: Child | undefined
  try {
    host = await startChild('functions', fileURLToPath(new URL('../local/host/main.ts', import.meta.url)), {
      ...localSettings(),
      ...cloud.settings,
      TIDEMARK_HTTP_PORT: String(ports.http),
    })
    const parts = [...cloud.parts, host]
    for (const part of parts) console.log(`${part.name.padEnd(12)} ${part.address}`)
    console.log(`data         ${dataDir}${fresh ? ' (fresh)' : ''}`)
    console.log('ready: Ctrl-C ends it; `npm run demo -- --orders 100` in another terminal drives it')

    const ended = Promise.race(parts.map(async (part) => `${part.name} ${await part.exited}: ending the others`))
    const why = await Promise.race([interrupted, ended])
    if (typeof why === 'string') {
      console.error(why)
      process.exitCode = 1
    }
  } finally {
    await host?.stop()
    await cloud.stop()
  }
}

await runCommand(start)
process.exit()
