import { readMarkdown } from '../../packages/test-support/markdown.ts'

/** The parts of the output of `bicep snapshot` that the documents are compared with. */
export interface Snapshot {
  readonly predictedResources: readonly {
    readonly type: string
    readonly name: string
    readonly properties?: { readonly description?: string }
  }[]
}

const ALERTS = new Set(['microsoft.insights/metricalerts', 'microsoft.insights/scheduledqueryrules'])
const RUNBOOK = /docs\/operate\.md#alert-([a-z0-9-]+)/

/** The runbooks that alerts name. Fails for an alert that names none, and if there is no alert. */
export function listAlerts(snapshot: Snapshot): ReadonlySet<string> {
  const alerts = snapshot.predictedResources.filter(({ type }) => ALERTS.has(type.toLowerCase()))
  if (alerts.length === 0) throw new Error('the snapshot has no alert')
  return new Set(
    alerts.map(({ name, properties }) => {
      const runbook = RUNBOOK.exec(properties?.description ?? '')?.[1]
      if (runbook === undefined) throw new Error(`the alert ${name} names no runbook`)
      return runbook
    }),
  )
}

/** The alerts with a runbook in docs/operate.md. Fails if there is none. */
export function listRunbooks(operate: string): ReadonlySet<string> {
  const runbooks = [...readMarkdown(operate).anchors].filter((anchor) => operate.includes(`<a id="${anchor}"></a>`))
  const alerts = runbooks.filter((anchor) => anchor.startsWith('alert-')).map((anchor) => anchor.slice('alert-'.length))
  if (alerts.length === 0) throw new Error('there is no runbook')
  return new Set(alerts)
}

/** The types of all resources of a snapshot, in lower case. Fails if there is none. */
export function listResourceTypes(snapshot: Snapshot): ReadonlySet<string> {
  const types = snapshot.predictedResources
    .map(({ type }) => type.toLowerCase())
    // A nested deployment is a means of deployment and leaves no resource.
    .filter((type) => type !== 'microsoft.resources/deployments')
  if (types.length === 0) throw new Error('the snapshot has no resource')
  return new Set(types)
}

/** The resource types with a row in docs/deploy.md: in backquotes in the first column. Fails if there is none. */
export function listDocumentedTypes(deploy: string): ReadonlySet<string> {
  const types = readMarkdown(deploy).rows.flatMap(([first = '']) =>
    [...first.matchAll(/`([^`]+)`/g)].flatMap(([, name = '']) =>
      /^Microsoft\.\w+\//.test(name) ? [name.toLowerCase()] : [],
    ),
  )
  if (types.length === 0) throw new Error('no row names a resource type')
  return new Set(types)
}
