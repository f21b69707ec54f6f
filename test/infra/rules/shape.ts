import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { Service } from 'tidemark'
import { buildTopology, needsKeyWrap, settings } from 'tidemark/tools'
import { SAMPLE_ENVIRONMENT } from '../../../packages/cli/infra/template.ts'
import { relayTrigger } from '../../../packages/tidemark/test/support/trigger-options.ts'
import { listAlerts, listDocumentedTypes, listResourceTypes, listRunbooks } from '../../support/infra-docs.ts'
import { at, type Deployed, listAt, type Resource, type Shape, selectType } from '../support/deployed.ts'
import { roleMatrix } from '../support/role-matrix.ts'
import { matrixDifferences } from './check.ts'
import type { Rule } from './rule.ts'

const read = (path: string): string => readFileSync(fileURLToPath(new URL(`../../../${path}`, import.meta.url)), 'utf8')

interface Setting {
  readonly name: string
  readonly value: unknown
}

const selectSites = ({ predictedResources }: Deployed): readonly Resource[] =>
  selectType(predictedResources, 'Microsoft.Web/sites')
const listSettings = (site: Resource): readonly Setting[] => listAt(site, 'properties.siteConfig.appSettings')

/** An expression's value is known only at deployment. */
const isExpression = (value: unknown): boolean => typeof value === 'string' && /^\[.*\]$/s.test(value)

const inAzure = [...settings].filter(([, { setIn }]) => setIn.includes('azure')).map(([name]) => name)

const sorted = (names: Iterable<string>): string => [...names].toSorted().join()

/** What declarations, the list of settings and documents say about a shape. Variants may differ from it. */
export function shapeRules(services: readonly Service[], shape: Shape): readonly Rule[] {
  const rules: readonly Rule[] = [
    {
      // In dev the developer has the rights of all services; elsewhere nobody is named.
      name: 'rights match the services’ declarations cell by cell',
      check: (deployed) => ({
        looked: roleMatrix(deployed, SAMPLE_ENVIRONMENT.AZURE_PRINCIPAL_ID).allowed.size,
        wrong: matrixDifferences(deployed, services, shape === 'dev'),
      }),
    },
    {
      // Only services that have or read personal data need the vault.
      name: 'every app has each app setting of the list once',
      check: (deployed) => {
        const sites = selectSites(deployed)
        const wrong = sites.filter((site) => {
          const service = services.find(({ name }) => name === at(site, 'tags.azd-service-name'))
          const expected = inAzure.filter((name) => !/^PersonalKeys__/.test(name) || (service && needsKeyWrap(service)))
          return sorted(listSettings(site).map(({ name }) => name)) !== sorted(expected)
        })
        return { looked: sites.length, wrong: wrong.map(({ id }) => `${id} has other settings`) }
      },
    },
    {
      name: 'every app setting has a valid value, where it is known',
      check: (deployed) => {
        const known = selectSites(deployed)
          .flatMap(listSettings)
          .filter(({ value }) => !isExpression(value))
        // A missing value would be valid, if the setting has a default.
        const isValid = ({ name, value }: Setting) =>
          typeof value === 'string' && settings.get(name)?.schema.safeParse(value).success === true
        const wrong = known.filter((setting) => !isValid(setting))
        return { looked: known.length, wrong: wrong.map(({ name, value }) => `${name} is ${String(value)}`) }
      },
    },
  ]
  return shape === 'prod' ? [...rules, ...productionRules(services)] : rules
}

const productionRules = (services: readonly Service[]): readonly Rule[] => [
  {
    name: 'every alert has a runbook in docs/operate.md, and every runbook an alert',
    check: (deployed) => {
      const [alerts, runbooks] = [listAlerts(deployed), listRunbooks(read('docs/operate.md'))]
      const wrong = [...alerts.symmetricDifference(runbooks)].map((name) => `${name} has no alert or no runbook`)
      return { looked: alerts.size, wrong }
    },
  },
  {
    // The rows also include resources that production lacks, such as an app's authentication.
    name: 'every resource has a row in docs/deploy.md',
    check: (deployed) => {
      const types = listResourceTypes(deployed)
      const documented = listDocumentedTypes(read('docs/deploy.md'))
      const wrong = [...types].filter((type) => !documented.has(type)).map((type) => `${type} has no row`)
      return { looked: types.size, wrong }
    },
  },
  {
    // The retries within the window exceed the threshold: half of the possible ones, because each takes time too.
    name: 'the alert on failed functions stays active while one batch fails',
    check: ({ predictedResources }) => {
      const alerts = predictedResources.filter(({ name }) => name === 'functions-failing')
      const { retry } = relayTrigger
      const { seconds = 0 } = Object(retry?.strategy === 'exponentialBackoff' ? retry.maximumInterval : undefined)
      const wrong = alerts.filter((alert) => {
        const window = Number(/^PT(\d+)M$/.exec(String(at(alert, 'properties.windowSize')))?.[1]) * 60
        const [criterion] = listAt(alert, 'properties.criteria.allOf')
        const isHeld = Number(at(criterion, 'threshold')) <= window / seconds / 2
        return !isHeld || at(criterion, 'metricName') !== 'requests/failed'
      })
      return { looked: alerts.length, wrong: wrong.map(({ id }) => `${id} ends too early`) }
    },
  },
  {
    name: 'always-ready instances are for functions that exist',
    check: (deployed) => {
      const functions = buildTopology(services).services.flatMap(({ functions: { relay, projections, reactions } }) => [
        relay,
        ...projections,
        ...reactions,
      ])
      const known = new Set(['http', ...functions.map((name) => `function:${name}`)])
      const warm = selectSites(deployed).flatMap((site) =>
        listAt<{ name: string }>(site, 'properties.functionAppConfig.scaleAndConcurrency.alwaysReady'),
      )
      const wrong = warm.filter(({ name }) => !known.has(name)).map(({ name }) => `there is no ${name}`)
      return { looked: warm.length, wrong }
    },
  },
]
