import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { eventReader } from 'tidemark/tools'
import { anyText, buildArbitrary } from '../../packages/cli/schemas/schema-values.ts'
import { type CommittedVersion, committedVersions, jsonSchemaCheck, selectVersion } from './committed.ts'

const versions = committedVersions()
const check = jsonSchemaCheck()
const RUNS = 50

/** Checks a property for random data of a version. */
function holds(version: CommittedVersion, property: (data: unknown) => void): void {
  fc.assert(fc.property(buildArbitrary(version.schema, anyText), property), { numRuns: RUNS })
}

const findNewest = ({ type }: CommittedVersion): CommittedVersion => {
  const found = versions.find((each) => each.type === type && each.version === type.version)
  assert.ok(found)
  return found
}

describe('any data of any version', () => {
  it('fit its committed schema, so the generator and the schema agree', () => {
    assert.ok(versions.length > 10)
    for (const version of versions)
      holds(version, (data) => assert.equal(check(version.schema, data), undefined, version.name))
  })

  it('are upcast to the newest version, the same each time, and are not changed', () => {
    for (const version of versions) {
      const { type, name } = version
      const reader = eventReader([type], 'own')
      const newest = findNewest(version)
      holds(version, (data) => {
        const content = { type: type.name, schemaVersion: version.version, data }
        const before = structuredClone(data)
        const read = reader.read(content, name)
        assert.equal(check(newest.schema, read), undefined, name)
        assert.deepEqual(reader.read(content, name), read)
        assert.deepEqual(data, before, `${name}: reading changed it`)
      })
    }
  })

  it("are read by every version's reader that can, and refused by the older ones", () => {
    let read = 0
    let held = 0
    for (const version of versions) {
      const { type, name, schema } = version
      const { readableFrom } = selectVersion(type, version.version)
      assert.equal(schema['x-readable-from'], readableFrom, name)
      for (let older = 1; older <= version.version; older += 1) {
        const reader = eventReader([selectVersion(type, older)], 'foreign')
        const olderSchema = versions.find((each) => each.type === type && each.version === older)?.schema
        holds(version, (data) => {
          const content = { type: type.name, schemaVersion: version.version, readableFrom, data }
          if (older < readableFrom) assert.throws(() => reader.read(content, name), { code: 'event-unknown' })
          else assert.equal(check(olderSchema, reader.read(content, name)), undefined, `${name} read as ${older}`)
        })
        if (older < readableFrom) held += 1
        else read += 1
      }
    }
    assert.ok(read > versions.length, 'there is no version that older readers can read')
    console.log(`# ${read} pairs of a version and a reader that can read it, ${held} of one that cannot`)
  })
})
