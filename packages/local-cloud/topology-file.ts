import { readFile } from 'node:fs/promises'
import { StartError } from '../kit/errors.ts'

/** The resources of the local cloud. The file is generated from the services, and Bicep provisions the same. */
export interface Topology {
  readonly databases: readonly DatabaseTopology[]
  readonly eventHubs: readonly HubTopology[]
  readonly blobContainers: readonly string[]
}

interface DatabaseTopology {
  readonly name: string
  readonly containers: readonly ContainerTopology[]
}

export interface ContainerTopology {
  readonly name: string
  /** A path, such as `/stream`. */
  readonly partitionKey: string
  /** The only indexed paths. Absent: all paths except `excludedPaths`. */
  readonly indexedPaths?: readonly string[]
  /** Paths whose values must be unique within a partition key. */
  readonly uniqueKeys?: readonly string[]
  readonly excludedPaths?: readonly string[]
  /** In seconds, or -1: no expiry by default. */
  readonly defaultTtl?: number
  /** The paths of each composite index, all descending. Queries for the services' lists use them. */
  readonly compositeIndexes: readonly (readonly string[])[]
}

interface HubTopology {
  readonly name: string
  readonly partitions: number
  readonly retentionHours: number
  readonly consumerGroups: readonly string[]
}

/** Reads and checks a topology file. @throws StartError naming the file, the place in it and what is expected. */
export async function readTopology(path: string): Promise<Topology> {
  let value: unknown
  try {
    value = JSON.parse(await readFile(path, 'utf8'))
  } catch (error) {
    throw new StartError(`${path} cannot be read: ${(error as Error).message}`)
  }
  const at = new Place(path, value)
  // The services' permissions are for the template in infra/. Here every connection string allows everything.
  const topology = at.object(['databases', 'eventHubs', 'blobContainers'], ['services'])
  const lists = topology.services?.list(parseLists).flatMap(({ lists }) => lists) ?? []
  return {
    databases: topology.databases.list((database) => parseDatabase(database, lists)),
    eventHubs: topology.eventHubs.list(parseHub),
    blobContainers: topology.blobContainers.list((name) => name.string(/^[a-z0-9](-?[a-z0-9]){2,62}$/)),
  }
}

/** A list that a service serves from a container. The database has the service's name. */
interface ListTopology {
  readonly database: string
  readonly container: string
  readonly index: readonly string[]
}

function parseLists(at: Place): { readonly name: string; readonly lists: readonly ListTopology[] } {
  const found = at.object(['name'], ['hasLog', 'receivesFrom', 'readsArchivesOf', 'functions', 'lists', 'readsKeysOf'])
  const name = found.name.string(RESOURCE_NAME)
  const lists = found.lists?.list((list) => {
    const { container, index } = list.object(['container', 'index'])
    return {
      database: name,
      container: container.string(RESOURCE_NAME),
      index: index.list(parsePath),
    }
  })
  return { name, lists: lists ?? [] }
}

function parseDatabase(at: Place, lists: readonly ListTopology[]): DatabaseTopology {
  const found = at.object(['name', 'containers'])
  const name = found.name.string(RESOURCE_NAME)
  const own = lists.filter(({ database }) => database === name)
  return { name, containers: found.containers.list((container) => parseContainer(container, own)) }
}

function parseContainer(at: Place, lists: readonly ListTopology[]): ContainerTopology {
  const found = at.object(
    ['name', 'partitionKey'],
    ['access', 'indexedPaths', 'uniqueKeys', 'excludedPaths', 'defaultTtl'],
  )
  const name = found.name.string(RESOURCE_NAME)
  return {
    name,
    compositeIndexes: lists.filter(({ container }) => container === name).map(({ index }) => index),
    partitionKey: found.partitionKey.string(/^(\/[\w-]+)+$/),
    ...(found.indexedPaths ? { indexedPaths: found.indexedPaths.list(parsePath) } : {}),
    ...(found.uniqueKeys ? { uniqueKeys: found.uniqueKeys.list(parsePath) } : {}),
    ...(found.excludedPaths ? { excludedPaths: found.excludedPaths.list(parsePath) } : {}),
    ...(found.defaultTtl ? { defaultTtl: found.defaultTtl.number((ttl) => ttl === -1 || ttl >= 1) } : {}),
  }
}

function parsePath(at: Place): string {
  return at.string(/^\/.+/)
}

function parseHub(at: Place): HubTopology {
  const { name, partitions, retentionHours, consumerGroups } = at.object([
    'name',
    'partitions',
    'retentionHours',
    'consumerGroups',
  ])
  return {
    name: name.string(RESOURCE_NAME),
    partitions: partitions.number((count) => count >= 1 && count <= 32),
    retentionHours: retentionHours.number((hours) => hours >= 1),
    consumerGroups: consumerGroups.list((group) => group.string(RESOURCE_NAME)),
  }
}

const RESOURCE_NAME = /^[\w.$-]{1,255}$/

/** A value and its place in the file. */
class Place {
  readonly #where: string
  readonly #value: unknown

  constructor(where: string, value: unknown) {
    this.#where = where
    this.#value = value
  }

  object<Required extends string, Optional extends string = never>(
    required: readonly Required[],
    optional: readonly Optional[] = [],
  ): Record<Required, Place> & Partial<Record<Optional, Place>> {
    const value = this.#value
    if (typeof value !== 'object' || value === null || Array.isArray(value)) throw this.#wrong('an object')
    const known: readonly string[] = [...required, ...optional]
    for (const name of Object.keys(value))
      if (!known.includes(name))
        throw new StartError(`${this.#where}: unknown property ${name}; there are ${known.join(', ')}`)
    for (const name of required)
      if (!Object.hasOwn(value, name)) throw new StartError(`${this.#where}: ${name} is missing`)
    const places = Object.entries(value).map(([name, found]) => [name, new Place(`${this.#where}: ${name}`, found)])
    return Object.fromEntries(places) as Record<Required, Place> & Partial<Record<Optional, Place>>
  }

  list<Item>(read: (at: Place) => Item): readonly Item[] {
    if (!Array.isArray(this.#value)) throw this.#wrong('a list')
    const items = this.#value.map((item: unknown, index) => read(new Place(`${this.#where}[${index}]`, item)))
    const names = items.map((item) => (item as { name?: unknown })?.name ?? item)
    const twice = names.find((name, index) => names.indexOf(name) !== index)
    if (twice !== undefined) throw new StartError(`${this.#where}: ${String(twice)} occurs twice`)
    return items
  }

  string(pattern: RegExp): string {
    if (typeof this.#value !== 'string' || !pattern.test(this.#value)) throw this.#wrong(`text like ${pattern.source}`)
    return this.#value
  }

  number(fits: (value: number) => boolean): number {
    if (typeof this.#value !== 'number' || !Number.isInteger(this.#value) || !fits(this.#value))
      throw this.#wrong('a whole number in its range')
    return this.#value
  }

  #wrong(expected: string): StartError {
    return new StartError(`${this.#where} is ${JSON.stringify(this.#value)}, it must be ${expected}`)
  }
}
