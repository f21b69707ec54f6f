import { fileURLToPath, pathToFileURL } from 'node:url'
import { type Child, startChild } from '../../kit/child.ts'
import { FAST_RECOVERY } from '../../kit/fast-recovery.ts'
import { moduleFile } from '../../kit/module-file.ts'
import type { Front } from '../../local-cloud/front.ts'
import { buildFunctionsGlob, localSettings } from '../project/local-settings.ts'
import { prefixedLines } from './prefixed-lines.ts'

const HOST = fileURLToPath(import.meta.resolve('tidemark-functions-host/main'))
const PRELOAD = pathToFileURL(moduleFile('../dev/host-preload.ts', import.meta.url)).href

export interface HostSettings {
  /** Those of the cloud. */
  readonly settings: Readonly<Record<string, string>>
  /** With the token that every request must show; undefined: none is asked for. */
  readonly tokenFile: string | undefined
  readonly verbose: boolean
  /** Ends a host that has not started yet. */
  readonly signal: AbortSignal
}

/** How hosts run the sources themselves, and not what was built. */
export interface SourceOptions {
  /** Hears of each source that the host of a service loads. */
  readonly onSource: (service: string, file: string) => void
  /** Where a debugger reaches the host of a service; undefined: nowhere. */
  readonly findDebugPort: (service: string) => number | undefined
}

export interface ServiceHostsOptions extends HostSettings {
  /** Hears of each host that was started again: it has another address. */
  readonly onStartedAgain: (host: Child) => void
  /** With it they run the sources, and a service that cannot run waits until `reload` is called. */
  readonly sources?: SourceOptions | undefined
}

/** Of one host. */
interface Launch extends HostSettings {
  /** Where it answers; 0 for any free port. */
  readonly port: number
  /** Whether its lines have its name: where there are several hosts. */
  readonly prefixed: boolean
  readonly sources?: SourceOptions | undefined
  /** Whether it takes the place of one that still runs: its triggers wait until it is told to begin. */
  readonly successor?: boolean
}

/** Starts a host for the functions of these services; none named: of all. */
export async function startHost(name: string, services: readonly string[], launch: Launch): Promise<Child> {
  const { settings, tokenFile = '', port, verbose, signal, prefixed, sources, successor = false } = launch
  const env = {
    // Claims of partitions are renewed as host.json says: every 3 s, they were a third of what a system at rest costs.
    FUNCTIONS_HOST_LEASE_EXPIRATION_MS: FAST_RECOVERY.FUNCTIONS_HOST_LEASE_EXPIRATION_MS,
    ...localSettings(),
    ...settings,
  }
  // The folder too: what the environment says to a host that runs alone is not for these.
  const args = [
    '.',
    ...[`--port=${port}`, `--token-file=${tokenFile}`],
    ...(services.length === 0 ? [] : [`--main=${buildFunctionsGlob(services, sources ? 'source' : 'built')}`]),
    ...(verbose && !process.env.FUNCTIONS_HOST_LOG_LEVEL ? ['--log-level=debug'] : []),
    ...(successor ? ['--successor'] : []),
  ]
  const lines = prefixed ? prefixedLines(name) : undefined
  const child = await startChild(name, HOST, env, {
    signal,
    args,
    portSetting: 'TIDEMARK_HTTP_PORT',
    execArgv: sources ? ['--import', PRELOAD, ...debugFlags(sources.findDebugPort(name), successor)] : [],
    ...(lines ? { onOutput: lines.write } : {}),
    onMessage: (message: { source?: string }) => {
      if (message.source !== undefined) sources?.onSource(name, message.source)
    },
  })
  if (lines) void child.exited.then(lines.end)
  return child
}

/** One that takes the place of another opens the port when that has ended. */
function debugFlags(port: number | undefined, successor: boolean): readonly string[] {
  return port === undefined ? [] : [`--inspect${successor ? '-port' : ''}=127.0.0.1:${port}`]
}

/** A host that dies as often within this time has a fault that starting it again does not mend. */
const RESTARTS = 3
const WITHIN_MS = 60_000

/**
 * One host for each service, as each is an app of its own in Azure, behind a front. A host that dies is
 * started again, as the platform does; one that dies for the fourth time within a minute, or cannot be
 * started again, is given up.
 */
export class ServiceHosts {
  readonly #services: readonly string[]
  readonly #front: Front
  readonly #options: ServiceHostsOptions
  readonly #running = new Map<string, Child>()
  /** When the host of a service died, since its code was loaded anew. */
  readonly #deaths = new Map<string, number[]>()
  /** What is done about a service: one thing after another. */
  readonly #turns = new Map<string, Promise<void>>()
  readonly #given: PromiseWithResolvers<string> = Promise.withResolvers()
  readonly #ending = new AbortController()

  private constructor(services: readonly string[], front: Front, options: ServiceHostsOptions) {
    this.#services = services
    this.#front = front
    this.#options = options
  }

  /**
   * @throws StartError of the first that cannot start; the others are stopped then. Where hosts run the
   * sources, one that cannot start is told, and waits.
   */
  static async start(services: readonly string[], front: Front, options: ServiceHostsOptions): Promise<ServiceHosts> {
    const hosts = new ServiceHosts(services, front, options)
    // A mistake that all of them meet is told by the first: the others need not come that far.
    const failed = new AbortController()
    const starts = services.map(async (service) => {
      try {
        await hosts.#start(service, failed.signal)
      } catch (error) {
        if (!options.sources || options.signal.aborted) throw error
        hosts.#giveUp(service, `cannot be started: ${(error as Error).message}`)
      }
    })
    try {
      await Promise.all(starts)
    } catch (error) {
      failed.abort()
      await Promise.allSettled(starts)
      await hosts.stop()
      throw error
    }
    return hosts
  }

  /** Those that run, in the order of the services. */
  get running(): readonly Child[] {
    return this.#services.flatMap((service) => this.#running.get(service) ?? [])
  }

  /** Settles with a line when a host is given up. */
  get givenUp(): Promise<string> {
    return this.#given.promise
  }

  async stop(): Promise<void> {
    this.#ending.abort()
    await Promise.all([...this.#turns.values(), ...this.running.map((child) => child.stop())])
  }

  /**
   * Runs the sources of a service as they are now. The host that has run so far answers until the new one
   * does, ends what it is doing, and hands over its partitions; where the new one cannot start, it goes on.
   * @param signal ends one that has not started: there are newer sources. @param onServing called once the
   * new one answers.
   * @throws StartError where it cannot start.
   */
  reload(service: string, signal: AbortSignal, onServing: () => void): Promise<void> {
    return this.#inTurn(service, async () => {
      if (signal.aborted) return
      const old = this.#running.get(service)
      const child = await this.#start(service, signal, old !== undefined)
      this.#deaths.delete(service)
      onServing()
      await old?.stop()
      child.send({ begin: true })
    })
  }

  /** Does it when what else is done about the service has ended. */
  #inTurn(service: string, work: () => Promise<void>): Promise<void> {
    const turn = (this.#turns.get(service) ?? Promise.resolve()).then(work)
    this.#turns.set(
      service,
      turn.catch(() => {}),
    )
    return turn
  }

  /** From then on it answers for the service, and is started again when it dies. */
  async #start(service: string, signal: AbortSignal, successor = false): Promise<Child> {
    // Any free port: the front knows it, and a host that comes again need not wait for the port of the one before.
    const child = await startHost(service, [service], {
      ...this.#options,
      port: 0,
      signal: AbortSignal.any([this.#options.signal, this.#ending.signal, signal]),
      prefixed: true,
      successor,
    })
    this.#running.set(service, child)
    if (this.#ending.signal.aborted) await child.stop()
    else this.#front.serve(service, child.address)
    void child.exited.then((how) => this.#ended(service, child, how))
    return child
  }

  #ended(service: string, child: Child, how: string): void {
    // Another one may have its place, and then it was asked to end.
    if (this.#ending.signal.aborted || this.#running.get(service) !== child) return
    this.#running.delete(service)
    this.#front.serve(service, undefined)
    const now = performance.now()
    const recent = [...(this.#deaths.get(service) ?? []), now].filter((at) => now - at < WITHIN_MS)
    this.#deaths.set(service, recent)
    if (recent.length > RESTARTS) {
      this.#giveUp(service, `${how}, for the ${recent.length}th time within a minute`)
      return
    }
    console.error(`${service.padEnd(12)} ${how}: it is started again (${recent.length} of ${RESTARTS} times a minute)`)
    const again = this.#inTurn(service, async () => {
      // What was loaded anew meanwhile runs already.
      if (!this.#running.has(service)) this.#options.onStartedAgain(await this.#start(service, this.#ending.signal))
    })
    again.catch((error: Error) => {
      if (!this.#ending.signal.aborted) this.#giveUp(service, `cannot be started again: ${error.message}`)
    })
  }

  #giveUp(service: string, why: string): void {
    if (this.#options.sources) console.error(`${service.padEnd(12)} ${why}: it waits for the next save`)
    else this.#given.resolve(`${service} ${why}`)
  }
}
