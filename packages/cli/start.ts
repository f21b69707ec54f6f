import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { isTidemarkError } from 'tidemark'
import { readSettings } from 'tidemark/tools'
import type { Child } from '../kit/child.ts'
import { readToken, requiredTokenFile } from '../kit/local-token.ts'
import { portSetting } from '../kit/settings.ts'
import { type Cloud, startCloud } from '../local-cloud/cloud.ts'
import { readSite } from '../local-cloud/front/site.ts'
import { type Front, startFront } from '../local-cloud/front.ts'
import { checkTopology, findCloud, type RunningCloud, readyCloud } from '../local-cloud/running-cloud.ts'
import { findHttpPort } from './api/service-address.ts'
import { readArguments, runCommand, UsageError } from './command-line/arguments.ts'
import { type Interruption, interruption, showParts, until, untilEnded } from './command-line/running.ts'
import type { ReloadOnSave } from './dev/reload-on-save.ts'
import { services } from './project/config.ts'
import { CONSOLE } from './project/console-site.ts'
import { knownServices } from './project/known-services.ts'
import { dataFolder, isFast, localPorts, localSettings, readSettingsFile } from './project/local-settings.ts'
import { isCheckout } from './project/project.ts'
import { ensureTopology, TOPOLOGY } from './project/topology-file.ts'
import { ServiceHosts, startHost } from './start/service-hosts.ts'
import { SETTINGS } from './upgrade/template.ts'

const names = services.map(({ name }) => name)

/** The options of one `npm start`. */
interface Run {
  readonly dataDir: string
  readonly fresh: boolean
  readonly fast: boolean
  /** Whether the host prints its routes and triggers, and log lines below the level of information. */
  readonly verbose: boolean
  /** Whether the hosts run the sources, and reload them when they are saved. */
  readonly watch: boolean
  /** Whether a debugger can attach to the hosts. */
  readonly inspect: boolean
  /** The services whose functions run here. Empty: all of them, on a local cloud of their own. */
  readonly named: readonly string[]
  /** The file with the token that every request must show; undefined if none is required. */
  readonly tokenFile: string | undefined
  readonly interrupted: Interruption
}

/**
 * `npm start`: runs the local cloud, a host for each service, and one address in front of them, with the
 * console.
 *
 * With `--one-process` one host has the functions of all services. With `--watch`, which is `npm run dev`,
 * the hosts run the sources, and a save reloads the services that use the file. With `--service NAME`, which
 * may be repeated, one host has the functions of these services. It uses the cloud that another process runs
 * on this data, or else starts one. All processes end together, in the order that loses nothing.
 */
async function start(): Promise<void> {
  const flags = ['fresh', 'fast', 'one-process', 'verbose', 'watch', 'inspect'] as const
  const { service, 'one-process': oneProcess, ...flagged } = readArguments({}, flags, ['service'])
  const named = knownServices(service)
  if (oneProcess && named.length > 0)
    throw new UsageError('--one-process is for all services; those that --service names run in one process anyway')
  if (flagged.watch && (oneProcess || named.length > 0))
    throw new UsageError('--watch needs a host for each service: leave --one-process and --service out')
  if (flagged.inspect && !flagged.watch) throw new UsageError('--inspect needs --watch: npm run dev -- --inspect')
  ensureTopology()
  checkSettings()
  const dataDir = resolve(dataFolder())
  const tokenFile = await requiredTokenFile(dataDir)
  const run: Run = { ...flagged, dataDir, named, tokenFile, interrupted: interruption() }
  try {
    const cloud = named.length === 0 ? await ownCloud(run) : await anyCloud(run)
    if ('pid' in cloud) await runOnOther(run, cloud)
    else if (named.length > 0) await runOnOwn(run, cloud)
    else if (oneProcess) await runTogether(run, cloud)
    else await runApart(run, cloud)
  } catch (error) {
    // An interrupted start fails only because of the interruption.
    if (!run.interrupted.signal.aborted) throw error
  }
}

/**
 * Checks the settings of the hosts before anything starts. The cloud will set the connections; those of the
 * sample stand for them.
 * @throws UsageError with one line that names each wrong setting
 */
function checkSettings(): void {
  const connections = existsSync(SETTINGS) ? readSettingsFile(SETTINGS) : {}
  try {
    readSettings({ ...process.env, ...connections, ...localSettings() })
  } catch (error) {
    if (!isTidemarkError(error, 'setting-invalid')) throw error
    throw new UsageError(error.message)
  }
}

function ownCloud({ dataDir, fresh, fast, tokenFile, interrupted: { signal } }: Run): Promise<Cloud> {
  const settings = { topologyFile: TOPOLOGY, ports: localPorts(), fresh, fast: isFast(fast) }
  return startCloud({ dataDir, ...settings, tokenFile, signal })
}

/** The cloud of another process, or else our own. */
async function anyCloud(run: Run): Promise<Cloud | RunningCloud> {
  const running = await findCloud(run.dataDir)
  if (running && run.fresh)
    throw new UsageError(`--fresh would clear the data of the running cloud, process ${running.pid}: stop it first`)
  if (running && run.fast)
    throw new UsageError(`--fast applies when a cloud starts; process ${running.pid} already runs one: stop it first`)
  if (running) return running
  try {
    return await ownCloud(run)
  } catch (error) {
    // If two start at the same moment, one gets the data folder, and the other uses its cloud.
    const winner = run.fresh || run.fast ? undefined : await findCloud(run.dataDir)
    if (winner) return winner
    throw error
  }
}

/** A host for each service, and one address in front of them. */
async function runApart(run: Run, cloud: Cloud): Promise<void> {
  const { tokenFile, verbose, watch, inspect, interrupted } = run
  const { happened, signal } = interrupted
  try {
    const front = await startOwnFront(run)
    const sources = watch
      ? await createReloader(inspect ? portSetting('TIDEMARK_DEBUG_PORT', 9229) : undefined)
      : undefined
    let hosts: ServiceHosts | undefined
    try {
      const { settings } = cloud
      const options = { settings, tokenFile, verbose, signal, sources, onStartedAgain: showHost }
      hosts = await ServiceHosts.start(names, front, options)
      showParts(cloud.parts)
      for (const host of hosts.running) showHost(host)
      showFront(run, front)
      showData(run)
      await sources?.begin(hosts)
      console.log(watch ? `${READY}; a save reloads the services that use the file` : READY)
      await untilEnded(cloud.parts, happened, hosts.givenUp)
    } finally {
      await sources?.stop()
      // Requests in progress are still answered; new ones are not accepted.
      await Promise.all([front.stop(), hosts?.stop()])
    }
  } finally {
    await cloud.stop()
  }
}

/** Loads the file watcher only here, so that a start without it need not wait. */
async function createReloader(firstDebugPort: number | undefined): Promise<ReloadOnSave> {
  const { ReloadOnSave } = await import('./dev/reload-on-save.ts')
  return new ReloadOnSave(names, firstDebugPort)
}

/** One host for all services, behind the same address and with the same console as several. */
async function runTogether(run: Run, cloud: Cloud): Promise<void> {
  try {
    const front = await startOwnFront(run)
    let host: Child | undefined
    try {
      host = await startFunctions(run, cloud.settings, 0)
      for (const name of names) front.serve(name, host.address)
      showParts(cloud.parts)
      showHost(host)
      showFront(run, front)
      showData(run)
      console.log(READY)
      await untilEnded([...cloud.parts, host], run.interrupted.happened)
    } finally {
      await Promise.all([front.stop(), host?.stop()])
    }
  } finally {
    await cloud.stop()
  }
}

function startOwnFront({ tokenFile }: Run): Promise<Front> {
  const token = tokenFile && readToken(tokenFile)
  return startFront({ port: localPorts().http, apps: names, site: readSite(CONSOLE), token })
}

const READY =
  names.length === 0
    ? 'ready: Ctrl-C ends it; there is no service yet: `npx tidemark new NAME` adds one'
    : isCheckout
      ? 'ready: Ctrl-C ends it; `npm run demo -- --orders 100` in another terminal drives it'
      : 'ready: Ctrl-C ends it'

/** One host for the named services. */
async function runOnOwn(run: Run, cloud: Cloud): Promise<void> {
  let host: Child | undefined
  try {
    host = await startFunctions(run, cloud.settings, findPort(run))
    showParts(cloud.parts)
    showHost(host)
    showData(run)
    console.log('ready: Ctrl-C ends it, and the cloud with it; `npm run cloud` runs the cloud separately')
    await untilEnded([...cloud.parts, host], run.interrupted.happened)
  } finally {
    await host?.stop()
    await cloud.stop()
  }
}

/**
 * Runs the functions on another process's cloud. When that cloud ends, the functions end, and start again on
 * the next one. That one may have other addresses or empty data, so their memory would be out of date.
 */
async function runOnOther(run: Run, first: RunningCloud): Promise<void> {
  const { dataDir } = run
  const { happened } = run.interrupted
  let cloud: RunningCloud | undefined = first
  while (cloud) {
    const { pid, settings }: RunningCloud = cloud
    await checkTopology(cloud, TOPOLOGY)
    console.log(`cloud        of process ${pid}, on ${dataDir}`)
    const host = await startFunctions(run, settings, findPort(run))
    try {
      showHost(host)
      showToken(run.tokenFile)
      console.log('ready: Ctrl-C ends these functions, not the cloud')
      const ended = Promise.race([happened, host.exited])
      const gone = await until(async () => ((await readyCloud(dataDir))?.pid === pid ? undefined : true), ended)
      if (!gone) return await untilEnded([host], happened)
      console.log(`the cloud of process ${pid} has ended: the functions end, and start again when there is one`)
    } finally {
      await host.stop()
    }
    cloud = await until(() => readyCloud(dataDir), happened)
  }
}

/** The port of the first named service. */
function findPort({ named: [first] }: Run): number {
  return first === undefined ? localPorts().http : findHttpPort(first)
}

function startFunctions(run: Run, cloud: Readonly<Record<string, string>>, port: number): Promise<Child> {
  const { named, tokenFile, verbose, interrupted } = run
  const [first = ''] = named
  const name = named.length === 1 ? first : 'functions'
  const { signal } = interrupted
  return startHost(name, named, { settings: cloud, tokenFile, port, verbose, signal, prefixed: false })
}

/** The address of a host's OpenAPI document. */
function openApiAt(address: string): string {
  return `${address}/api/openapi.json`
}

/** Prints the line of a host: the address of its OpenAPI document, and the process to inspect or kill. */
function showHost({ name, address, pid }: Child): void {
  showPart(name, `${openApiAt(address)}  process ${pid}`)
}

/** The console takes the token from the address's fragment, which a browser sends to no server. */
function showFront({ tokenFile }: Run, { address }: Front): void {
  showPart('all services', openApiAt(address))
  showPart('console', tokenFile ? `${address}/#token=${readToken(tokenFile)}` : address)
}

function showPart(name: string, address: string): void {
  showParts([{ name, address }])
}

function showData({ dataDir, fresh, tokenFile }: Run): void {
  console.log(`data         ${dataDir}${fresh ? ' (fresh)' : ''}`)
  showToken(tokenFile)
}

function showToken(file: string | undefined): void {
  if (file) console.log(`token        ${file}: every request must show it (docs/console.md)`)
}

await runCommand(start)
process.exit()
