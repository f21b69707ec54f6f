import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, it } from 'node:test'
import { buildTopology } from 'tidemark/tools'
import { services } from '../../packages/cli/project/config.ts'
import { deployed, shapes } from './support/deployed.ts'
import { type Cell, roleMatrix } from './support/role-matrix.ts'

const text = readFileSync(new URL('../../docs/security.md', import.meta.url), 'utf8')

/** The documented rights by name, each with the first words of its lines. */
function documented(): ReadonlyMap<string, readonly string[]> {
  const [, list = ''] = /^## Rights on data$(.*?)^## /ms.exec(text) ?? []
  return new Map(
    list
      .split(/^### /m)
      .slice(1)
      .map((section) => {
        const [, name = ''] = /^`([^`]+)`\n/.exec(section) ?? []
        return [name, [...section.matchAll(/^- \*\*([^*]+)\*\* \S/gm)].map(([, word = '']) => word)]
      }),
  )
}

/** The kinds of rights that the topology requires. */
function listTopologyRights(): ReadonlySet<string> {
  const { services: apps, databases, blobContainers } = buildTopology(services)
  const views = new Set(services.flatMap((service) => service.views.map(({ name }) => name)))
  return new Set([
    ...apps.flatMap(({ receivesFrom }) => ['hub: send', ...(receivesFrom.length > 0 ? ['hub: receive'] : [])]),
    ...databases.flatMap(({ containers }) => [
      'database: readMetadata',
      ...containers.map(({ name, access }) => `${views.has(name) ? 'view' : name}: ${access}`),
    ]),
    // Rights of every host, which are not in the topology.
    ...[...blobContainers, 'app-package'].map((name) => `${name}: own`),
    'telemetry: publish',
  ])
}

/** The kind of an assigned right, as the document names it. */
function classifyRight(right: Cell): string {
  const [, service = '', action = '', kind = '', name = ''] = /^(\S+) may (\S+) (\w+)(?: (\S+))?$/.exec(right) ?? []
  const [owner, part = ''] = name.split('/')
  if (kind === 'hub' || kind === 'database' || kind === 'telemetry') return `${kind}: ${action}`
  assert.equal(owner, service, `${right}: it belongs to another service`)
  if (kind === 'blobs') return `${part}: own`
  const isView = services.some(({ views }) => views.some((view) => view.name === part))
  return `${isView ? 'view' : part}: ${part === 'events' ? 'append' : 'write'}`
}

describe('docs/security.md', () => {
  // Each says who has it, what it can do to whom, and what notices and prevents that.
  it('describes every right of the topology, and no other', () => {
    assert.deepEqual([...documented().keys()].toSorted(), [...listTopologyRights()].toSorted())
    for (const [right, words] of documented())
      assert.deepEqual(words, ['Held by', 'Can', 'To', 'Noticed by', 'Prevented by'], right)
  })

  for (const shape of shapes)
    it(`describes every right that the template assigns in ${shape}`, (t) => {
      const { allowed } = roleMatrix(deployed(shape), 'nobody')
      const given = new Set([...allowed].filter((right) => !right.startsWith('deployer ')).map(classifyRight))
      assert.deepEqual([...given].toSorted(), [...documented().keys()].toSorted())
      t.diagnostic(`${allowed.size} rights of ${given.size} kinds`)
    })
})
