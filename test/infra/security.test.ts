import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, it } from 'node:test'
import { buildTopology } from 'tidemark/tools'
import { services } from '../../packages/cli/project/config.ts'
import { deployed, shapes } from './support/deployed.ts'
import { type Cell, roleMatrix } from './support/role-matrix.ts'

const text = readFileSync(new URL('../../docs/security.md', import.meta.url), 'utf8')

/** What is said of each right: by its name, the words that its lines begin with. */
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

/** The rights that the topology asks for, each kind once. */
function listTopologyRights(): ReadonlySet<string> {
  const { services: apps, databases, blobContainers } = buildTopology(services)
  const views = new Set(services.flatMap((service) => service.views.map(({ name }) => name)))
  return new Set([
    ...apps.flatMap(({ receivesFrom }) => ['hub: send', ...(receivesFrom.length > 0 ? ['hub: receive'] : [])]),
    ...databases.flatMap(({ containers }) => [
      'database: readMetadata',
      ...containers.map(({ name, access }) => `${views.has(name) ? 'view' : name}: ${access}`),
    ]),
    // Not of the topology: what every host has.
    ...[...blobContainers, 'app-package'].map((name) => `${name}: own`),
    'telemetry: publish',
  ])
}

/** The kind of a right that was given, as the document names it. */
function classifyRight(right: Cell): string {
  const [, service = '', action = '', kind = '', name = ''] = /^(\S+) may (\S+) (\w+)(?: (\S+))?$/.exec(right) ?? []
  const [owner, part = ''] = name.split('/')
  if (kind === 'hub' || kind === 'database' || kind === 'telemetry') return `${kind}: ${action}`
  assert.equal(owner, service, `${right}: it is another's`)
  if (kind === 'blobs') return `${part}: own`
  const isView = services.some(({ views }) => views.some((view) => view.name === part))
  return `${isView ? 'view' : part}: ${part === 'events' ? 'append' : 'write'}`
}

describe('docs/security.md', () => {
  it('says of every right that the topology asks for, and of no other, who has it, what it can do to whom, what notices and what prevents it', () => {
    assert.deepEqual([...documented().keys()].toSorted(), [...listTopologyRights()].toSorted())
    for (const [right, words] of documented())
      assert.deepEqual(words, ['Held by', 'Can', 'To', 'Noticed by', 'Prevented by'], right)
  })

  for (const shape of shapes)
    it(`says of every right that the template gives in ${shape}`, (t) => {
      const { allowed } = roleMatrix(deployed(shape), 'nobody')
      const given = new Set([...allowed].filter((right) => !right.startsWith('deployer ')).map(classifyRight))
      assert.deepEqual([...given].toSorted(), [...documented().keys()].toSorted())
      t.diagnostic(`${allowed.size} rights of ${given.size} kinds`)
    })
})
