import assert from 'node:assert/strict'
import { createRequire } from 'node:module'
import { describe, it } from 'node:test'
import { Ajv } from 'ajv'
import { type EventType, eventType, published, retired, type Service } from 'tidemark'
import { z } from 'zod'
import { compareSchemas } from '../../packages/cli/gate/compare.ts'
import { buildSampleReader, eventFiles, type SchemaFiles } from '../../packages/cli/schemas/schema-files.ts'

const to = z.object({ to: z.string() })
const first = eventType('Moved', to)
const Moved = first.additive(to.extend({ by: z.string() }), ({ to }) => ({ to, by: 'road' }))
const Left = eventType('Left', z.object({ by: z.string() }))
const Arrived = eventType('Arrived', to)
const city = z.object({ city: z.string(), by: z.string() })
/** Versions 1 and 2 of Moved as one. */
const either = (of: typeof to) =>
  eventType('Moved', of.extend({ by: z.string().optional() }), { through: 2, readableFrom: 1 })
const split = (by = '') =>
  Moved.readAs([Left, Arrived], (data) => [
    { type: 'Left', data: { by: `${data.by}${by}` } },
    { type: 'Arrived', data: { to: data.to } },
  ])
const renamed = (declared: typeof first) =>
  declared
    .additive(to.extend({ by: z.string() }), ({ to }) => ({ to, by: 'road' }))
    .formerly('Moved')
    .additive(to.extend({ by: z.string(), hours: z.int() }), (data) => ({ ...data, hours: 0 }))
const Relocated = renamed(eventType('Relocated', to) as never)

/** A service that records these events and publishes some of them. */
function removals(events: readonly EventType[], publicTypes: readonly EventType[] = []): Service {
  const decider = { category: 'van', commands: [], events, initial: null, evolve: () => null, decide: () => [] }
  return {
    name: 'removals',
    deciders: [decider],
    publishes: publicTypes.map((type) => published(type)),
    views: [],
    reactions: [],
  }
}

function follower(...events: readonly EventType[]): Service {
  const react = async () => {}
  const reaction = { name: 'r', service: 'removals', category: 'van', events, startsAt: 'first', react } as const
  return { ...removals([]), name: 'follower', reactions: [reaction] }
}

/** The files after a series of releases. */
function release(...releases: readonly (readonly Service[])[]): SchemaFiles {
  let files: SchemaFiles = new Map()
  for (const services of releases) files = eventFiles(services, files)
  return files
}

function gate(released: SchemaFiles, ...services: readonly Service[]) {
  const { refused, breaking } = compareSchemas(released, eventFiles(services, released), buildSampleReader(services))
  return [...refused, ...breaking]
}

// biome-ignore lint/suspicious/noExplicitAny: a file's JSON, read field by field.
const json = (files: SchemaFiles, file: string): any => JSON.parse(files.get(`removals/${file}`) ?? assert.fail(file))
const announced = removals([Moved.becoming('Relocated')], [Moved.becoming('Relocated')])

describe('the schema gate allows', () => {
  for (const [what, released, now] of [
    ['a rename that was announced', [announced], [removals([Relocated], [Relocated])]],
    ['an announcement', [removals([Moved], [Moved])], [announced]],
    ['a private event that is retired', [removals([Moved])], [removals([retired('Moved')])]],
    [
      'a public event that is retired and not followed',
      [removals([Moved], [Moved])],
      [removals([retired('Moved')], [retired('Moved')])],
    ],
    [
      'a private event that is read as released ones',
      [removals([Moved, Left, Arrived])],
      [removals([split(), Left, Arrived])],
    ],
    [
      'versions that are merged',
      [removals([Moved.breaking(city, ({ to, by }) => ({ city: to, by }))])],
      [removals([either(to).breaking(city, ({ to, by = 'road' }) => ({ city: to, by }))])],
    ],
  ] as const)
    it(`${what}, and what comes after it`, () => {
      const before = release(released)
      assert.deepEqual(gate(before, ...now), [])
      const after = eventFiles(now, before)
      assert.deepEqual(eventFiles(now, after), after)
      assert.deepEqual(gate(after, ...now), [])
    })
})

describe('the schema gate refuses, and reports,', () => {
  const plain = [removals([Moved, Left, Arrived])]
  const retiredBefore = [removals([Moved])]
  for (const [what, releases, now, expected] of [
    [
      'a removed type, with what to declare instead',
      [plain],
      [removals([Left, Arrived])],
      "removals: Moved is removed, but logs keep it for ever. If it was renamed, declare .formerly('Moved') on the " +
        "new type. If it has ended, list retired('Moved'), or its declaration with .readAs(…)",
    ],
    [
      'a rename that was not announced',
      [plain],
      [removals([Relocated, Left, Arrived])],
      'removals: Moved (log) is renamed Relocated, which deployed readers would skip: ' +
        "first release Moved with .becoming('Relocated')",
    ],
    [
      'a renamed type whose versions are not those of its former name',
      [[announced]],
      [removals([renamed(eventType('Relocated', to.extend({ note: z.string().optional() })) as never)])],
      /^removals: Relocated version 1 \(log\) was edited after its release: note/,
    ],
    [
      'a retired type that is written again',
      [retiredBefore, [removals([retired('Moved')])]],
      [removals([Moved])],
      'removals: Moved (log) was retired, and is declared as a live type now: ' +
        'choose a new name, because logs have this one for ever',
    ],
    [
      'a former name that is given to another type',
      [[removals([Moved.becoming('Relocated')])], [removals([Relocated])]],
      [removals([{ ...Relocated, formerNames: [] }, eventType('Moved', z.object({ mood: z.string() }))])],
      /^removals: Moved \(log\) was renamed Relocated, and is declared as a live type now: choose a new name/,
    ],
    [
      'a type that is read as ones that deployed readers do not know',
      [[removals([Moved, Left])]],
      [removals([split(), Left, Arrived])],
      'removals: Moved (log) is read as Arrived, which deployed readers would skip: first release Moved beside them',
    ],
    [
      'an ended type that is read as something else later',
      [plain, [removals([split(), Left, Arrived])]],
      [removals([split('!'), Left, Arrived])],
      'schemas/removals/samples/Moved.v1.json: sample 1 is read differently than at its release',
    ],
    [
      'a retired type that is read as something later',
      [plain, [removals([retired('Moved'), Left, Arrived])]],
      [removals([split(), Left, Arrived])],
      'schemas/removals/samples/Moved.v1.json: sample 1 is read differently than at its release',
    ],
    [
      'a public event that is retired although a service follows it',
      [[removals([Moved], [Moved]), follower(Moved)]],
      [removals([retired('Moved')], [retired('Moved')]), follower(Moved)],
      'removals: Moved (contract) is retired, but is still followed by follower',
    ],
    [
      'merged versions that the new schema does not fit',
      [[removals([Moved.breaking(city, ({ to, by }) => ({ city: to, by }))])]],
      [
        removals([
          either(z.object({ to: z.string().max(99) })).breaking(city, ({ to, by = 'road' }) => ({ city: to, by })),
        ]),
      ],
      'removals: Moved version 1 (log) is merged, but the schema of versions 1 to 2 does not fit it: ' +
        'to may have more than 99 characters',
    ],
    [
      'merged versions that claim older readers than were released',
      [[removals([first.breaking(to, (data) => data)])]],
      [removals([eventType('Moved', to, { through: 2, readableFrom: 1 })])],
      'removals: Moved version 2 (log) is merged with readableFrom 1, but was released with 2',
    ],
  ] as const satisfies readonly (readonly [
    string,
    readonly (readonly Service[])[],
    readonly Service[],
    string | RegExp,
  ])[])
    it(what, () => {
      const lines = gate(release(...releases), ...now)
      const [line = ''] = lines.filter((each) =>
        typeof expected === 'string' ? each === expected : expected.test(each),
      )
      assert.ok(line, lines.join('\n') || 'nothing was refused')
    })

  it('a name that stands for two event types, before any file is made', () =>
    assert.throws(() => release([removals([Relocated, retired('Moved')])]), /Moved is another name of Relocated/))

  it('a follower that does not follow the ended type of an event it follows', () => {
    const service = removals([split(), Left, Arrived], [split(), Left, Arrived])
    release([service, follower(Left, split())])
    assert.throws(
      () => release([service, follower(Left)]),
      /Left of removals is followed, and Moved is read as it: follow Moved too/,
    )
  })
})

describe('the files of ended event types', () => {
  it('keep every released schema and sample, with how it is read now', () => {
    const before = release([removals([Moved, Left, Arrived])])
    const reads = (...events: readonly EventType[]) => {
      const files = release([removals([Moved, Left, Arrived])], [removals(events)])
      const [schema, samples] = [json(files, 'events/Moved.v2.json'), json(files, 'samples/Moved.v2.json')]
      const data = json(before, 'samples/Moved.v2.json').samples.map((each: { data: unknown }) => each.data)
      assert.deepEqual(
        samples.samples.map((each: { data: unknown }) => each.data),
        data,
      )
      assert.equal(schema.deprecated, true)
      assert.ok(data.length > 1)
      return { schema, samples, data: data[0] }
    }
    const gone = reads(retired('Moved'), Left, Arrived)
    assert.deepEqual([gone.schema['x-retired'], gone.samples.readAs, gone.samples.samples[0].reads], [true, {}, []])
    const several = reads(split(), Left, Arrived)
    assert.deepEqual(
      [several.schema['x-read-as'], several.samples.readAs],
      [['Left', 'Arrived'], { Left: 1, Arrived: 1 }],
    )
    assert.deepEqual(several.samples.samples[0].reads, [
      { type: 'Left', data: { by: several.data.by } },
      { type: 'Arrived', data: { to: several.data.to } },
    ])
    const other = reads(Relocated, Left, Arrived)
    assert.deepEqual([other.schema['x-renamed-to'], other.samples.readAs], ['Relocated', { Relocated: 3 }])
    assert.deepEqual(other.samples.samples[0].reads, [{ type: 'Relocated', data: { ...other.data, hours: 0 } }])
  })

  it('describe them in AsyncAPI, which stays valid', () => {
    const specification = createRequire(import.meta.url)('@asyncapi/specs/schemas/3.0.0-without-$id.json')
    const isValid = new Ajv({ strict: false, allErrors: true, validateFormats: false }).compile(specification)
    const files = release([announced], [removals([Relocated, retired('Lost')], [Relocated]), follower(Relocated)])
    // biome-ignore lint/suspicious/noExplicitAny: a file's JSON, read field by field.
    const document: any = json(files, 'asyncapi.json')
    const { messages, schemas } = document.components
    assert.ok(isValid(document), JSON.stringify(isValid.errors))
    const old = 'removals.Moved.v2'
    assert.deepEqual(
      [messages[old].name, messages[old]['x-renamed-to'], schemas[old].deprecated],
      ['Moved', 'Relocated', true],
    )
    assert.deepEqual(messages[old].payload.allOf[1].properties.type, { const: 'Moved' })
    assert.deepEqual(messages['removals.Relocated.v3']['x-formerly'], ['Moved'])
    const { operations } = JSON.parse(files.get('follower/asyncapi.json') ?? '')
    const names = operations.r.messages.map(({ $ref }: { $ref: string }) => $ref.split('/').at(-1))
    assert.deepEqual(names, ['Relocated.v1', 'Relocated.v2', 'Relocated.v3', 'Moved.v1', 'Moved.v2'])
  })
})
