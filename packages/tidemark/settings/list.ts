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
 * An application setting: on a laptop from local.settings.json, in Azure of the function app.
 * @example
 * ```ts
 * import assert from 'node:assert/strict'
 * import { type Setting, settings } from 'tidemark/tools'
 *
 * // A page that lists what is set shows no key.
 * const shown = ({ secret }: Setting, value: string): string => (secret ? '(set)' : value)
 * const cosmos = settings.get('CosmosConnection') ?? assert.fail()
 * assert.equal(shown(cosmos, 'AccountEndpoint=https://localhost;AccountKey=a2V5;'), '(set)')
 * ```
 */
export interface Setting<Schema extends z.ZodType = z.ZodType> {
  /** Of its text; where it has a default, of nothing too. */
  readonly schema: Schema
  /** What `schema` takes, in words: the end of "NAME must be …". */
  readonly mustBe: string
  readonly meaning: string
  /** What a number counts. */
  readonly unit?: string
  /** `host`: the Functions host and its extensions alone; the services do not read it. */
  readonly readBy: 'services' | 'host' | 'both'
  /** Nowhere: it is as its default says until somebody sets it. */
  readonly setIn: readonly Place[]
  /** Whether it holds a key: it is then never shown. */
  readonly secret?: true
}

/** A whole number of decimal digits. */
function wholeNumber(otherwise: number, most: number) {
  return z.string().regex(/^\d+$/).transform(Number).pipe(z.int().min(1).max(most)).default(otherwise)
}

/** A number, with what it must be in words. */
function defineNumber(unit: string, otherwise: number, most: number) {
  return { schema: wholeNumber(otherwise, most), mustBe: `a whole number from 1 to ${most}`, unit }
}

const clientId = {
  schema: z.guid().optional(),
  mustBe: 'the client id of a user-assigned identity, a GUID',
} as const

/** No user, no query, no fragment: what is secret belongs into a header. */
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

/** What a header's value may be: printable ASCII. */
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
  clientId: 'The identity that connects; left out, it is the sign-in of whoever runs the service on a laptop.',
  credential: 'How the extension of the Functions host connects.',
} as const

/** Every application setting there is, by its name. */
export const settingsList = {
  CosmosConnection: {
    schema: z
      .string()
      .regex(/(^|;)\s*AccountEndpoint=https?:\/\/[^;]+/i)
      .regex(/(^|;)\s*AccountKey=[^;]+/i)
      .optional(),
    mustBe: 'a connection string, AccountEndpoint=<address>;AccountKey=<key>',
    meaning: 'The Cosmos DB account of the log and the views, by its key: the local endpoint.',
    readBy: 'both',
    setIn: ['local'],
    secret: true,
  },
  CosmosConnection__accountEndpoint: {
    schema: z.url({ protocol: /^https$/ }).optional(),
    mustBe: 'the address of an account, such as https://cosmos-name.documents.azure.com:443/',
    meaning: 'The Cosmos DB account of the log and the views, by an identity.',
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
    meaning: 'The namespace of the event hubs, by its key: the local endpoint.',
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
    meaning: 'The namespace of the event hubs, by an identity.',
    readBy: 'both',
    setIn: ['azure'],
  },
  EventHubConnection__credential: { ...credential, meaning: identity.credential, readBy: 'host', setIn: ['azure'] },
  EventHubConnection__clientId: { ...clientId, meaning: identity.clientId, readBy: 'both', setIn: ['azure'] },

  TIDEMARK_QUERY_WAIT_MS: {
    ...defineNumber('milliseconds', 5000, 200_000),
    // https://learn.microsoft.com/azure/azure-functions/functions-app-settings: an HTTP answer takes 230 s at most
    meaning: 'How long a query waits for the position it was asked for, before it answers that the view is behind.',
    readBy: 'services',
    setIn: ['azure'],
  },
  TIDEMARK_CACHED_STREAMS: {
    ...defineNumber('streams', 10_000, 1_000_000),
    meaning: 'How many folded streams an instance remembers, so that a command on one of them reads nothing first.',
    readBy: 'services',
    setIn: [],
  },
  TIDEMARK_SNAPSHOT_EVENTS: {
    ...defineNumber('events', 1000, 1_000_000),
    meaning:
      'How many events an instance folds for a command before it keeps a snapshot of the stream, where its decider has a state version.',
    readBy: 'services',
    setIn: [],
  },
  TIDEMARK_RELAY_POLL_MS: {
    ...defineNumber('milliseconds', 500, 60_000),
    meaning: "How long the relay waits before it asks the log's change feed again, once it has read it to the end.",
    readBy: 'services',
    setIn: ['local'],
  },
  TIDEMARK_SCHEDULE_POLL_S: {
    ...defineNumber('seconds', 5, 59),
    meaning: 'How often commands whose time has come are looked for.',
    readBy: 'services',
    setIn: ['local', 'azure'],
  },
  TIDEMARK_LAG_CHECK_S: {
    ...defineNumber('seconds', 60, 60),
    meaning: 'How often consumers that stand still are looked for, although the hub has more.',
    readBy: 'services',
    setIn: [],
  },
  TIDEMARK_CANARY: {
    schema: z
      .enum(['true', 'false'])
      .default('false')
      .transform((value) => value === 'true'),
    mustBe: 'true or false',
    meaning:
      'Whether a canary is sent every minute: a command that must be seen in its view, or an alert says that it was not.',
    readBy: 'services',
    setIn: ['azure'],
  },
  TIDEMARK_TRUST_X_ACTOR: {
    schema: z
      .enum(['true', 'false'])
      .default('false')
      .transform((text) => text === 'true'),
    mustBe: 'true or false',
    meaning: 'Whether the header x-actor is believed about who asks. On a laptop alone: any client can write it.',
    readBy: 'services',
    setIn: ['local'],
  },
  WEBSITE_AUTH_ENABLED: {
    schema: z
      .string()
      .optional()
      .transform((text) => text?.toLowerCase() === 'true'),
    mustBe: 'True or False',
    meaning: "The platform's word that its authentication stands before the app: its headers are then believed.",
    readBy: 'services',
    setIn: ['platform'],
  },

  // https://opentelemetry.io/docs/specs/otel/protocol/exporter/#configuration-options
  OTEL_EXPORTER_OTLP_ENDPOINT: {
    ...address,
    meaning:
      'Where traces and metrics are sent by OTLP, at `/v1/traces` and `/v1/metrics` below it; left out, nowhere.',
    readBy: 'services',
    setIn: ['azure'],
  },
  OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: {
    ...address,
    meaning: 'Where traces are sent, as it is, in place of what OTEL_EXPORTER_OTLP_ENDPOINT says.',
    readBy: 'services',
    setIn: [],
  },
  OTEL_EXPORTER_OTLP_METRICS_ENDPOINT: {
    ...address,
    meaning: 'Where metrics are sent, as it is, in place of what OTEL_EXPORTER_OTLP_ENDPOINT says.',
    readBy: 'services',
    setIn: [],
  },
  OTEL_EXPORTER_OTLP_HEADERS: {
    schema: z.string().transform(parseHeaders).optional(),
    mustBe: 'headers, name=value with commas between, what is special in a value percent-encoded',
    meaning: 'What is sent with traces and metrics, such as a key of the backend.',
    readBy: 'services',
    setIn: [],
    secret: true,
  },
  OTEL_EXPORTER_OTLP_PROTOCOL: {
    schema: z.literal('http/protobuf').optional(),
    mustBe: 'http/protobuf',
    meaning: 'How they are sent.',
    readBy: 'services',
    setIn: [],
  },
  OTEL_SERVICE_NAME: {
    schema: z.string().max(255).optional(),
    mustBe: 'a name of at most 255 characters',
    meaning: "What the service is called in traces and metrics; left out, the service's own name.",
    readBy: 'services',
    setIn: [],
  },
  OTEL_TRACES_SAMPLER: {
    schema: z.enum(['parentbased_always_on', 'parentbased_traceidratio']).default('parentbased_always_on'),
    mustBe: 'parentbased_always_on or parentbased_traceidratio',
    meaning: 'Which of the traces that begin here are sampled. Of one that came with a request its sender has decided.',
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
    meaning: 'Which part of them, for parentbased_traceidratio.',
    readBy: 'services',
    setIn: [],
  },
  OTEL_BSP_SCHEDULE_DELAY: {
    ...defineNumber('milliseconds', 5000, 60_000),
    meaning: 'How long spans wait to be sent together.',
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
    meaning: "The host's storage, which keeps checkpoints, by its key: the local endpoint.",
    readBy: 'host',
    setIn: ['local'],
    secret: true,
  },
  AzureWebJobsStorage__blobServiceUri: {
    schema: z.url({ protocol: /^https$/ }).optional(),
    mustBe: 'the address of the blobs of a storage account, such as https://stname.blob.core.windows.net/',
    meaning: "The host's storage, which keeps checkpoints and the package, by an identity. Each service has its own.",
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
    meaning: 'Where telemetry is sent. It is an address: without an identity that may publish, nothing is taken.',
    readBy: 'host',
    setIn: ['azure'],
  },
  APPLICATIONINSIGHTS_AUTHENTICATION_STRING: {
    schema: z
      .string()
      .regex(/^ClientId=[^;]+;Authorization=AAD$/)
      .optional(),
    mustBe: 'ClientId=<client id>;Authorization=AAD',
    meaning: 'The identity that telemetry is sent by.',
    readBy: 'host',
    setIn: ['azure'],
  },
  FUNCTIONS_WORKER_RUNTIME: {
    schema: z.literal('node').optional(),
    mustBe: 'node',
    meaning: 'The language of the functions. In Azure the plan has it in the configuration of the app.',
    readBy: 'host',
    setIn: ['local'],
  },
  AzureFunctionsJobHost__extensions__cosmosDB__connectionMode: {
    schema: z.enum(['Gateway', 'Direct']).optional(),
    mustBe: 'Gateway or Direct',
    meaning: 'How the trigger of the Functions host speaks to Cosmos DB: the local endpoint has HTTP alone.',
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
 * // What a test run sets. A name that no service knows does not compile.
 * const tuned: Partial<Record<SettingName, string>> = { TIDEMARK_QUERY_WAIT_MS: '2000' }
 * for (const [name, text] of Object.entries(tuned)) assert.ok(settings.get(name)?.schema.safeParse(text).success)
 * ```
 */
export type SettingName = keyof typeof settingsList

/**
 * The settings in the order of the list.
 * @example
 * ```ts
 * import assert from 'node:assert/strict'
 * import { settings } from 'tidemark/tools'
 *
 * assert.ok(settings.has('TIDEMARK_QUERY_WAIT_MS'))
 * ```
 */
export const settings: ReadonlyMap<string, Setting> = new Map(Object.entries(settingsList))
