import { at, type Deployed, listAt, listIdentities, type Resource, selectType } from './deployed.ts'

/** One cell of a role matrix: `<who> may <action> <what>`. */
export type Cell = string

export interface RoleMatrix {
  readonly principals: readonly string[]
  readonly columns: readonly string[]
  /** The filled cells. A missing cell is not allowed. */
  readonly allowed: ReadonlySet<Cell>
  /** Problems with unreadable assignments: a matrix with one of them proves nothing. */
  readonly unread: readonly string[]
}

export const cell = (who: string, action: string, what: string): Cell => `${who} may ${action} ${what}`

/**
 * The kind of resource and the actions of each built-in role.
 * https://learn.microsoft.com/azure/role-based-access-control/built-in-roles
 */
const BUILT_IN: Readonly<Record<string, readonly [kind: string, actions: readonly string[]]>> = {
  '2b629674-e913-4c01-ae53-ef4638d8f975': ['hub', ['send']],
  'a638d3c7-ab3a-418d-83e6-5f17a39d4fde': ['hub', ['receive']],
  'f526a384-b230-433a-b45c-95f59c4a2dec': ['hub', ['send', 'receive', 'manage']],
  'b7e6dc6d-f1e8-4753-8033-0f276bb0955b': ['blobs', ['read', 'write', 'delete', 'own']],
  'ba92f5b4-2d11-453d-a403-e96b0029c9fe': ['blobs', ['read', 'write', 'delete']],
  '2a2b9908-6ea1-4ae2-8e65-a410df84e7d1': ['blobs', ['read']],
  '3913510d-42f4-4e42-8a64-420c390055eb': ['telemetry', ['publish']],
  'e147488a-f6f5-4113-8e2d-b22465e65bf6': ['key', ['read', 'wrap', 'unwrap']],
  '12338af0-0e69-4776-bea7-57ae8d297424': ['key', ['read', 'wrap', 'unwrap', 'encrypt', 'decrypt', 'sign', 'backup']],
}

const COSMOS = 'Microsoft.DocumentDB/databaseAccounts'

/**
 * Computes from the deployed roles who may do what with which data. An assignment covers everything below its
 * scope.
 * @param person the principal in the parameters.
 */
export function roleMatrix({ predictedResources }: Deployed, person: string): RoleMatrix {
  const columns = new Map<string, { readonly kind: string; readonly name: string }>()
  const column = (kind: string, type: string, name: (resource: Resource) => string): void => {
    for (const resource of selectType(predictedResources, type))
      columns.set(resource.id, { kind, name: name(resource) })
  }
  const last = ({ id }: Resource): string => id.split('/').at(-1) ?? ''
  const above = ({ id }: Resource): string => id.split('/').at(-3) ?? ''
  column('hub', 'Microsoft.EventHub/namespaces/eventhubs', (hub) => `hub ${last(hub)}`)
  column('database', `${COSMOS}/sqlDatabases`, (database) => `database ${last(database)}`)
  column('container', `${COSMOS}/sqlDatabases/containers`, (found) => `container ${above(found)}/${last(found)}`)
  column('blobs', 'Microsoft.Storage/storageAccounts/blobServices/containers', (found) => {
    const account = found.id.split('/').at(-5) ?? ''
    return `blobs ${findOwner(account, predictedResources)}/${last(found)}`
  })
  column('key', 'Microsoft.KeyVault/vaults/keys', (key) => `key ${last(key)}`)
  column('telemetry', 'Microsoft.Insights/components', () => 'telemetry')

  const people = principals(predictedResources, person)
  const allowed = new Set<Cell>()
  const unread: string[] = []
  const allow = (
    who: string | undefined,
    scope: string,
    kinds: readonly string[],
    actions: readonly string[],
  ): void => {
    const isBelow = (id: string): boolean => id === scope || id.startsWith(`${scope}/`)
    const below = [...columns].filter(([id, { kind }]) => kinds.includes(kind) && isBelow(id))
    if (who === undefined) unread.push(`a role at ${scope} is assigned to an unknown principal`)
    else if (below.length === 0) unread.push(`a role of ${who} at ${scope} covers no deployed resource`)
    else for (const [, { name }] of below) for (const action of actions) allowed.add(cell(who, action, name))
  }

  const custom = new Map(
    selectType(predictedResources, 'Microsoft.Authorization/roleDefinitions').map((definition) => [
      last(definition),
      readCustomRole(
        listAt<{ dataActions: string[] }>(definition, 'properties.permissions').flatMap(
          ({ dataActions }) => dataActions,
        ),
      ),
    ]),
  )
  for (const assignment of selectType(predictedResources, 'Microsoft.Authorization/roleAssignments')) {
    const role = String(at(assignment, 'properties.roleDefinitionId')).split('/').at(-1) ?? ''
    const [kind, actions] = BUILT_IN[role] ?? custom.get(role) ?? []
    if (kind === undefined || actions === undefined) {
      unread.push(`${assignment.id} has an unknown role`)
      continue
    }
    allow(people.get(String(at(assignment, 'properties.principalId'))), findScope(assignment), [kind], actions)
  }

  const definitions = new Map(
    selectType(predictedResources, `${COSMOS}/sqlRoleDefinitions`).map((definition) => [
      definition.id,
      listAt<{ dataActions: string[] }>(definition, 'properties.permissions').flatMap(({ dataActions }) => dataActions),
    ]),
  )
  for (const assignment of selectType(predictedResources, `${COSMOS}/sqlRoleAssignments`)) {
    const actions = definitions.get(String(at(assignment, 'properties.roleDefinitionId')))
    if (actions === undefined) {
      unread.push(`${assignment.id} has a role that is not deployed`)
      continue
    }
    const scope = String(at(assignment, 'properties.scope'))
      .replace('/dbs/', '/sqlDatabases/')
      .replace('/colls/', '/containers/')
    const short = actions.map((action) => action.replace('Microsoft.DocumentDB/databaseAccounts/', ''))
    const who = people.get(String(at(assignment, 'properties.principalId')))
    allow(who, scope, ['database', 'container'], short)
  }
  return {
    principals: [...new Set(people.values())],
    columns: [...columns.values()].map(({ name }) => name),
    allowed,
    unread,
  }
}

const CUSTOM = [
  ['key', /^Microsoft\.KeyVault\/vaults\/keys\/(\w+)\/action$/],
  ['blobs', /^Microsoft\.Storage\/storageAccounts\/blobServices\/containers\/blobs\/(.*)$/],
] as const

/** The kind and the data actions of a custom role. An action of another kind stays as it is, and is too much. */
function readCustomRole(dataActions: readonly string[]): readonly [kind: string, actions: readonly string[]] {
  const [kind, pattern] = CUSTOM.find(([, each]) => dataActions.some((action) => each.test(action))) ?? CUSTOM[1]
  return [kind, dataActions.map((action) => action.replace(pattern, '$1'))]
}

/** Principals by their id in assignments: apps (by their service), the person, the deployer. */
function principals(resources: readonly Resource[], person: string): ReadonlyMap<string, string> {
  const named = new Map([
    [person, 'person'],
    ['[deployer().objectId]', 'deployer'],
  ])
  const reference = (identity: string, who: string): void => {
    const found = resources.find(({ id }) => id === identity)
    if (found) named.set(`[reference('${found.id}', '${String(found.apiVersion)}').principalId]`, who)
  }
  for (const site of selectType(resources, 'Microsoft.Web/sites'))
    for (const identity of listIdentities(site)) reference(identity, String(at(site, 'tags.azd-service-name')))
  return named
}

/** The service whose app has its package in an account. Without an app: a name from the account's name. */
function findOwner(account: string, resources: readonly Resource[]): string {
  const site = selectType(resources, 'Microsoft.Web/sites').find((each) =>
    JSON.stringify(at(each, 'properties.functionAppConfig.deployment.storage.value') ?? '').includes(account),
  )
  return site ? String(at(site, 'tags.azd-service-name')) : (/^st(archive)/.exec(account)?.[1] ?? account)
}

/** The scope of an assignment. Its id begins with it, plain or inside an expression. */
function findScope({ id }: Resource): string {
  const within = /^\[extensionResourceId\('([^']+)', 'Microsoft\.Authorization\/roleAssignments'/.exec(id)
  return within?.[1] ?? id.replace(/\/providers\/Microsoft\.Authorization\/roleAssignments\/.*$/, '')
}
