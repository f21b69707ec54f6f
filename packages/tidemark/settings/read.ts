import type { z } from 'zod'
import type { ActorSource } from '../azure-functions/actor.ts'
import type { BlobConnection } from '../core/archive.ts'
import { TidemarkError } from '../core/errors.ts'
import type { KeyWrapConnection } from '../core/ports.ts'
import type { CosmosConnection } from '../cosmos/client.ts'
import type { EventHubsConnection } from '../event-hubs/publisher.ts'
import { createCredential } from '../identity/credential.ts'
import type { OtlpSettings } from '../opentelemetry/otlp.ts'
import { type SettingName, settings, settingsList } from './list.ts'
import { nearest } from './nearest.ts'
import { isOtherName } from './other-names.ts'

/** Application settings as environment variables. An empty one counts as unset. */
export type Environment = Readonly<Record<string, string | undefined>>

/** The parsed settings of a service. */
export interface Settings {
  readonly cosmos: CosmosConnection
  readonly eventHubs: EventHubsConnection
  readonly archive: BlobConnection
  /** Absent: not set. Only services with personal data need it. */
  readonly keyWrap?: KeyWrapConnection
  readonly archiveSeconds: number
  readonly actorSource: ActorSource
  readonly cachedStreams: number
  readonly snapshotEvents: number
  readonly queryWaitMs: number
  readonly relayPollMs: number
  readonly schedulePollSeconds: number
  readonly lagCheckSeconds: number
  readonly sendsCanaries: boolean
  /** Request units a second that rebuilds may use. Absent: no limit. */
  readonly rebuildRequestUnits?: number
  /** Absent: no telemetry is sent. */
  readonly otlp?: OtlpSettings
}

type Values = { readonly [Name in SettingName]: z.output<(typeof settingsList)[Name]['schema']> }

/** A connection is set by a connection string, or by an address and an identity. */
const connections = [
  ['CosmosConnection', 'CosmosConnection__accountEndpoint'],
  ['EventHubConnection', 'EventHubConnection__fullyQualifiedNamespace'],
  ['ArchiveStorage', 'ArchiveStorage__blobServiceUri'],
  ['PersonalKeys', 'PersonalKeys__vaultUri'],
] as const
/** Connections that not every service needs. */
const optional: ReadonlySet<string> = new Set(['PersonalKeys'])
const ownNames = /^(TIDEMARK_|(CosmosConnection|EventHubConnection|ArchiveStorage|PersonalKeys)__)/i
const SHOWN = 60
/**
 * Detects a key in a setting that should not contain one, such as a connection string or an address with a
 * password.
 */
const KEY = /(key|signature|sig|secret|password|token)=|:\/\/[^/]*@/i

/**
 * Reads and checks the settings of a service.
 * @throws TidemarkError `setting-invalid`: one line that names each missing, wrong or unknown setting and
 *   what it must be.
 * @example
 * ```ts
 * import assert from 'node:assert/strict'
 * import { readSettings } from 'tidemark/azure-functions'
 *
 * assert.throws(() => readSettings({ CosmosConnection: 'AccountEndpoint=https://localhost;AccountKey=a2V5;' }), {
 *   code: 'setting-invalid',
 * })
 * ```
 */
export function readSettings(environment: Environment): Settings {
  const set = Object.entries(environment).filter((entry): entry is [string, string] => Boolean(entry[1]))
  const names = new Set(set.map(([name]) => name))
  const { values, wrong } = parseValues(new Map(set))
  const all = [...unknown(names), ...wrong, ...connections.flatMap((way) => connectionWrong(way, names))]
  if (all.length > 0) throw new TidemarkError('setting-invalid', all.join('; '))
  return {
    cosmos: cosmosConnection(values),
    eventHubs: eventHubsConnection(values),
    archive: archiveConnection(values),
    ...keyWrapConnection(values),
    archiveSeconds: values.TIDEMARK_ARCHIVE_SECONDS,
    actorSource: actorSource(values),
    cachedStreams: values.TIDEMARK_CACHED_STREAMS,
    snapshotEvents: values.TIDEMARK_SNAPSHOT_EVENTS,
    queryWaitMs: values.TIDEMARK_QUERY_WAIT_MS,
    relayPollMs: values.TIDEMARK_RELAY_POLL_MS,
    schedulePollSeconds: values.TIDEMARK_SCHEDULE_POLL_S,
    lagCheckSeconds: values.TIDEMARK_LAG_CHECK_S,
    sendsCanaries: values.TIDEMARK_CANARY,
    ...(values.TIDEMARK_REBUILD_RU === undefined ? {} : { rebuildRequestUnits: values.TIDEMARK_REBUILD_RU }),
    ...otlpSettings(values),
  }
}

/** Skips settings that only the host reads; the host validates them. */
function parseValues(set: ReadonlyMap<string, string>): { readonly values: Values; readonly wrong: readonly string[] } {
  const values: Record<string, unknown> = {}
  const wrong: string[] = []
  for (const [name, { schema, mustBe, readBy, secret }] of settings) {
    if (readBy === 'host') continue
    const text = set.get(name)
    const read = schema.safeParse(text)
    if (read.success) values[name] = read.data
    else wrong.push(`${name} must be ${mustBe}${secret || text === undefined ? '' : `, not ${valueShown(text)}`}`)
  }
  return { values: values as Values, wrong }
}

function unknown(names: ReadonlySet<string>): readonly string[] {
  const known = [...settings.keys()].filter((name) => ownNames.test(name))
  return [...names]
    .filter((name) => ownNames.test(name) && !settings.has(name) && !isOtherName(name))
    .map((name) => `there is no setting ${shown(name)}: did you mean ${nearest(name, known)}?`)
}

type Connection = (typeof connections)[number]

function connectionWrong([connection, address]: Connection, names: ReadonlySet<string>): string[] {
  const [byKey, byIdentity] = [names.has(connection), names.has(address)]
  if (byKey && byIdentity) return [`${connection} and ${address} are both set: leave one of them out`]
  if (byIdentity) return []
  const part = [`${connection}__clientId`, `${connection}__credential`].find((name) => names.has(name))
  if (part !== undefined)
    return [`${part} goes with ${address}, which is not set: set it to ${settingsList[address].mustBe}`]
  return byKey || optional.has(connection) ? [] : [notSet(connection, address)]
}

function notSet(connection: Connection[0], address: Connection[1]): string {
  const { mustBe } = settingsList[connection]
  return `${connection} is not set: set it to ${mustBe}; or ${address} to ${settingsList[address].mustBe}`
}

function cosmosConnection(values: Values): CosmosConnection {
  const { CosmosConnection: connectionString, CosmosConnection__accountEndpoint: endpoint = '' } = values
  return connectionString === undefined
    ? { endpoint, credential: createCredential(values.CosmosConnection__clientId) }
    : { connectionString }
}

function eventHubsConnection(values: Values): EventHubsConnection {
  const { EventHubConnection: connectionString, EventHubConnection__fullyQualifiedNamespace: namespace = '' } = values
  return connectionString === undefined
    ? { namespace, credential: createCredential(values.EventHubConnection__clientId) }
    : { connectionString }
}

function archiveConnection(values: Values): BlobConnection {
  const { ArchiveStorage: connectionString, ArchiveStorage__blobServiceUri: serviceUri = '' } = values
  return connectionString === undefined
    ? { serviceUri, credential: createCredential(values.ArchiveStorage__clientId) }
    : { connectionString }
}

function keyWrapConnection({
  PersonalKeys: file,
  PersonalKeys__vaultUri: vaultUri,
  PersonalKeys__clientId: id,
}: Values): Pick<Settings, 'keyWrap'> {
  if (file !== undefined) return { keyWrap: { file } }
  return vaultUri === undefined ? {} : { keyWrap: { vaultUri, credential: createCredential(id) } }
}

/**
 * The place of the wrapping keys, for a service that has or reads personal data.
 * @throws TidemarkError `setting-invalid` if it is not set.
 */
export function requireKeyWrap({ keyWrap }: Settings, service: string): KeyWrapConnection {
  if (keyWrap !== undefined) return keyWrap
  const why = `${service} has or reads personal data`
  throw new TidemarkError('setting-invalid', `${notSet('PersonalKeys', 'PersonalKeys__vaultUri')}: ${why}`)
}

function otlpSettings(values: Values): Pick<Settings, 'otlp'> {
  const base = values.OTEL_EXPORTER_OTLP_ENDPOINT?.replace(/\/+$/, '')
  const below = (path: string): string | undefined => (base === undefined ? undefined : `${base}${path}`)
  const tracesUrl = values.OTEL_EXPORTER_OTLP_TRACES_ENDPOINT ?? below('/v1/traces')
  const metricsUrl = values.OTEL_EXPORTER_OTLP_METRICS_ENDPOINT ?? below('/v1/metrics')
  if (tracesUrl === undefined && metricsUrl === undefined) return {}
  const { OTEL_SERVICE_NAME: serviceName } = values
  const isByRatio = values.OTEL_TRACES_SAMPLER === 'parentbased_traceidratio'
  return {
    otlp: {
      ...(tracesUrl === undefined ? {} : { tracesUrl }),
      ...(metricsUrl === undefined ? {} : { metricsUrl }),
      ...(serviceName === undefined ? {} : { serviceName }),
      headers: values.OTEL_EXPORTER_OTLP_HEADERS ?? {},
      ratio: isByRatio ? values.OTEL_TRACES_SAMPLER_ARG : 1,
      batchDelayMs: values.OTEL_BSP_SCHEDULE_DELAY,
      metricIntervalMs: values.OTEL_METRIC_EXPORT_INTERVAL,
    },
  }
}

/**
 * Where the actor's identity comes from. Unless the platform confirms that its authentication protects the
 * app, any client can forge the principal headers.
 */
function actorSource(values: Values): ActorSource {
  if (values.WEBSITE_AUTH_ENABLED) return 'platform'
  return values.TIDEMARK_TRUST_X_ACTOR ? 'client' : 'nobody'
}

function valueShown(text: string): string {
  return KEY.test(text) ? 'a connection string' : shown(text)
}

/** Quotes a text in one line, shortened if necessary. */
function shown(text: string): string {
  return JSON.stringify(text.length > SHOWN ? `${text.slice(0, SHOWN)}…` : text)
}
