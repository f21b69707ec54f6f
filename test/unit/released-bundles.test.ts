import assert from 'node:assert/strict'
import { readdirSync } from 'node:fs'
import { describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { BEFORE_THE_SPLIT, PACKED, readChecksums, readServices } from '../support/released-bundles.ts'

const bundles = fileURLToPath(new URL('../fixtures/bundles/', import.meta.url))

describe('the bundles of released services', () => {
  const commits = readdirSync(bundles, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => name)

  it('exist, named by the hash of their commit', () => {
    assert.ok(commits.includes(BEFORE_THE_SPLIT))
    for (const commit of commits) assert.match(commit, /^[0-9a-f]{12}$/)
  })

  for (const commit of commits)
    it(`of ${commit} are unchanged`, async () => {
      const sums = await readChecksums(commit)
      assert.ok(sums.length >= 2)
      for (const { file, released, is } of sums) assert.equal(is, released, file)
      assert.deepEqual(
        sums.map(({ file }) => file).toSorted(),
        [...Object.keys(await readServices(commit)), 'host.json'].toSorted(),
      )
      assert.deepEqual(readdirSync(`${bundles}${commit}`).toSorted(), ['SHA256SUMS', 'host.json', PACKED])
    })
})
