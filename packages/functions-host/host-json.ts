import { StartError } from '../kit/errors.ts'
import { HostConfiguration } from './host-configuration.ts'
import { parseLevel } from './log.ts'
import type { LogLevel } from './protocol.ts'
import type { Settings } from './settings.ts'

/** What this host reads from host.json. https://learn.microsoft.com/azure/azure-functions/functions-host-json */
export interface HostJson {
  readonly routePrefix: string
  /** Undefined: no limit. */
  readonly functionTimeoutMs: number | undefined
  /** The lowest level logged, by category: `logging.logLevel`. */
  readonly logLevels: ReadonlyMap<string, LogLevel>
  readonly eventHubs: {
    readonly maxEventBatchSize: number
    readonly batchCheckpointFrequency: number
    readonly prefetchCount: number
    readonly initialOffset: 'fromStart' | 'fromEnd' | { readonly enqueuedOn: Date }
    readonly ownershipExpirationMs: number
    readonly loadBalancingMs: number
  }
}

const EVENT_HUBS = ['extensions', 'eventHubs']
const MINUTE_MS = 60_000

/** @throws StartError naming the file or the setting, the property and its allowed values. */
export async function readHostJson(root: string, settings: Settings): Promise<HostJson> {
  const read = await HostConfiguration.read(root, settings)
  const eventHubs = (name: string): readonly string[] => [...EVENT_HUBS, name]
  if (read.count(eventHubs('minEventBatchSize'), 1) > 1)
    throw new StartError(
      `${read.findName(eventHubs('minEventBatchSize'))}: the local host does not wait for a batch to fill`,
    )
  return {
    routePrefix: read.text(['extensions', 'http', 'routePrefix'], 'api').replace(/^\/+|\/+$/g, ''),
    functionTimeoutMs: functionTimeout(read),
    logLevels: logLevels(read),
    eventHubs: {
      maxEventBatchSize: read.count(eventHubs('maxEventBatchSize'), 100),
      batchCheckpointFrequency: read.count(eventHubs('batchCheckpointFrequency'), 1),
      prefetchCount: read.count(eventHubs('prefetchCount'), 300),
      initialOffset: initialOffset(read),
      // The defaults of the .NET client, which differ from the documentation of host.json:
      // https://learn.microsoft.com/dotnet/api/azure.messaging.eventhubs.primitives.eventprocessoroptions
      ownershipExpirationMs: read.milliseconds(eventHubs('partitionOwnershipExpirationInterval'), 2 * MINUTE_MS),
      loadBalancingMs: read.milliseconds(eventHubs('loadBalancingUpdateInterval'), MINUTE_MS / 2),
    },
  }
}

/** 30 minutes, as in all plans but one: https://learn.microsoft.com/azure/azure-functions/functions-scale#timeout */
function functionTimeout(read: HostConfiguration): number | undefined {
  const path = ['functionTimeout']
  return read.text(path, '00:30:00') === '-1' ? undefined : read.milliseconds(path, 30 * MINUTE_MS)
}

/** Ignores `logging.console.logLevel`, which is only for the console: the output here should match Azure's. */
function logLevels(read: HostConfiguration): ReadonlyMap<string, LogLevel> {
  const path = ['logging', 'logLevel']
  return new Map(
    [...read.texts(path)].map(([category, text]) => {
      const level = parseLevel(text)
      if (level === undefined) throw new StartError(`${read.findName([...path, category])} is not a log level: ${text}`)
      return [category, level]
    }),
  )
}

function initialOffset(read: HostConfiguration): HostJson['eventHubs']['initialOffset'] {
  const options = [...EVENT_HUBS, 'initialOffsetOptions']
  const type = read.text([...options, 'type'], 'fromStart').toLowerCase()
  if (type === 'fromstart') return 'fromStart'
  if (type === 'fromend') return 'fromEnd'
  if (type !== 'fromenqueuedtime')
    throw new StartError(`${read.findName([...options, 'type'])} must be fromStart, fromEnd or fromEnqueuedTime`)
  const time = [...options, 'enqueuedTimeUtc']
  const enqueuedOn = new Date(read.text(time, ''))
  if (Number.isNaN(enqueuedOn.getTime()))
    throw new StartError(`${read.findName(time)} must be a time such as 2026-01-31T12:00:00Z`)
  return { enqueuedOn }
}
