import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, it } from 'node:test'
import { compareVersions, type Rename, renames, renamesBetween } from '../../upgrade/renames.ts'

const changelog = readFileSync(new URL('../../../tidemark/CHANGELOG.md', import.meta.url), 'utf8')

/** The versions of a changelog, each with its notes. */
function listReleases(text: string): readonly (readonly [version: string, notes: string])[] {
  return text
    .split(/^## /m)
    .slice(1)
    .map((part) => {
      const [version = '', ...notes] = part.split('\n')
      return [version.trim(), notes.join('\n')] as const
    })
}

/** The renames in a changelog. @throws if one is worded differently than expected here. */
function renamedIn(text: string): readonly Rename[] {
  return listReleases(text).flatMap(([version, notes]) =>
    [...notes.matchAll(/renamed/gi)].map(({ index }) => {
      const sentence = /^Renamed:\s+`(\w+)`\s+is\s+`(\w+)`,\s+of\s+`([\w/-]+)`\./.exec(notes.slice(index))
      assert.ok(sentence, `${version}: write "Renamed: \`oldName\` is \`newName\`, of \`tidemark\`."`)
      const [, name = '', to = '', module = ''] = sentence
      return { version, module, name, to }
    }),
  )
}

describe('the table of renames', () => {
  it('has exactly the renames in the changelog of tidemark', (t) => {
    const releases = listReleases(changelog)
    t.diagnostic(`${releases.length} versions, ${renames.length} renames`)
    assert.ok(releases.length > 0)
    assert.deepEqual(
      renames,
      renamedIn(changelog)
        .toReversed()
        .toSorted((a, b) => compareVersions(a.version, b.version)),
    )
  })

  it('would miss no rename, and refuses one in other words', () => {
    const written = '## 0.2.0\n\n- Renamed: `a` is `b`, of\n  `tidemark/testing`.\n\n## 0.1.0\n\nThe first.\n'
    assert.deepEqual(renamedIn(written), [{ version: '0.2.0', module: 'tidemark/testing', name: 'a', to: 'b' }])
    assert.throws(() => renamedIn('## 0.2.0\n\nWe renamed `a` to `b`.\n'), /0\.2\.0: write "Renamed/)
  })

  it('is applied from the version of a project to the installed one', () => {
    const all = ['0.1.0', '0.2.0-rc.1', '0.2.0', '0.10.0'].map((version) => ({
      ...{ version, module: 'tidemark', name: 'a', to: 'b' },
    }))
    const between = (from: string, to: string): readonly string[] =>
      renamesBetween(all, from, to).map(({ version }) => version)
    assert.deepEqual(between('0.1.0', '0.1.0'), [])
    assert.deepEqual(between('0.1.0', '0.9.0'), ['0.2.0-rc.1', '0.2.0'])
    assert.deepEqual(between('0.2.0-rc.1', '0.2.0'), ['0.2.0'])
    assert.deepEqual(between('0.2.0', '0.10.0'), ['0.10.0'])
  })

  it('orders versions by Semantic Versioning', () => {
    const order = [
      '0.9.0',
      '0.10.0-alpha',
      '0.10.0-alpha.2',
      '0.10.0-alpha.10',
      '0.10.0-beta',
      '0.10.0',
      '0.10.1',
      '1.0.0',
    ]
    assert.deepEqual(order.toReversed().toSorted(compareVersions), order)
    for (const version of order) assert.equal(compareVersions(version, version), 0)
  })
})
