import * as z from 'zod'

/**
 * Where a setting is set: in local.settings.sample.json, as an app setting by infra/, or by Azure itself.
 * @example
 * ```ts
 * import assert from 'node:assert/strict'
 * import { type Place, settings } from 'tidemark/tools'
 *
 * const words: Readonly<Record<Place, string>> = {
 *   local: 'on a laptop',
 *   azure: 'by infra/',
 *   platform: 'by Azure itself',
 * }
 * const runtime = settings.get('FUNCTIONS_WORKER_RUNTIME') ?? assert.fail()
 * assert.deepEqual(
 *   runtime.setIn.map((place) => words[place]),
 *   ['on a laptop'],
 * )
 * ```
 */
export type Place = 'local' | 'azure' | 'platform'

/**
 * An application setting. On a laptop it comes from local.settings.json, in Azure from the function app.
 * @example
 * ```ts
 * import assert from 'node:assert/strict'
 * import { type Setting, settings } from 'tidemark/tools'
 *
 * // A page that lists the settings shows no keys.
 * const shown = ({ secret }: Setting, value: string): string => (secret ? '(set)' : value)
 * const cosmos = settings.get('CosmosConnection') ?? assert.fail()
 * assert.equal(shown(cosmos, 'AccountEndpoint=https://localhost;AccountKey=a2V5;'), '(set)')
 * ```
 */
export interface Setting<Schema extends z.ZodType = z.ZodType> {
  /** Parses the setting's text; with a default, it also accepts an unset one. */
  readonly schema: Schema
  /** What `schema` accepts, in words: completes "NAME must be …". */
  readonly mustBe: string
  readonly meaning: string
  /** The unit of a number. */
  readonly unit?: string
  /** `host`: only the Functions host and its extensions read it; the services do not. */
  readonly readBy: 'services' | 'host' | 'both'
  /** Empty: nothing sets it, so its default applies. */
  readonly setIn: readonly Place[]
  /** Whether it contains a key, and so is never shown. */
  readonly secret?: true
}

/** A schema for a positive integer in decimal digits. */
function wholeNumber(otherwise: number, most: number) {
  return z.string().regex(/^\d+$/).transform(Number).pipe(z.int().min(1).max(most)).default(otherwise)
}

/** A number's schema, description and unit. */
function defineNumber(unit: string, otherwise: number, most: number) {
  return { schema: wholeNumber(otherwise, most), mustBe: `a whole number from 1 to ${most}`, unit }
}

const clientId = {
  schema: z.guid().optional(),
  mustBe: 'the client id of a user-assigned identity, a GUID',
} as const

/** A URL without user, query or fragment: secrets belong in a header. */
const address = {
  schema: z
    .string()
    .regex(/^https?:\/\/[^\s/?#@]+(\/[^\s?#@]*)?$/)
    .refine(URL.canParse)
    .optional(),
  mustBe: 'an address without a query, such as https://collector.example:4318',
} as const

/** https://opentelemetry.io/docs/specs/otel/protocol/exporter/#specifying-headers-via-environment-variables */
function parseHeaders(text: string, context: z.RefinementCtx): Readonly<Record<string, string>> {
  const headers: Record<string, string> = {}
  for (const part of text.split(',')) {
    const [, name = '', value = ''] = /^\s*([!#$%&'*+.^_`|~0-9A-Za-z-]+)\s*=\s*(\S+)\s*$/.exec(part) ?? []
    const decoded = decodePercent(value)
    if (name !== '' && decoded !== undefined) headers[name] = decoded
    else context.addIssue({ code: 'custom', message: 'not a header' })
  }
  return headers
}

/** Decodes a header's value; it must be printable ASCII. */
function decodePercent(text: string): string | undefined {
  try {
    const decoded = decodeURIComponent(text)
    return /^[\x20-\x7e]+$/.test(decoded) ? decoded : undefined
  } catch (error) {
    if (error instanceof URIError) return undefined
    throw error
  }
}

const credential = { schema: z.literal('managedidentity').optional(), mustBe: 'managedidentity' } as const

// https://learn.microsoft.com/azure/azure-functions/functions-reference#connections
const identity = {
  clientId: 'The identity that connects. Default: the sign-in of the user who runs the service on a laptop.',
  credential: "How the Functions host's extension connects.",
} as const

/** Every application setting, by name. */
export const settingsList = {
  CosmosConnection: {
    schema: z
      .string()
      .regex(/(^|;)\s*AccountEndpoint=https?:\/\/[^;]+/i)
      .regex(/(^|;)\s*AccountKey=[^;]+/i)
      .optional(),
    mustBe: 'a connection string, AccountEndpoint=<address>;AccountKey=<key>',
    meaning: 'The Cosmos DB account of the log and the views, by key: the emulator.',
    readBy: 'both',
    setIn: ['local'],
    secret: true,
  },
  CosmosConnection__accountEndpoint: {
    schema: z.url({ protocol: /^https$/ }).optional(),
    mustBe: 'the address of an account, such as https://cosmos-name.documents.azure.com:443/',
    meaning: 'The Cosmos DB account of the log and the views, by identity.',
    readBy: 'both',
    setIn: ['azure'],
  },
  CosmosConnection__credential: {
    ...credential,
    meaning: identity.credential,
    readBy: 'host',
    setIn: ['azure'],
  },
  CosmosConnection__clientId: { ...clientId, meaning: identity.clientId, readBy: 'both', setIn: ['azure'] },

  EventHubConnection: {
    schema: z
      .string()
      .regex(/(^|;)\s*Endpoint=sb:\/\/[^;]+/i)
      .regex(/(^|;)\s*(SharedAccessKey|SharedAccessSignature)=[^;]+/i)
      .optional(),
    mustBe: 'a connection string, Endpoint=sb://<host>;SharedAccessKeyName=<name>;SharedAccessKey=<key>',
    meaning: 'The namespace of the event hubs, by key: the emulator.',
    readBy: 'both',
    setIn: ['local'],
    secret: true,
  },
  EventHubConnection__fullyQualifiedNamespace: {
    schema: z
      .string()
      .regex(/^[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)+$/i)
      .optional(),
    mustBe: 'the host name of a namespace, such as evhns-name.servicebus.windows.net',
    meaning: 'The namespace of the event hubs, by identity.',
    readBy: 'both',
    setIn: ['azure'],
  },
  EventHubConnection__credential: { ...credential, meaning: identity.credential, readBy: 'host', setIn: ['azure'] },
  EventHubConnection__clientId: { ...clientId, meaning: identity.clientId, readBy: 'both', setIn: ['azure'] },

  ArchiveStorage: {
    schema: z
      .string()
      .regex(/(^|;)\s*(AccountName=[^;]+.*AccountKey=[^;]+|UseDevelopmentStorage=true|BlobEndpoint=[^;]+)/i)
      .optional(),
    mustBe: 'a connection string of a storage account',
    meaning: 'The storage account of the archive, by key: the emulator.',
    readBy: 'services',
    setIn: ['local'],
    secret: true,
  },
  ArchiveStorage__blobServiceUri: {
    schema: z.url({ protocol: /^https$/ }).optional(),
    mustBe: 'the address of the blobs of a storage account, such as https://stname.blob.core.windows.net/',
    meaning: 'The storage account of the archive, by identity.',
    readBy: 'services',
    setIn: ['azure'],
  },
  ArchiveStorage__clientId: { ...clientId, meaning: identity.clientId, readBy: 'services', setIn: ['azure'] },

  PersonalKeys: {
    schema: z.string().min(1).max(4096).optional(),
    mustBe: 'the path of a key file',
    meaning:
      'The key file that wraps the keys of personal data, on a laptop. Only services with personal data need it.',
    readBy: 'services',
    setIn: ['local'],
  },
  PersonalKeys__vaultUri: {
    schema: z
      .string()
      .regex(/^https:\/\/[a-z0-9-]+(\.[a-z0-9-]+)+\/?$/i)
      .optional(),
    mustBe: 'the address of a key vault, such as https://kv-name.vault.azure.net/',
    meaning: 'The key vault that wraps the keys of personal data, by identity. The key has the name of the service.',
    readBy: 'services',
    setIn: ['azure'],
  },
  PersonalKeys__clientId: { ...clientId, meaning: identity.clientId, readBy: 'services', setIn: ['azure'] },

  TIDEMARK_ARCHIVE_SECONDS: {
    ...defineNumber('seconds', 300, 3600),
    meaning: 'How often new items of the log are archived. A longer time makes fewer and larger segments.',
    readBy: 'services',
    setIn: ['local'],
  },
  TIDEMARK_QUERY_WAIT_MS: {
    ...defineNumber('milliseconds', 5000, 200_000),
    // https://learn.microsoft.com/azure/azure-functions/functions-app-settings: an HTTP answer may take 230 s at most
    meaning: 'How long a query waits for the requested position before it answers that the view is behind.',
    readBy: 'services',
    setIn: ['azure'],
  },
  TIDEMARK_CACHED_STREAMS: {
    ...defineNumber('streams', 10_000, 1_000_000),
    meaning: 'How many folded streams an instance caches. A command on a cached stream reads nothing first.',
    readBy: 'services',
    setIn: [],
  },
  TIDEMARK_SNAPSHOT_EVENTS: {
    ...defineNumber('events', 1000, 1_000_000),
    meaning: 'How many events an instance folds for a command before it writes a snapshot, if the decider has any.',
    readBy: 'services',
    setIn: [],
  },
  TIDEMARK_RELAY_POLL_MS: {
    ...defineNumber('milliseconds', 500, 60_000),
    meaning: "How long the relay waits before it polls the log's change feed again, once it has read to the end.",
    readBy: 'services',
    setIn: ['local'],
  },
  TIDEMARK_SCHEDULE_POLL_S: {
    ...defineNumber('seconds', 5, 59),
    meaning: 'How often due commands are looked up.',
    readBy: 'services',
    setIn: ['local', 'azure'],
  },
  TIDEMARK_LAG_CHECK_S: {
    ...defineNumber('seconds', 60, 60),
    meaning: 'How often the service checks for stalled consumers, which stand still although their hub has more.',
    readBy: 'services',
    setIn: [],
  },
  TIDEMARK_REBUILD_RU: {
    schema: z.string().regex(/^\d+$/).transform(Number).pipe(z.int().min(1).max(1_000_000)).optional(),
    mustBe: 'a whole number from 1 to 1000000',
    unit: 'request units a second',
    meaning:
      'What the rebuilds of an instance may use of the store, so that commands are not slowed. Default: no limit.',
    readBy: 'services',
    setIn: [],
  },
  TIDEMARK_CANARY: {
    schema: z
      .enum(['true', 'false'])
      .default('false')
      .transform((value) => value === 'true'),
    mustBe: 'true or false',
    meaning: 'Whether a canary is sent every minute: a command that must reach its view, or an alert fires.',
    readBy: 'services',
    setIn: ['azure'],
  },
  TIDEMARK_TRUST_X_ACTOR: {
    schema: z
      .enum(['true', 'false'])
      .default('false')
      .transform((text) => text === 'true'),
    mustBe: 'true or false',
    meaning: 'Whether to trust the header x-actor for the actor. Only on a laptop: any client can set it.',
    readBy: 'services',
    setIn: ['local'],
  },
  WEBSITE_AUTH_ENABLED: {
    schema: z
      .string()
      .optional()
      .transform((text) => text?.toLowerCase() === 'true'),
    mustBe: 'True or False',
    meaning: "Set by the platform if its authentication protects the app. The app then trusts the platform's headers.",
    readBy: 'services',
    setIn: ['platform'],
  },

  // https://opentelemetry.io/docs/specs/otel/protocol/exporter/#configuration-options
  OTEL_EXPORTER_OTLP_ENDPOINT: {
    ...address,
    meaning: 'Where to send traces and metrics by OTLP: `/v1/traces` and `/v1/metrics` below it. Default: nowhere.',
    readBy: 'services',
    setIn: ['azure'],
  },
  OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: {
    ...address,
    meaning: 'Where to send traces: the full address, instead of OTEL_EXPORTER_OTLP_ENDPOINT.',
    readBy: 'services',
    setIn: [],
  },
  OTEL_EXPORTER_OTLP_METRICS_ENDPOINT: {
    ...address,
    meaning: 'Where to send metrics: the full address, instead of OTEL_EXPORTER_OTLP_ENDPOINT.',
    readBy: 'services',
    setIn: [],
  },
  OTEL_EXPORTER_OTLP_HEADERS: {
    schema: z.string().transform(parseHeaders).optional(),
    mustBe: 'headers, name=value, separated by commas, special characters in values percent-encoded',
    meaning: 'Headers to send with traces and metrics, such as a key of the backend.',
    readBy: 'services',
    setIn: [],
    secret: true,
  },
  OTEL_EXPORTER_OTLP_PROTOCOL: {
    schema: z.literal('http/protobuf').optional(),
    mustBe: 'http/protobuf',
    meaning: 'The protocol for traces and metrics.',
    readBy: 'services',
    setIn: [],
  },
  OTEL_SERVICE_NAME: {
    schema: z.string().max(255).optional(),
    mustBe: 'a name of at most 255 characters',
    meaning: "The service's name in traces and metrics. Default: its own name.",
    readBy: 'services',
    setIn: [],
  },
  OTEL_TRACES_SAMPLER: {
    schema: z.enum(['parentbased_always_on', 'parentbased_traceidratio']).default('parentbased_always_on'),
    mustBe: 'parentbased_always_on or parentbased_traceidratio',
    meaning: 'Which traces that start here are sampled. If a request brings a trace, its sender has decided.',
    readBy: 'services',
    setIn: [],
  },
  OTEL_TRACES_SAMPLER_ARG: {
    schema: z
      .string()
      .regex(/^(0|1|0?\.\d+|1\.0+)$/)
      .transform(Number)
      .default(1),
    mustBe: 'a number from 0 to 1',
    meaning: 'The sampled share of traces, for parentbased_traceidratio.',
    readBy: 'services',
    setIn: [],
  },
  OTEL_BSP_SCHEDULE_DELAY: {
    ...defineNumber('milliseconds', 5000, 60_000),
    meaning: 'How long spans are collected before they are sent together.',
    readBy: 'services',
    setIn: [],
  },
  OTEL_METRIC_EXPORT_INTERVAL: {
    ...defineNumber('milliseconds', 60_000, 3_600_000),
    meaning: 'How often metrics are sent.',
    readBy: 'services',
    setIn: [],
  },

  AzureWebJobsStorage: {
    schema: z.string().optional(),
    mustBe: 'a connection string of a storage account',
    meaning: "The host's storage, which has the checkpoints, by key: the emulator.",
    readBy: 'host',
    setIn: ['local'],
    secret: true,
  },
  AzureWebJobsStorage__blobServiceUri: {
    schema: z.url({ protocol: /^https$/ }).optional(),
    mustBe: 'the address of the blobs of a storage account, such as https://stname.blob.core.windows.net/',
    meaning: "The host's storage, which has the checkpoints and the package, by identity. Each service has its own.",
    readBy: 'host',
    setIn: ['azure'],
  },
  AzureWebJobsStorage__credential: { ...credential, meaning: identity.credential, readBy: 'host', setIn: ['azure'] },
  AzureWebJobsStorage__clientId: { ...clientId, meaning: identity.clientId, readBy: 'host', setIn: ['azure'] },
  APPLICATIONINSIGHTS_CONNECTION_STRING: {
    schema: z
      .string()
      .regex(/(^|;)InstrumentationKey=/i)
      .optional(),
    mustBe: 'the connection string of an Application Insights resource',
    meaning: 'Where to send telemetry. It is only an address: publishing also needs an identity with that right.',
    readBy: 'host',
    setIn: ['azure'],
  },
  APPLICATIONINSIGHTS_AUTHENTICATION_STRING: {
    schema: z
      .string()
      .regex(/^ClientId=[^;]+;Authorization=AAD$/)
      .optional(),
    mustBe: 'ClientId=<client id>;Authorization=AAD',
    meaning: 'The identity that sends telemetry.',
    readBy: 'host',
    setIn: ['azure'],
  },
  FUNCTIONS_WORKER_RUNTIME: {
    schema: z.literal('node').optional(),
    mustBe: 'node',
    meaning: "The language of the functions. In Azure it is part of the app's configuration in its plan.",
    readBy: 'host',
    setIn: ['local'],
  },
  AzureFunctionsJobHost__extensions__cosmosDB__connectionMode: {
    schema: z.enum(['Gateway', 'Direct']).optional(),
    mustBe: 'Gateway or Direct',
    meaning: "How the Functions host's trigger connects to Cosmos DB. The emulator supports HTTP only.",
    readBy: 'host',
    setIn: ['local'],
  },
} as const satisfies Readonly<Record<string, Setting>>

/**
 * The name of an application setting.
 * @example
 * ```ts
 * import assert from 'node:assert/strict'
 * import { type SettingName, settings } from 'tidemark/tools'
 *
 * // The settings of a test run. A name that no service knows does not compile.
 * const tuned: Partial<Record<SettingName, string>> = { TIDEMARK_QUERY_WAIT_MS: '2000' }
 * for (const [name, text] of Object.entries(tuned)) assert.ok(settings.get(name)?.schema.safeParse(text).success)
 * ```
 */
export type SettingName = keyof typeof settingsList

/**
 * All settings, in the order of the list.
 * @example
 * ```ts
 * import assert from 'node:assert/strict'
 * import { settings } from 'tidemark/tools'
 *
 * assert.ok(settings.has('TIDEMARK_QUERY_WAIT_MS'))
 * ```
 */
export const settings: ReadonlyMap<string, Setting> = new Map(Object.entries(settingsList))
