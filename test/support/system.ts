import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Container, CosmosClient } from '@azure/cosmos'
import { Client } from '../../cli/demo/client.ts'
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

  static async start(): Promise<System> {
    const dataDir = await mkdtemp(join(tmpdir(), 'tidemark-system-'))
    const [http, blob, eventHubs, cosmos] = [await freePort(), await freePort(), await freePort(), await freePort()]
    const system = new System(dataDir, { http, blob, eventHubs, cosmos })
    await system.startCloud()
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

  /** @param preload a module that the host loads first; with it its settings. */
  async startHost(preload?: { readonly module: string; readonly env: NodeJS.ProcessEnv }): Promise<Child> {
    this.#host = await startChild(
      'functions',
      path('local/host/main.ts'),
      { ...localSettings(), ...this.settings, TIDEMARK_HTTP_PORT: String(this.#ports.http), ...preload?.env },
      { execArgv: preload ? ['--import', path(preload.module)] : [] },
    )
    return this.#host
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
