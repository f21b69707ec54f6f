import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, it } from 'node:test'
import { compareVersions, type Rename, renames, renamesBetween } from '../../upgrade/renames.ts'

const changelog = readFileSync(new URL('../../../tidemark/CHANGELOG.md', import.meta.url), 'utf8')

/** The versions of a changelog, each with what stands under it. */
function listReleases(text: string): readonly (readonly [version: string, notes: string])[] {
  return text
    .split(/^## /m)
    .slice(1)
    .map((part) => {
      const [version = '', ...notes] = part.split('\n')
      return [version.trim(), notes.join('\n')] as const
    })
}

/** What a changelog says was renamed. @throws where it says so in other words than are read here. */
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
  it('has what the changelog of tidemark says was renamed, and nothing else', (t) => {
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

  it('would be told of one that misses, and of one in other words', () => {
    const written = '## 0.2.0\n\n- Renamed: `a` is `b`, of\n  `tidemark/testing`.\n\n## 0.1.0\n\nThe first.\n'
    assert.deepEqual(renamedIn(written), [{ version: '0.2.0', module: 'tidemark/testing', name: 'a', to: 'b' }])
    assert.throws(() => renamedIn('## 0.2.0\n\nWe renamed `a` to `b`.\n'), /0\.2\.0: write "Renamed/)
  })

  it('is gone through from the version that a project is at to the one that is installed', () => {
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

  it('knows the order of versions, as Semantic Versioning has it', () => {
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
