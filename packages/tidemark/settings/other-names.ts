// Names with the prefix of service settings that are something else. An environment may contain them, so they
// are not reported as misspelt settings. Each is documented where it is read; a test compares the lists.

/** Read by the local cloud and the commands: packages/kit/settings.ts. */
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

/** Read by azd for an environment in Azure: infra/main.bicepparam. */
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

/** The prefix for processes that tests and benchmarks start. */
const TESTS = 'TIDEMARK_TEST_'

export const otherNames: ReadonlySet<string> = new Set([...laptop, ...deployment])

export function isOtherName(name: string): boolean {
  return otherNames.has(name) || name.startsWith(TESTS)
}
