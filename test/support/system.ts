import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Container, CosmosClient } from '@azure/cosmos'
import { BlobServiceClient, type ContainerClient } from '@azure/storage-blob'
import { buildTopology, hasLog } from 'tidemark/tools'
import { type Answer, Client } from '../../packages/cli/demo/client.ts'
import { services } from '../../packages/cli/project/config.ts'
import { buildFunctionsGlob, localSettings } from '../../packages/cli/project/local-settings.ts'
import { type Child, startChild } from '../../packages/kit/child.ts'
import type { FAST_RECOVERY } from '../../packages/kit/fast-recovery.ts'
import { startCloud } from '../../packages/local-cloud/cloud.ts'
import { freePort } from '../../packages/test-support/ports.ts'
import { until, WAIT_MS, within } from '../../packages/test-support/wait.ts'

type Cloud = Awaited<ReturnType<typeof startCloud>>

/** A build refuses settings that it does not know, and the released bundles are older than these. */
const UNKNOWN_TO_BUNDLES = { TIDEMARK_ARCHIVE_SECONDS: undefined }

/**
 * Lets hosts take over from a killed one even sooner than under `npm start`, because the load of a waiting
 * test keeps the machine busy.
 */
const FASTER_RECOVERY: Record<keyof typeof FAST_RECOVERY, string> = {
  AzureFunctionsJobHost__extensions__eventHubs__partitionOwnershipExpirationInterval: '00:00:04',
  AzureFunctionsJobHost__extensions__eventHubs__loadBalancingUpdateInterval: '00:00:01',
  FUNCTIONS_HOST_LEASE_EXPIRATION_MS: '4000',
}

/** The services that hosts run by default. One that only follows others costs receivers, and nothing waits for it. */
const recording = services.filter(hasLog)

/** What those services use. */
export const runningTopology = buildTopology(recording)

/** Tests that read an archive wait for it less long than people do. */
const ARCHIVED_SOON = { TIDEMARK_ARCHIVE_SECONDS: '5' }

const path = (relative: string): string => fileURLToPath(new URL(`../../${relative}`, import.meta.url))

export interface CallOptions {
  readonly body?: string | Uint8Array
  readonly headers?: Readonly<Record<string, string>>
}

/** Sends one request like any client. The body is `application/json` unless a header says otherwise. */
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
 * Reads at a position, and repeats while the view lags, which on a busy machine is no error.
 * @param onBehind receives each answer that reports a lag.
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
  /** The services that its hosts run unless told otherwise; by default all that record events. */
  readonly services?: readonly string[]
  /**
   * Lets hosts take over from a killed one within seconds, for tests that kill or add hosts. All hosts then
   * check each second, which costs more than most tests themselves. By default as in host.json.
   */
  readonly soon?: boolean
}

export interface HostOptions {
  /** The services to run; by default those of the system. */
  readonly services?: readonly string[]
  /** The folder of a bundle to run instead of the built code; `services` names its service. */
  readonly bundle?: string
  /** A module that the host loads first, and its settings. */
  readonly preload?: { readonly module?: string; readonly env: NodeJS.ProcessEnv }
  /** Receives the output, which otherwise goes to the test's own. */
  readonly onOutput?: (text: string) => void
  /** By default the system's port, or any free one if another host of the system has that. */
  readonly port?: number
}

/** The local cloud and hosts on it, as `npm start` starts them, in processes and a folder of their own. */
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
    this.#services = options.services ?? recording.map(({ name }) => name)
    this.#soon = options.soon ?? false
    this.base = `http://127.0.0.1:${ports.http}/api/ordering`
    this.client = new Client(this.base, WAIT_MS)
  }

  /** Starts only the cloud. The caller starts the hosts. */
  static async cloudAlone(options: SystemOptions = {}): Promise<System> {
    const dataDir = await mkdtemp(join(tmpdir(), 'tidemark-system-'))
    const [http, blob, eventHubs, cosmos] = [await freePort(), await freePort(), await freePort(), await freePort()]
    const system = new System(dataDir, { http, blob, eventHubs, cosmos }, options)
    await system.startCloud()
    return system
  }

  /** Starts the cloud, and one host on it. */
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

  /** Starts another host beside the running ones. */
  async startHost(options: HostOptions = {}): Promise<Child> {
    const { services = this.#services, bundle, preload } = options
    const inUse = this.hosts.some(({ address }) => new URL(address).port === String(this.#ports.http))
    const starting = startChild(
      'functions',
      path('packages/functions-host/main.ts'),
      {
        ...(this.#soon ? FASTER_RECOVERY : {}),
        ...localSettings(),
        ...ARCHIVED_SOON,
        ...this.settings,
        ...(bundle === undefined
          ? { FUNCTIONS_HOST_MAIN: buildFunctionsGlob(services) }
          : { FUNCTIONS_HOST_FOLDER: bundle, ...UNKNOWN_TO_BUNDLES }),
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
      // Fails the test now. A request to this host would wait until the test's timeout, without giving the reason.
      if (/code [1-9]/.test(how)) throw new Error(`the host of ${services} on ${child.address} ${how}`)
    })
    return child
  }

  /** Sends one request to ordering once, without the client's retries. */
  call(method: string, path: string, options: CallOptions = {}): Promise<Answer> {
    return call(method, this.base + path, options)
  }

  /** Reads ordering at a position, and repeats while the view lags. */
  callOnceSeen(method: string, path: string): Promise<Answer> {
    return callOnceSeen(method, this.base + path)
  }

  get settings(): Readonly<Record<string, string>> {
    if (!this.#cloud) throw new Error('the cloud is not started')
    return this.#cloud.settings
  }

  /** The running hosts, in the order of their start. */
  get hosts(): readonly Child[] {
    return this.#hosts.map(({ child }) => child)
  }

  /** The running host that was started last. */
  get host(): Child {
    const last = this.hosts.at(-1)
    if (!last) throw new Error('no host runs')
    return last
  }

  /** @param host by default the first that runs the service. A client keeps the address that the host has now. */
  createClient(service: string, host?: Child): Client {
    const child = host ?? this.#hosts.find(({ services }) => services.includes(service))?.child
    if (!child) throw new Error(`no host runs ${service}`)
    return new Client(`${child.address}/api/${service}`, WAIT_MS)
  }

  /** Reads a document, and repeats until it has a status. @param host as for `createClient`. */
  untilStatus(service: string, path: string, status: string, host?: Child): Promise<Record<string, unknown>> {
    const client = this.createClient(service, host)
    const read = async (): Promise<Record<string, unknown>> => (await client.get(path)).body
    return until(`${path} to be ${status}`, read, (seen) => seen.status === status)
  }

  /** Whether a command is scheduled for the order's payment. */
  async isExpiryScheduled(order: string): Promise<boolean> {
    const { resources } = await this.openContainer('payments', 'schedule').items.readAll().fetchAll()
    return resources.some(({ stream }) => stream === `payment-${order}`)
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

  /** @param name a container of the service's database: its log, its leases or a view. */
  openContainer(service: string, name: string): Container {
    if (!this.#cosmos) throw new Error('the cloud is not started')
    return this.#cosmos.database(service).container(name)
  }

  /** The container of the hosts' partition claims and checkpoints. */
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
