import { at, type Deployed, listAt, listIdentities, selectType } from '../support/deployed.ts'
import type { Found, Rule } from './rule.ts'

/** Expressions that return a secret, and secrets. */
const SECRET =
  /list(Account)?(Keys|ConnectionStrings|Sas|ServiceSas|AccountSas|Secrets)\b|\b(primary|secondary)(Master|Readonly\w*)?Key\b|(primary|secondary)ConnectionString|AccountKey=|SharedAccess(Key|Signature)|[?&]sig=|\bpassword\b/i

/**
 * Application Insights' connection string: the address for telemetry. It is no secret, because the rule
 * "no keys" makes sure that keys are refused.
 */
const TELEMETRY_ADDRESS = /^\[reference\([^[\]]*Microsoft\.Insights\/components[^[\]]*\)\.ConnectionString\]$/

/** Names only the identity. */
const ENTRA = /^\[format\('ClientId=\{0\};Authorization=AAD', reference\([^()]*\)\.clientId\)\]$/

/** Every string in a value, with its path. */
function* texts(value: unknown, path = ''): Generator<readonly [path: string, text: string]> {
  if (typeof value === 'string') yield [path, value]
  else if (typeof value === 'object' && value !== null)
    for (const [name, each] of Object.entries(value)) yield* texts(each, path === '' ? name : `${path}.${name}`)
}

/** The connections of every app. */
const CONNECTIONS = ['AzureWebJobsStorage', 'EventHubConnection', 'CosmosConnection', 'ArchiveStorage']

const known = new WeakMap<object, Found>()

/** Cached per object, because most objects of a mutated template are unchanged. */
function secretsIn(value: object, where: string): Found {
  const before = known.get(value)
  if (before !== undefined) return before
  const all = [...texts(value)]
  const secret = all.filter(([, text]) => SECRET.test(text))
  const found = { looked: all.length, wrong: secret.map(([path, text]) => `${where}${path}: ${text}`) }
  known.set(value, found)
  return found
}

export const secretRules: readonly Rule[] = [
  {
    name: 'no secret in any property or output',
    check: ({ predictedResources, outputs }) => {
      const all = [
        ...predictedResources.map((resource) => secretsIn(resource, `${resource.type} ${resource.name}: `)),
        secretsIn(outputs, 'output '),
      ]
      return {
        looked: all.reduce((sum, { looked }) => sum + looked, 0),
        wrong: all.flatMap(({ wrong }) => wrong),
      }
    },
  },
  {
    name: "no connection string in any setting or output, except telemetry's address",
    check: (deployed) => {
      const values = [...listSettings(deployed), ...texts(deployed.outputs)]
      const wrong = values.filter(
        ([name, value]) =>
          /connection_?string|=[^;]+;.*=/i.test(`${name} ${value}`) &&
          !(name.endsWith('APPLICATIONINSIGHTS_CONNECTION_STRING') && TELEMETRY_ADDRESS.test(value)) &&
          !(name.endsWith('APPLICATIONINSIGHTS_AUTHENTICATION_STRING') && ENTRA.test(value)),
      )
      return { looked: values.length, wrong: wrong.map(([name, value]) => `${name}: ${value}`) }
    },
  },
  {
    name: 'every connection of an app uses its identity',
    check: (deployed) => {
      const settings = new Map(listSettings(deployed))
      const sites = selectType(deployed.predictedResources, 'Microsoft.Web/sites')
      const wrong: string[] = []
      for (const site of sites) {
        const { name } = site
        const [own = ''] = listIdentities(site)
        const usesKeys = settings.has(`${name}: PersonalKeys__vaultUri`)
        for (const connection of usesKeys ? [...CONNECTIONS, 'PersonalKeys'] : CONNECTIONS) {
          if (settings.has(`${name}: ${connection}`)) wrong.push(`${name}: ${connection} is set`)
          // Only the host's extensions read how to connect.
          const isOfHost = !['ArchiveStorage', 'PersonalKeys'].includes(connection)
          if (isOfHost && settings.get(`${name}: ${connection}__credential`) !== 'managedidentity')
            wrong.push(`${name}: ${connection}__credential is not managedidentity`)
          if (!settings.get(`${name}: ${connection}__clientId`)?.startsWith(`[reference('${own}', `))
            wrong.push(`${name}: ${connection}__clientId is not that of its identity`)
        }
        if (at(site, 'properties.functionAppConfig.deployment.storage.authentication.type') !== 'UserAssignedIdentity')
          wrong.push(`${name}: its package is not read by its identity`)
      }
      return { looked: sites.length, wrong }
    },
  },
]

/** The application settings of all apps, each prefixed with its app's name. */
function listSettings({ predictedResources }: Deployed): readonly (readonly [name: string, value: string])[] {
  return selectType(predictedResources, 'Microsoft.Web/sites').flatMap((site) =>
    listAt<{ name: string; value: string }>(site, 'properties.siteConfig.appSettings').map(
      ({ name, value }) => [`${site.name}: ${name}`, String(value)] as const,
    ),
  )
}
