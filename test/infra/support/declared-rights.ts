import type { Service } from 'tidemark'
import { type Cell, cell } from './role-matrix.ts'

const item = (...actions: readonly string[]): readonly string[] => [
  'readMetadata',
  ...actions.map((action) => `sqlDatabases/containers/items/${action}`),
  'sqlDatabases/containers/executeQuery',
  'sqlDatabases/containers/readChangeFeed',
]

const APPEND = item('create', 'read')
const KEEP = ['readMetadata', ...['create', 'read', 'replace'].map((each) => `sqlDatabases/containers/items/${each}`)]
const WRITE = item('create', 'read', 'replace', 'upsert', 'delete')

/** The rights that a service's declaration requires. @param who the principal that gets them. */
export function listRights(service: Service, who: string = service.name): ReadonlySet<Cell> {
  const { name, deciders, views, reactions, processes = [] } = service
  const rights = new Set<Cell>()
  const allow = (what: string, actions: readonly string[]): void => {
    for (const action of actions) rights.add(cell(who, action, what))
  }
  const every = [...reactions, ...processes.flatMap((process) => process.reactions)]
  const followed = every.map((each) => each.service)
  const sources = views.flatMap((view) => (view.kind === 'many-services' ? view.sources : []))
  const records = deciders.length > 0

  if (records) allow(`hub ${name}`, ['send'])
  if (views.some(({ kind }) => kind !== 'many-services')) allow(`hub ${name}`, ['receive'])
  for (const other of [...followed, ...sources.map((source) => source.service)]) allow(`hub ${other}`, ['receive'])

  allow(`database ${name}`, ['readMetadata'])
  if (records) {
    allow(`container ${name}/events`, APPEND)
    allow(`container ${name}/leases`, WRITE)
    allow(`blobs archive/archive-${name}`, ['read', 'add/action'])
  }
  for (const view of views) allow(`container ${name}/${view.name}`, WRITE)
  allow(`container ${name}/progress`, WRITE)
  allow(`container ${name}/parked`, WRITE)
  if (every.some((each) => each.schedules === true)) allow(`container ${name}/schedule`, WRITE)
  if (deciders.some((each) => each.stateVersion !== undefined)) allow(`container ${name}/snapshots`, WRITE)

  // Keys of personal data: its own, and those of services that grant it theirs.
  if (deciders.some((each) => each.subject !== undefined)) {
    allow(`container ${name}/keys`, KEEP)
    allow(`key ${name}`, ['read', 'wrap', 'unwrap'])
  }
  for (const owner of service.personal?.reads ?? []) {
    allow(`container ${owner}/keys`, ['readMetadata', 'sqlDatabases/containers/items/read'])
    allow(`key ${owner}`, ['unwrap'])
  }

  // Only its own host storage: its packages and checkpoints.
  for (const blobs of ['app-package', 'azure-webjobs-eventhub'])
    allow(`blobs ${name}/${blobs}`, ['read', 'write', 'delete', 'own'])
  // What its views are rebuilt from.
  for (const { service: source } of sources) allow(`blobs archive/archive-${source}`, ['read'])
  allow('telemetry', ['publish'])
  return rights
}
