// Names that begin as the settings of the services do, and are none: an environment may hold them, and they
// are not taken for mistyped settings. Each is described where it is read; a test holds these lists equal to
// what stands there.

/** Of the local cloud and the commands: packages/kit/settings.ts. */
const laptop = [
  'TIDEMARK_BLOB_PORT',
  'TIDEMARK_COSMOS_PORT',
  'TIDEMARK_DATA',
  'TIDEMARK_DEBUG_PORT',
  'TIDEMARK_EVENTHUBS_PORT',
  'TIDEMARK_FAST',
  'TIDEMARK_FUNCTION_KEY',
  'TIDEMARK_HTTP_PORT',
  'TIDEMARK_REQUIRE_TOKEN',
  'TIDEMARK_TOKEN',
  'TIDEMARK_URL',
]

/** Of an environment in Azure, for azd: infra/main.bicepparam. */
const deployment = [
  'TIDEMARK_ALERT_EMAIL',
  'TIDEMARK_API_CLIENT_ID',
  'TIDEMARK_EVENT_HUBS_UNITS',
  'TIDEMARK_LOCKED_ANCHORS',
  'TIDEMARK_OTLP_ENDPOINT',
  'TIDEMARK_PRINCIPAL_ID',
  'TIDEMARK_PRINCIPAL_TYPE',
  'TIDEMARK_SHAPE',
]

/** What tests and benchmarks tell the processes that they start. */
const TESTS = 'TIDEMARK_TEST_'

export const otherNames: ReadonlySet<string> = new Set([...laptop, ...deployment])

export function isOtherName(name: string): boolean {
  return otherNames.has(name) || name.startsWith(TESTS)
}
