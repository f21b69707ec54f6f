import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { StartError } from '../kit/errors.ts'

/** What this host reads of host.json. https://learn.microsoft.com/azure/azure-functions/functions-host-json */
export interface HostJson {
  readonly routePrefix: string
  readonly eventHubs: {
    readonly maxEventBatchSize: number
    readonly batchCheckpointFrequency: number
    readonly prefetchCount: number
    readonly initialOffset: 'fromStart' | 'fromEnd' | { readonly enqueuedOn: Date }
  }
}

type Json = Readonly<Record<string, unknown>>

/** @throws StartError that names the file, the property and what it must be. */
export async function readHostJson(root: string): Promise<HostJson> {
  const path = join(root, 'host.json')
  let value: unknown
  try {
    value = JSON.parse(await readFile(path, 'utf8'))
  } catch (error) {
    throw new StartError(`${path} cannot be read: ${(error as Error).message}`)
  }
  const section = (json: Json, name: string): Json => {
    const found = json[name] ?? {}
    if (typeof found !== 'object' || found === null || Array.isArray(found))
      throw new StartError(`${path}: ${name} must be an object`)
    return found as Json
  }
  const number = (json: Json, name: string, otherwise: number): number => {
    const found = json[name] ?? otherwise
    if (typeof found !== 'number' || !Number.isSafeInteger(found) || found < 1)
      throw new StartError(`${path}: ${name} must be a whole number from 1 on`)
    return found
  }
  if (typeof value !== 'object' || value === null) throw new StartError(`${path} must hold an object`)
  const extensions = section(value as Json, 'extensions')
  const eventHubs = section(extensions, 'eventHubs')
  const { routePrefix = 'api' } = section(extensions, 'http')
  if (typeof routePrefix !== 'string') throw new StartError(`${path}: routePrefix must be a string`)

  return {
    routePrefix: routePrefix.replace(/^\/+|\/+$/g, ''),
    eventHubs: {
      maxEventBatchSize: number(eventHubs, 'maxEventBatchSize', 100),
      batchCheckpointFrequency: number(eventHubs, 'batchCheckpointFrequency', 1),
      prefetchCount: number(eventHubs, 'prefetchCount', 300),
      initialOffset: initialOffset(path, section(eventHubs, 'initialOffsetOptions')),
    },
  }
}

function initialOffset(path: string, options: Json): HostJson['eventHubs']['initialOffset'] {
  const type = String(options.type ?? 'fromStart').toLowerCase()
  if (type === 'fromstart') return 'fromStart'
  if (type === 'fromend') return 'fromEnd'
  if (type !== 'fromenqueuedtime')
    throw new StartError(`${path}: initialOffsetOptions.type must be fromStart, fromEnd or fromEnqueuedTime`)
  const enqueuedOn = new Date(String(options.enqueuedTimeUtc))
  if (Number.isNaN(enqueuedOn.getTime()))
    throw new StartError(`${path}: initialOffsetOptions.enqueuedTimeUtc must be a time such as 2026-01-31T12:00:00Z`)
  return { enqueuedOn }
}
