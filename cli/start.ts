import { resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Cloud, startCloud } from '../local/cloud.ts'
import { type Child, startChild } from '../local/kit/child.ts'
import { FAST_RECOVERY } from '../local/kit/fast-recovery.ts'
import { checkTopology, findCloud, type RunningCloud, readyCloud } from '../local/running-cloud.ts'
import { readArguments, runCommand, UsageError } from './arguments.ts'
import { knownServices } from './known-services.ts'
import { dataFolder, functionsOf, isFast, localPorts, localSettings } from './local-settings.ts'
import { interruption, showParts, until, untilEnded } from './running.ts'
import { httpPortOf } from './service-address.ts'

const TOPOLOGY = 'infra/topology.json'

/** What one `npm start` runs. */
interface Run {
  readonly dataDir: string
  readonly fresh: boolean
  readonly fast: boolean
  /** Those whose functions run here; none: all of them, on a cloud of their own. */
  readonly named: readonly string[]
  readonly interrupted: Promise<void>
}

/**
 * `npm start`: the local cloud, and the functions on it. With `--service NAME`, once or more: the functions of these services alone, on the
 * cloud that another process runs on this data, else on one that is started. Ends as one, in the order that loses nothing.
 */
async function start(): Promise<void> {
  const { fresh, fast, service } = readArguments({}, ['fresh', 'fast'], ['service'])
  const named = knownServices(service)
  const run: Run = { dataDir: resolve(dataFolder()), fresh, fast, named, interrupted: interruption() }
  const cloud = named.length === 0 ? await ownCloud(run) : await anyCloud(run)
  if ('pid' in cloud) await runOnOther(run, cloud)
  else await runOnOwn(run, cloud)
}

function ownCloud({ dataDir, fresh, fast }: Run): Promise<Cloud> {
  return startCloud({ dataDir, topologyFile: TOPOLOGY, ports: localPorts(), fresh, fast: isFast(fast) })
}

/** The cloud of another process, else one of our own. */
async function anyCloud(run: Run): Promise<Cloud | RunningCloud> {
  const running = await findCloud(run.dataDir)
  if (running && run.fresh)
    throw new UsageError(`--fresh clears what the cloud of process ${running.pid} runs on: stop that first`)
  if (running && run.fast)
    throw new UsageError(`--fast is of the start of a cloud, and that of process ${running.pid} runs: stop that first`)
  if (running) return running
  try {
    return await ownCloud(run)
  } catch (error) {
    // Of two that start at the same moment one gets the data folder; the other runs on its cloud.
    const winner = run.fresh || run.fast ? undefined : await findCloud(run.dataDir)
    if (winner) return winner
    throw error
  }
}

async function runOnOwn({ dataDir, fresh, named, interrupted }: Run, cloud: Cloud): Promise<void> {
  let host: Child | undefined
  try {
    host = await startFunctions(named, cloud.settings)
    const parts = [...cloud.parts, host]
    showParts(parts)
    console.log(`data         ${dataDir}${fresh ? ' (fresh)' : ''}`)
    if (named.length === 0)
      console.log('ready: Ctrl-C ends it; `npm run demo -- --orders 100` in another terminal drives it')
    else console.log('ready: Ctrl-C ends it, and the cloud with it; `npm run cloud` runs the cloud apart')
    await untilEnded(parts, interrupted)
  } finally {
    await host?.stop()
    await cloud.stop()
  }
}

/**
 * When the cloud goes away, the functions end, and start again on the next one: it may have other addresses, or have been cleared, and then
 * nothing that they remember would be true.
 */
async function runOnOther({ dataDir, named, interrupted }: Run, first: RunningCloud): Promise<void> {
  let cloud: RunningCloud | undefined = first
  while (cloud) {
    const { pid, settings }: RunningCloud = cloud
    await checkTopology(cloud, TOPOLOGY)
    console.log(`cloud        of process ${pid}, on ${dataDir}`)
    const host = await startFunctions(named, settings)
    try {
      showParts([host])
      console.log('ready: Ctrl-C ends these functions, not the cloud')
      const ended = Promise.race([interrupted, host.exited])
      const gone = await until(async () => ((await readyCloud(dataDir))?.pid === pid ? undefined : true), ended)
      if (!gone) return await untilEnded([host], interrupted)
      console.log(`the cloud of process ${pid} is gone: the functions end, and start again when there is one`)
    } finally {
      await host.stop()
    }
    cloud = await until(() => readyCloud(dataDir), interrupted)
  }
}

function startFunctions(named: readonly string[], settings: Readonly<Record<string, string>>): Promise<Child> {
  const [first] = named
  return startChild('functions', fileURLToPath(new URL('../local/host/main.ts', import.meta.url)), {
    ...FAST_RECOVERY,
    ...localSettings(),
    ...settings,
    ...(first === undefined ? {} : functionsOf(named)),
    TIDEMARK_HTTP_PORT: String(first === undefined ? localPorts().http : httpPortOf(first)),
  })
}

await runCommand(start)
process.exit()
