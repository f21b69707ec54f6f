import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { eventType } from 'tidemark'
import { eventReader } from 'tidemark/tools'
import { z } from 'zod'
import { buildEventSchema, declaredEvents } from '../../packages/cli/schemas/event-schema.ts'
import { buildSamples } from '../../packages/cli/schemas/samples.ts'
import { committedVersions, jsonSchemaCheck } from './committed.ts'

const versions = committedVersions()
const check = jsonSchemaCheck()

describe('golden samples', () => {
  it('exist for every version of every event, and fit its committed schema', () => {
    let counted = 0
    for (const { name, schema, samples, type, version } of versions) {
      assert.deepEqual([samples.type, samples.version, samples.readAs], [type.name, version, type.version], name)
      assert.ok(samples.samples.length > 0, name)
      for (const { data } of samples.samples) {
        assert.equal(check(schema, data), undefined, name)
        counted += 1
      }
    }
    assert.ok(counted > 20)
    console.log(`# ${counted} samples of ${versions.length} versions`)
  })

  it('are read as the newest version, as committed, and fit the newest schema', () => {
    let upcast = 0
    for (const { name, samples, type, version } of versions) {
      const newest = versions.find((each) => each.type === type && each.version === type.version)
      assert.ok(newest)
      for (const { data, read } of samples.samples) {
        const content = { type: type.name, schemaVersion: version, data }
        const found = eventReader([type], 'foreign').read(content, name)
        assert.equal(check(newest.schema, found), undefined, name)
        if (version === type.version) assert.deepEqual([found, read], [data, undefined], name)
        else {
          assert.deepEqual(found, read, name)
          upcast += 1
        }
      }
    }
    assert.ok(upcast > 0, 'no sample is of an older version')
    console.log(`# ${upcast} samples of older versions are read as committed`)
  })
})

describe('samples of a version', () => {
  const first = z.object({ pin: z.int() })
  const type = eventType('Wired', first).additive(first.extend({ label: z.string() }), ({ pin }) => ({
    pin,
    label: `pin ${pin}`,
  }))
  const keeping = { category: 'wire', commands: [], initial: null, evolve: () => null, decide: () => [] }
  const [declared] = declaredEvents({
    ...{ name: 'wiring', publishes: [], views: [], reactions: [] },
    deciders: [{ ...keeping, events: [type] }],
  })
  assert.ok(declared)
  const schema = buildEventSchema('wiring', declared, 1)

  it('are created once, and later only their read form is updated', () => {
    const kept = { samples: [{ data: { pin: 7 }, read: { pin: 7, label: 'seven' } }] }
    assert.deepEqual(buildSamples(type, schema, kept).samples, [{ data: { pin: 7 }, read: { pin: 7, label: 'pin 7' } }])
  })

  it('are the same on every machine', () => {
    const made = buildSamples(type, schema, undefined)
    assert.deepEqual(made, buildSamples(type, schema, { samples: [] }))
    assert.ok(made.samples.length > 1)
  })

  it('fail if the code can no longer read them', () =>
    assert.throws(() => buildSamples(type, schema, { samples: [{ data: { pin: 'seven' } }] }), {
      code: 'event-unreadable',
    }))
})
