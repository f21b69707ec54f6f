import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, it } from 'node:test'
import { services } from '../../packages/cli/project/config.ts'
import { listRights } from './support/declared-rights.ts'
import type { Cell } from './support/role-matrix.ts'

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

/** The kind of a right, as the document names it. */
function classifyRight(right: Cell): string {
  const [, service = '', action = '', kind = '', name = ''] = /^(\S+) may (\S+) (\w+)(?: (\S+))?$/.exec(right) ?? []
  const [owner, part = ''] = name.split('/')
  if (kind === 'hub' || kind === 'database' || kind === 'telemetry') return `${kind}: ${action}`
  if (kind === 'blobs' && owner === 'archive') {
    if (part === `archive-${service}`) return 'archive: append'
    assert.equal(action, 'read', `${right}: it belongs to another service`)
    return 'archive: read'
  }
  // Keys of personal data are the only data of another service that a grant opens.
  if (kind === 'key') return owner === service ? 'key: wrap' : 'granted key: unwrap'
  if (part === 'keys') return owner === service ? 'keys: replace' : 'granted keys: read'
  assert.equal(owner, service, `${right}: it belongs to another service`)
  if (kind === 'blobs') return `${part}: own`
  const isView = services.some(({ views }) => views.some((view) => view.name === part))
  return `${isView ? 'view' : part}: ${part === 'events' ? 'append' : 'write'}`
}

describe('docs/security.md', () => {
  // Each says who has it, what it can do to whom, and what notices and prevents that. rules/shape.ts compares
  // the rights that the template assigns with the declared ones.
  it('describes every right that services declare, and no other', (t) => {
    const declared = services.flatMap((service) => [...listRights(service)])
    assert.deepEqual([...documented().keys()].toSorted(), [...new Set(declared.map(classifyRight))].toSorted())
    for (const [right, words] of documented())
      assert.deepEqual(words, ['Held by', 'Can', 'To', 'Noticed by', 'Prevented by'], right)
    t.diagnostic(`${declared.length} rights of ${documented().size} kinds`)
  })
})
