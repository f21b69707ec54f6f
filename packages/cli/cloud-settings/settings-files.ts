import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { type SettingName, settings } from 'tidemark/tools'
import { UsageError } from '../command-line/arguments.ts'
import { type AzdValues, REQUIRED } from './azd-values.ts'

/** The outputs of infra/main.bicep that a service on a laptop needs. */
interface CloudEnvironment {
  readonly namespace: string
  readonly cosmos: string
  readonly archive: string
  /** Empty: no service has personal data. */
  readonly vault: string
  readonly services: readonly { readonly name: string; readonly blobEndpoint: string }[]
}

/** @throws UsageError if infra/main.bicep did not provision the environment. */
export function parseEnvironment(values: AzdValues): CloudEnvironment {
  const { EVENT_HUBS_NAMESPACE, COSMOS_ENDPOINT, ARCHIVE_ENDPOINT, KEY_VAULT_ENDPOINT = '', SERVICES } = values
  if (!EVENT_HUBS_NAMESPACE || !COSMOS_ENDPOINT || !ARCHIVE_ENDPOINT || !SERVICES)
    throw new UsageError(`${REQUIRED.join(', ')} are not known: run azd provision first`)
  return {
    namespace: EVENT_HUBS_NAMESPACE,
    cosmos: COSMOS_ENDPOINT,
    archive: ARCHIVE_ENDPOINT,
    vault: KEY_VAULT_ENDPOINT,
    services: parseServices(SERVICES),
  }
}

/** azd stores an array as JSON. */
function parseServices(text: string): CloudEnvironment['services'] {
  const wrong = new UsageError('SERVICES is not the output of infra/main.bicep: run azd provision again')
  let services: unknown
  try {
    services = JSON.parse(text)
  } catch {
    throw wrong
  }
  if (!Array.isArray(services) || services.length === 0) throw wrong
  for (const service of services) {
    const { name, blobEndpoint } = Object(service)
    if (typeof name !== 'string' || !/^[a-z][a-z0-9-]*$/.test(name)) throw wrong
    if (typeof blobEndpoint !== 'string') throw wrong
  }
  return services
}

/**
 * The local.settings.json of a service: identity-based, without keys. It shares the host storage, and so
 * checkpoints and leases, with the app in Azure: the two divide the work.
 * @throws UsageError if the environment lacks the service, or a value is not a valid setting.
 */
export function settingsFor(
  { namespace, cosmos, archive, vault, services }: CloudEnvironment,
  service: string,
): object {
  const found = services.find(({ name }) => name === service)
  if (found === undefined)
    throw new UsageError(`the environment has no ${service}, only ${services.map(({ name }) => name).join(', ')}`)
  const values = {
    FUNCTIONS_WORKER_RUNTIME: 'node',
    AzureWebJobsStorage__blobServiceUri: found.blobEndpoint,
    EventHubConnection__fullyQualifiedNamespace: namespace,
    CosmosConnection__accountEndpoint: cosmos,
    ArchiveStorage__blobServiceUri: archive,
    ...(vault === '' ? {} : { PersonalKeys__vaultUri: vault }),
  } satisfies Partial<Record<SettingName, string>>
  for (const [name, value] of Object.entries(values)) {
    const setting = settings.get(name)
    if (!setting?.schema.safeParse(value).success)
      throw new UsageError(`the environment has no ${name}: it must be ${setting?.mustBe}; run azd provision again`)
  }
  return { IsEncrypted: false, Values: values }
}

/** Writes settings if the file does not exist; `force` overwrites it. @returns what was done. */
export async function writeSettings(file: string, written: object, force: boolean): Promise<string> {
  const text = `${JSON.stringify(written, null, 2)}\n`
  const there = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined
    throw new UsageError(`${file} cannot be read: ${error.message}`)
  })
  if (there === text) return 'is up to date'
  if (there !== undefined && !force) return 'has other settings and was left unchanged: --force overwrites it'
  await mkdir(dirname(file), { recursive: true })
  await writeFile(file, text)
  return there === undefined ? 'was written' : 'was overwritten'
}
