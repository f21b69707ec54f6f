import { fileURLToPath, pathToFileURL } from 'node:url'
import { type Child, startChild } from '../../kit/child.ts'
import { FAST_RECOVERY } from '../../kit/fast-recovery.ts'
import { moduleFile } from '../../kit/module-file.ts'
import type { Front } from '../../local-cloud/front.ts'
import { buildFunctionsGlob, localSettings } from '../project/local-settings.ts'
import { prefixedLines } from './prefixed-lines.ts'

const HOST = fileURLToPath(import.meta.resolve('tidemark-functions-host/main'))
const PRELOAD = pathToFileURL(moduleFile('../dev/host-preload.ts', import.meta.url)).href

interface HostSettings {
  /** The settings of the local cloud. */
  readonly settings: Readonly<Record<string, string>>
  /** The file with the token that every request must show; undefined if none is required. */
  readonly tokenFile: string | undefined
  readonly verbose: boolean
  /** Stops a host that has not started yet. */
  readonly signal: AbortSignal
}

/** Options of hosts that run the sources instead of the build. */
export interface SourceOptions {
  /** Called for each source that the host of a service loads. */
  readonly onSource: (service: string, file: string) => void
  /** The debug port of a service's host; undefined if it has none. */
  readonly findDebugPort: (service: string) => number | undefined
}

interface ServiceHostsOptions extends HostSettings {
  /** Called for each host that was started again: it has another address. */
  readonly onStartedAgain: (host: Child) => void
  /** If set, the hosts run the sources, and a service that cannot run waits for `reload`. */
  readonly sources?: SourceOptions | undefined
}

/** The options of one host. */
interface Launch extends HostSettings {
  /** The port it listens on; 0 for any free port. */
  readonly port: number
  /** Whether its lines begin with its name, because there are several hosts. */
  readonly prefixed: boolean
  readonly sources?: SourceOptions | undefined
  /** Whether it replaces a host that still runs. Its triggers then wait for a message to begin. */
  readonly successor?: boolean
}

/** Starts a host for the functions of these services, or of all if none is named. */
export async function startHost(name: string, services: readonly string[], launch: Launch): Promise<Child> {
  const { settings, tokenFile = '', port, verbose, signal, prefixed, sources, successor = false } = launch
  const env = {
    // Partition claims are renewed as host.json says. Every 3 s, they would be a third of the cost of an idle
    // system.
    FUNCTIONS_HOST_LEASE_EXPIRATION_MS: FAST_RECOVERY.FUNCTIONS_HOST_LEASE_EXPIRATION_MS,
    ...localSettings(),
    ...settings,
  }
  // Everything is passed as an argument: the environment may have settings for a host that runs alone.
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

/** A successor opens the port later, once the host before it has ended. */
function debugFlags(port: number | undefined, successor: boolean): readonly string[] {
  return port === undefined ? [] : [`--inspect${successor ? '-port' : ''}=127.0.0.1:${port}`]
}

/** If a host dies more often than this within the time, a restart does not fix its fault. */
const RESTARTS = 3
const WITHIN_MS = 60_000

/**
 * One host for each service, behind a front, as each service is its own app in Azure. Restarts a host that
 * dies, as the platform does. Gives up on a host that dies for the fourth time within a minute, or cannot be
 * restarted.
 */
export class ServiceHosts {
  readonly #services: readonly string[]
  readonly #front: Front
  readonly #options: ServiceHostsOptions
  readonly #running = new Map<string, Child>()
  /** When the host of a service died, since its code was last reloaded. */
  readonly #deaths = new Map<string, number[]>()
  /** The work for each service, done one piece after another. */
  readonly #turns = new Map<string, Promise<void>>()
  readonly #given: PromiseWithResolvers<string> = Promise.withResolvers()
  readonly #ending = new AbortController()

  private constructor(services: readonly string[], front: Front, options: ServiceHostsOptions) {
    this.#services = services
    this.#front = front
    this.#options = options
  }

  /**
   * @throws StartError of the first host that cannot start; the others are then stopped. If the hosts run the
   * sources, a host that cannot start is reported instead, and waits.
   */
  static async start(services: readonly string[], front: Front, options: ServiceHostsOptions): Promise<ServiceHosts> {
    const hosts = new ServiceHosts(services, front, options)
    // If all fail for the same reason, the first reports it, and the others are stopped early.
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

  /** The running hosts, in the order of the services. */
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
   * Starts a new host with the current sources of a service. The old host answers until the new one does,
   * finishes its work, and hands over its partitions. If the new host cannot start, the old one keeps
   * running.
   * @param signal stops a new host that has not started, because there are newer sources. @param onServing
   * called once the new host answers.
   * @throws StartError if it cannot start.
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

  /** Runs `work` once the earlier work for the service has ended. */
  #inTurn(service: string, work: () => Promise<void>): Promise<void> {
    const turn = (this.#turns.get(service) ?? Promise.resolve()).then(work)
    this.#turns.set(
      service,
      turn.catch(() => {}),
    )
    return turn
  }

  /** Starts a host, which then answers for the service, and is restarted when it dies. */
  async #start(service: string, signal: AbortSignal, successor = false): Promise<Child> {
    // Any free port: the front knows it, and a restarted host need not wait for the old port.
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
    // If another host has replaced it, it was asked to end.
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
      // A reload may have started it meanwhile.
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
