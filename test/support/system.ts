import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Container, CosmosClient } from '@azure/cosmos'
import { type Answer, Client } from '../../cli/demo/client.ts'
import { localSettings } from '../../cli/local-settings.ts'
import { startCloud } from '../../local/cloud.ts'
import { type Child, startChild } from '../../local/kit/child.ts'
import { listen } from '../../local/kit/listen.ts'

type Cloud = Awaited<ReturnType<typeof startCloud>>

const path = (relative: string): string => fileURLToPath(new URL(`../../${relative}`, import.meta.url))

/** A port that nobody listens on: the system comes back on the ports it had. */
async function freePort(): Promise<number> {
  const server = createServer()
  const port = await listen(server, 0, 'a test')
  await new Promise((resolve) => server.close(resolve))
  return port
}

/** How the functions are started: with settings, with a module of the project that they load first, with an ear for what they print. */
interface HostOptions {
  readonly module?: string
  readonly env?: NodeJS.ProcessEnv
  readonly onOutput?: (text: string) => void
}

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

/** The local cloud and the functions on it, in processes of their own, in a folder of their own; what `npm start` starts. */
export class System {
  readonly #dataDir: string
  readonly #ports: { http: number; blob: number; eventHubs: number; cosmos: number }
  readonly client: Client
  readonly base: string
  #cloud: Cloud | undefined
  #host: Child | undefined
  #cosmos: CosmosClient | undefined

  private constructor(dataDir: string, ports: System['ports']) {
    this.#dataDir = dataDir
    this.#ports = ports
    this.base = `http://127.0.0.1:${ports.http}/api/ordering`
    this.client = new Client(this.base)
  }

  /** The cloud alone: `startHost` is up to the caller. */
  static async cloudAlone(): Promise<System> {
    const dataDir = await mkdtemp(join(tmpdir(), 'tidemark-system-'))
    const [http, blob, eventHubs, cosmos] = [await freePort(), await freePort(), await freePort(), await freePort()]
    const system = new System(dataDir, { http, blob, eventHubs, cosmos })
    await system.startCloud()
    return system
  }

  static async start(): Promise<System> {
    const system = await System.cloudAlone()
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

  async startHost(options: HostOptions = {}): Promise<Child> {
    this.#host = await this.startFunctions(this.#ports.http, options)
    return this.#host
  }

  /** Functions on this cloud: the app's own, or those of a folder that `options.env` names. Stopped by who starts them. */
  startFunctions(port: number, { module, env, onOutput }: HostOptions): Promise<Child> {
    return startChild(
      'functions',
      path('local/host/main.ts'),
      { ...localSettings(), ...this.settings, TIDEMARK_HTTP_PORT: String(port), ...env },
      { execArgv: module ? ['--import', path(module)] : [], ...(onOutput ? { onOutput } : {}) },
    )
  }

  /** One request, sent once: what `client` would send again is an answer too. */
  call(method: string, path: string, options: CallOptions = {}): Promise<Answer> {
    return call(method, this.base + path, options)
  }

  get settings(): Readonly<Record<string, string>> {
    if (!this.#cloud) throw new Error('the cloud is not started')
    return this.#cloud.settings
  }

  get host(): Child {
    if (!this.#host) throw new Error('the host is not started')
    return this.#host
  }

  /** A process of the cloud. */
  part(name: string): Child {
    const part = this.#cloud?.parts.find((candidate) => candidate.name === name)
    if (!part) throw new Error(`there is no ${name} among ${this.#cloud?.parts.map((candidate) => candidate.name)}`)
    return part
  }

  get log(): Container {
    if (!this.#cosmos) throw new Error('the cloud is not started')
    return this.#cosmos.database('ordering').container('events')
  }

  async stop(): Promise<void> {
    await this.#host?.stop()
    this.#cosmos?.dispose()
    await this.#cloud?.stop()
  }

  async remove(): Promise<void> {
    await this.stop()
    await rm(this.#dataDir, { recursive: true, force: true })
  }
}
