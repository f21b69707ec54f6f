import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Answer, Client } from '../../packages/cli/demo/client.ts'
import { type RawItem, readLog } from '../../packages/cli/demo/raw-fold.ts'
import { readRawLog } from '../../packages/cli/demo/reading.ts'
import { BEFORE_THE_SPLIT, unpackReleased } from './released-bundles.ts'
import { type CallOptions, call, type HostOptions, System } from './system.ts'

/** A host of one service, in the released or in today's version. */
export interface ServiceHost {
  readonly client: Client
  /** Its output. */
  output(): string
  /** The streams that it reported as parked, once per report. */
  held(): Held[]
  /** Sends one request once, without the client's retries. */
  call(method: string, path: string, options?: CallOptions): Promise<Answer>
  stop(): Promise<void>
}

/** An event at which a handler of a host waits, since its code does not know it. */
export interface Held {
  /** The name of the view or reaction. */
  readonly handler: string
  readonly stream: string
  readonly version: number
  /** The event type and its version, such as `OrderPlaced 4`. */
  readonly event: string
}

const HELD =
  /(?<name>[a-z-]+)(?:@\d+)? cannot process \S+ \w+(?: \([^)]*\))?: event-unknown: (?<stream>\S+)@(?<version>\d+): this code does not know (?<type>\w+) version (?<schema>\d+)/g

/** Hosts of services in older versions and in today's, on one local cloud. */
export class Releases {
  readonly system: System
  readonly #folder: string

  private constructor(system: System, folder: string) {
    this.system = system
    this.#folder = folder
  }

  static async start(): Promise<Releases> {
    const system = await System.cloudAlone({ soon: true })
    // At that time ordering recorded the time to pay. A deployment removes no container: an older service has
    // what it needs as long as it runs.
    const { database } = system.openLog('ordering')
    await database.containers.createIfNotExists({ id: 'schedule', partitionKey: '/pk' })
    return new Releases(system, await mkdtemp(join(tmpdir(), 'tidemark-releases-')))
  }

  async remove(): Promise<void> {
    await this.system.remove()
    await rm(this.#folder, { recursive: true, force: true })
  }

  /** Starts a host of a released service. */
  async released(service: string): Promise<ServiceHost> {
    return this.#start(service, { bundle: await unpackReleased(BEFORE_THE_SPLIT, service, this.#folder) })
  }

  /** Starts a host of a service in today's version, and of further services if given. */
  today(service: string, ...more: readonly string[]): Promise<ServiceHost> {
    return this.#start(service, { services: [service, ...more] })
  }

  async #start(service: string, options: HostOptions): Promise<ServiceHost> {
    let output = ''
    const child = await this.system.startHost({
      services: [service],
      ...options,
      onOutput: (text) => {
        output += text
      },
    })
    return {
      client: this.system.createClient(service, child),
      output: () => output,
      held: () =>
        [...output.matchAll(HELD)].map(({ groups = {} }) => ({
          handler: groups.name ?? '',
          stream: groups.stream ?? '',
          version: Number(groups.version),
          event: `${groups.type} ${groups.schema}`,
        })),
      call: (method, path, options = {}) => call(method, `${child.address}/api/${service}${path}`, options),
      stop: () => child.stop(),
    }
  }

  /** The events of a service's log by stream, in order. */
  async streams(service: string): Promise<Map<string, RawItem[]>> {
    const { events } = readLog(await readRawLog(this.system.openLog(service)))
    return Map.groupBy(events, ({ stream }) => stream)
  }

  /** The streams of a service's log with an event of a type. */
  async streamsWith(service: string, type: string): Promise<ReadonlySet<string>> {
    const query = {
      query: 'SELECT VALUE c.stream FROM c WHERE ARRAY_CONTAINS(c.types, @type)',
      parameters: [{ name: '@type', value: type }],
    }
    return new Set((await this.system.openLog(service).items.query<string>(query).fetchAll()).resources)
  }
}
