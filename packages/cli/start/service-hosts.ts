import { type Child, startChild } from '../../kit/child.ts'
import { FAST_RECOVERY } from '../../kit/fast-recovery.ts'
import { moduleFile } from '../../kit/module-file.ts'
import type { Front } from '../../local-cloud/front.ts'
import { functionsOf, localSettings } from '../local-settings.ts'
import { prefixedLines } from './prefixed-lines.ts'

const HOST = moduleFile('../../functions-host/main.ts', import.meta.url)

export interface HostSettings {
  /** Those of the cloud, and where the host listens. */
  readonly settings: Readonly<Record<string, string>>
  readonly verbose: boolean
  /** Ends a host that has not started yet. */
  readonly signal: AbortSignal
}

export interface ServiceHostsOptions extends HostSettings {
  /** Hears of each host that was started again: it has another address. */
  readonly onStartedAgain: (host: Child) => void
}

/** Starts a host for the functions of these services; none named: of all. Its lines have the host's name where there are several hosts. */
export async function startHost(
  name: string,
  services: readonly string[],
  { settings, verbose, signal }: HostSettings,
  prefixed: boolean,
): Promise<Child> {
  const env = {
    // Claims of partitions are renewed as host.json says: every 3 s, they were a third of what a system at rest costs.
    TIDEMARK_HOST_LEASE_EXPIRATION_MS: FAST_RECOVERY.TIDEMARK_HOST_LEASE_EXPIRATION_MS,
    ...localSettings(),
    ...settings,
    ...(services.length === 0 ? {} : functionsOf(services)),
    ...(verbose && !process.env.TIDEMARK_LOG_LEVEL ? { TIDEMARK_LOG_LEVEL: 'debug' } : {}),
  }
  if (!prefixed) return startChild(name, HOST, env, { signal })
  const lines = prefixedLines(name)
  const child = await startChild(name, HOST, env, { signal, onOutput: lines.write })
  void child.exited.then(lines.end)
  return child
}

/** A host that dies as often within this time has a fault that starting it again does not mend. */
const RESTARTS = 3
const WITHIN_MS = 60_000

/**
 * One host for each service, as each is an app of its own in Azure, behind a front. A host that dies is started again, as the platform does;
 * one that dies for the fourth time within a minute, or cannot be started again, is given up.
 */
export class ServiceHosts {
  readonly #services: readonly string[]
  readonly #front: Front
  readonly #options: ServiceHostsOptions
  readonly #running = new Map<string, Child>()
  readonly #given: PromiseWithResolvers<string> = Promise.withResolvers()
  #stopping = false

  private constructor(services: readonly string[], front: Front, options: ServiceHostsOptions) {
    this.#services = services
    this.#front = front
    this.#options = options
  }

  /** @throws StartError of the first that cannot start; the others are stopped then. */
  static async start(services: readonly string[], front: Front, options: ServiceHostsOptions): Promise<ServiceHosts> {
    const hosts = new ServiceHosts(services, front, options)
    // A mistake that all of them meet is told by the first: the others need not come that far.
    const failed = new AbortController()
    const signal = AbortSignal.any([options.signal, failed.signal])
    const starts = services.map(async (service) => {
      const child = await hosts.#start(service, signal)
      hosts.#watch(service, child)
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
    this.#stopping = true
    await Promise.all(this.running.map((child) => child.stop()))
  }

  async #start(service: string, signal: AbortSignal): Promise<Child> {
    // Any free port: the front knows it, and a host that comes again need not wait for the port of the one before.
    const settings = { ...this.#options.settings, TIDEMARK_HTTP_PORT: '0' }
    const child = await startHost(service, [service], { ...this.#options, settings, signal }, true)
    this.#running.set(service, child)
    if (this.#stopping) await child.stop()
    else this.#front.serve(service, child.address)
    return child
  }

  #watch(service: string, first: Child): void {
    void this.#startAgain(service, first).catch((error: Error) => {
      if (!this.#stopping) this.#given.resolve(`${service} cannot be started again: ${error.message}`)
    })
  }

  /** Until the host is stopped or given up. */
  async #startAgain(service: string, first: Child): Promise<void> {
    const deaths: number[] = []
    for (let child = first; ; this.#options.onStartedAgain(child)) {
      const how = await child.exited
      if (this.#stopping) return
      this.#running.delete(service)
      this.#front.serve(service, undefined)
      const now = performance.now()
      deaths.push(now)
      const recent = deaths.filter((at) => now - at < WITHIN_MS).length
      if (recent > RESTARTS) {
        this.#given.resolve(`${service} ${how}, for the ${recent}th time within a minute`)
        return
      }
      console.error(`${service.padEnd(12)} ${how}: it is started again (${recent} of ${RESTARTS} times a minute)`)
      child = await this.#start(service, this.#options.signal)
    }
  }
}
