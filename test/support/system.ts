import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Container, CosmosClient } from '@azure/cosmos'
import { BlobServiceClient, type ContainerClient } from '@azure/storage-blob'
import { type Answer, Client } from '../../packages/cli/demo/client.ts'
import { services } from '../../packages/cli/project/config.ts'
import { buildFunctionsGlob, localSettings } from '../../packages/cli/project/local-settings.ts'
import { type Child, startChild } from '../../packages/kit/child.ts'
import { startCloud } from '../../packages/local-cloud/cloud.ts'
import { freePort } from '../../packages/test-support/ports.ts'
import { until, WAIT_MS, within } from '../../packages/test-support/wait.ts'
import { FASTER_RECOVERY } from './faster-recovery.ts'

type Cloud = Awaited<ReturnType<typeof startCloud>>

const path = (relative: string): string => fileURLToPath(new URL(`../../${relative}`, import.meta.url))

export interface CallOptions {
  readonly body?: string | Uint8Array
  readonly headers?: Readonly<Record<string, string>>
}

/** One request as any client sends it; a body is `application/json` unless a header says otherwise. */
export async function call(method: string, url: string, { body, headers }: CallOptions): Promise<Answer> {
  const response = await fetch(url, {
    method,
    ...(body === undefined ? {} : { body }),
    headers: { ...(body === undefined ? {} : { 'content-type': 'application/json' }), ...headers },
  })
  const text = await response.text()
  return { status: response.status, headers: response.headers, body: text === '' ? undefined : JSON.parse(text) }
}

/**
 * A read under a position, asked again while the view is behind: on a machine that is busy it is late, not wrong.
 * @param onBehind hears each answer that says so.
 */
export function callOnceSeen(
  method: string,
  url: string,
  onBehind: (answer: Answer) => void = () => {},
): Promise<Answer> {
  return until(
    `${url} to be seen`,
    async () => {
      const answer = await call(method, url, {})
      if (answer.status === 503) onBehind(answer)
      return answer
    },
    ({ status }) => status !== 503,
  )
}

export interface SystemOptions {
  /** Those that its hosts run unless told otherwise; without it every service. */
  readonly services?: readonly string[]
  /**
   * What a killed host held is taken up within seconds, for tests that kill hosts or let them join: all hosts look
   * for it each second, which costs more than what most tests do. Without it as host.json says.
   */
  readonly soon?: boolean
}

export interface HostOptions {
  /** Whose functions it runs; without it those of the system's services. */
  readonly services?: readonly string[]
  /** The folder of a bundle to run in place of what was built; `services` says whose it is. */
  readonly bundle?: string
  /** A module that the host loads first; with it its settings. */
  readonly preload?: { readonly module?: string; readonly env: NodeJS.ProcessEnv }
  /** Hears what it prints, in place of the test's own output. */
  readonly onOutput?: (text: string) => void
  /** Without it the system's port, or any free one where another of its hosts has that. */
  readonly port?: number
}

/**
 * The local cloud and hosts of functions on it, in processes of their own, in a folder of their own; what
 * `npm start` starts.
 */
export class System {
  readonly #dataDir: string
  readonly #ports: { http: number; blob: number; eventHubs: number; cosmos: number }
  readonly #services: readonly string[]
  readonly #soon: boolean
  readonly client: Client
  readonly base: string
  #cloud: Cloud | undefined
  #hosts: readonly { readonly child: Child; readonly services: readonly string[] }[] = []
  #cosmos: CosmosClient | undefined

  private constructor(dataDir: string, ports: System['ports'], options: SystemOptions) {
    this.#dataDir = dataDir
    this.#ports = ports
    this.#services = options.services ?? services.map(({ name }) => name)
    this.#soon = options.soon ?? false
    this.base = `http://127.0.0.1:${ports.http}/api/ordering`
    this.client = new Client(this.base, WAIT_MS)
  }

  /** The cloud alone: the hosts are up to the caller. */
  static async cloudAlone(options: SystemOptions = {}): Promise<System> {
    const dataDir = await mkdtemp(join(tmpdir(), 'tidemark-system-'))
    const [http, blob, eventHubs, cosmos] = [await freePort(), await freePort(), await freePort(), await freePort()]
    const system = new System(dataDir, { http, blob, eventHubs, cosmos }, options)
    await system.startCloud()
    return system
  }

  /** The cloud, and one host on it. */
  static async start(options: SystemOptions = {}): Promise<System> {
    const system = await System.cloudAlone(options)
    await system.startHost()
    return system
  }

  get ports(): { http: number; blob: number; eventHubs: number; cosmos: number } {
    return this.#ports
  }

  get dataDir(): string {
    return this.#dataDir
  }

  async startCloud(): Promise<void> {
    this.#cloud = await startCloud({
      dataDir: this.#dataDir,
      topologyFile: path('infra/topology.json'),
      ports: this.#ports,
      fresh: false,
    })
    this.#cosmos = new CosmosClient(this.settings.CosmosConnection ?? '')
  }

  /** One more host, beside those that run. */
  async startHost(options: HostOptions = {}): Promise<Child> {
    const { services = this.#services, bundle, preload } = options
    const inUse = this.hosts.some(({ address }) => new URL(address).port === String(this.#ports.http))
    const starting = startChild(
      'functions',
      path('packages/functions-host/main.ts'),
      {
        ...(this.#soon ? FASTER_RECOVERY : {}),
        ...localSettings(),
        ...this.settings,
        ...(bundle === undefined
          ? { FUNCTIONS_HOST_MAIN: buildFunctionsGlob(services) }
          : { FUNCTIONS_HOST_FOLDER: bundle }),
        FUNCTIONS_HOST_PORT: String(options.port ?? (inUse ? 0 : this.#ports.http)),
        ...preload?.env,
      },
      {
        execArgv: preload?.module ? ['--import', path(preload.module)] : [],
        ...(options.onOutput ? { onOutput: options.onOutput } : {}),
      },
    )
    const child = await within(starting, `the host of ${services} to start`)
    this.#hosts = [...this.#hosts, { child, services }]
    void child.exited.then((how) => {
      this.#hosts = this.#hosts.filter((host) => host.child !== child)
      // The test fails now: whoever asks this host would wait until the test's time is over, and not say why.
      if (/code [1-9]/.test(how)) throw new Error(`the host of ${services} on ${child.address} ${how}`)
    })
    return child
  }

  /** One request to ordering, sent once: what `client` would send again is an answer too. */
  call(method: string, path: string, options: CallOptions = {}): Promise<Answer> {
    return call(method, this.base + path, options)
  }

  /** A read of ordering under a position, asked again while the view is behind. */
  callOnceSeen(method: string, path: string): Promise<Answer> {
    return callOnceSeen(method, this.base + path)
  }

  get settings(): Readonly<Record<string, string>> {
    if (!this.#cloud) throw new Error('the cloud is not started')
    return this.#cloud.settings
  }

  /** Those that run, in the order of their starts. */
  get hosts(): readonly Child[] {
    return this.#hosts.map(({ child }) => child)
  }

  /** The one of them that was started last. */
  get host(): Child {
    const last = this.hosts.at(-1)
    if (!last) throw new Error('no host runs')
    return last
  }

  /** @param host without it the first that runs the service. A client stays with the address that the host has. */
  createClient(service: string, host?: Child): Client {
    const child = host ?? this.#hosts.find(({ services }) => services.includes(service))?.child
    if (!child) throw new Error(`no host runs ${service}`)
    return new Client(`${child.address}/api/${service}`, WAIT_MS)
  }

  /** A process of the cloud. */
  part(name: string): Child {
    const part = this.#cloud?.parts.find((candidate) => candidate.name === name)
    if (!part) throw new Error(`there is no ${name} among ${this.#cloud?.parts.map((candidate) => candidate.name)}`)
    return part
  }

  get log(): Container {
    return this.openLog('ordering')
  }

  openLog(service: string): Container {
    return this.openContainer(service, 'events')
  }

  /** @param name of a container in the service's database: its log, its leases, a view. */
  openContainer(service: string, name: string): Container {
    if (!this.#cosmos) throw new Error('the cloud is not started')
    return this.#cosmos.database(service).container(name)
  }

  /** Where hosts keep their claims of partitions, and checkpoints. */
  get claims(): ContainerClient {
    const blobs = BlobServiceClient.fromConnectionString(this.settings.AzureWebJobsStorage ?? '')
    return blobs.getContainerClient('azure-webjobs-eventhub')
  }

  async stop(): Promise<void> {
    await Promise.all(this.hosts.map((host) => host.stop()))
    this.#cosmos?.dispose()
    await this.#cloud?.stop()
  }

  async remove(): Promise<void> {
    await this.stop()
    await rm(this.#dataDir, { recursive: true, force: true })
  }
}
