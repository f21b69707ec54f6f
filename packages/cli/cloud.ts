import { join, resolve } from 'node:path'
import { requiredTokenFile } from '../kit/local-token.ts'
import { startCloud } from '../local-cloud/cloud.ts'
import { readArguments, runCommand } from './command-line/arguments.ts'
import { interruption, showParts, untilEnded } from './command-line/running.ts'
import { dataFolder, isFast, localPorts } from './project/local-settings.ts'
import { ensureTopology, TOPOLOGY } from './project/topology-file.ts'

/** `npm run cloud`: runs only the local cloud, for functions that another host runs, such as `func start`. */
async function cloud(): Promise<void> {
  const { fresh, fast } = readArguments({}, ['fresh', 'fast'])
  ensureTopology()
  const dataDir = dataFolder()
  const interrupted = interruption()
  const tokenFile = await requiredTokenFile(resolve(dataDir))
  const running = await startCloud({
    dataDir,
    topologyFile: TOPOLOGY,
    ports: localPorts(),
    fresh,
    fast: isFast(fast),
    tokenFile,
  })
  try {
    showParts(running.parts)
    console.log(`data         ${dataDir}${fresh ? ' (fresh)' : ''}`)
    if (tokenFile) console.log(`keys         ${join(dataDir, 'cloud.json')} (the published emulator keys do not work)`)
    console.log(
      'ready: Ctrl-C ends it; for func start: cp local.settings.sample.json local.settings.json && npm run build',
    )
    await untilEnded(running.parts, interrupted.happened)
  } finally {
    await running.stop()
  }
}

await runCommand(cloud)
process.exit()
