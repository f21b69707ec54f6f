import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { Validator } from '@seriousme/openapi-schema-validator'
import { type EventType, eventType, published, type Service } from 'tidemark'
import { toCloudEvent } from 'tidemark/tools'
import { z } from 'zod'
import { services } from '../../packages/cli/project/config.ts'
import { buildAsyncApi } from '../../packages/cli/schemas/asyncapi.ts'
import { buildEventSchema, declaredEvents } from '../../packages/cli/schemas/event-schema.ts'
import { differences, schemaFiles } from '../../packages/cli/schemas/schema-files.ts'
import { readSchemas } from '../../packages/cli/schemas/schema-folder.ts'
import { registrations } from '../../packages/functions-host/registrations.ts'
import { recordedEvent } from './committed.ts'

const folder = fileURLToPath(new URL('../../schemas', import.meta.url))
const committed = readSchemas(folder)
const made = await schemaFiles(services, committed)
const json = (file: string) => JSON.parse(readFileSync(`${folder}/${file}`, 'utf8'))

const service = (parts: Partial<Service>): Service => ({
  name: 'wiring',
  deciders: [],
  publishes: [],
  views: [],
  reactions: [],
  ...parts,
})
const keeping = (...events: EventType[]): Service['deciders'] => [
  { category: 'wire', commands: [], events, initial: null, evolve: () => null, decide: () => [] },
]

describe('schemas/', () => {
  it('equals what the code declares: npm run schemas', () => {
    assert.ok(made.size > 30, `only ${made.size} files were compared`)
    assert.deepEqual(differences(made, committed), [])
    console.log(`# ${made.size} files of schemas/ equal what the code declares`)
  })

  it('is written the same again, whatever was there, with only the samples kept', async () => {
    const withoutSamples = (files: typeof made) => [...files].filter(([file]) => !file.includes('/samples/'))
    const again = await schemaFiles(services, new Map())
    assert.deepEqual(withoutSamples(again), withoutSamples(made))
    assert.deepEqual([...again.keys()], [...made.keys()])
  })

  it('names each file that differs, is missing, or has no declaration', () => {
    const [file = '', text = ''] = [...made][0] ?? []
    const found = new Map([...made].slice(2)).set(file, `${text} `).set('ordering/events/Stray.v1.json', '{}')
    const [missing] = [...made.keys()].slice(1)
    assert.deepEqual(
      differences(made, found).toSorted(),
      [
        `schemas/${file} differs`,
        `schemas/${missing} is missing`,
        'schemas/ordering/events/Stray.v1.json is not declared in the code',
      ].toSorted(),
    )
  })

  it('has every version of every recorded event, and of every published one', () => {
    let counted = 0
    for (const { name, deciders, publishes } of services) {
      for (const type of deciders.flatMap(({ events }) => events))
        for (const { version } of type.versions) {
          assert.ok(committed.has(`${name}/events/${type.name}.v${version}.json`), `${name} ${type.name} ${version}`)
          counted += 1
        }
      for (const { publicEvent: type } of publishes)
        for (const { version } of type.versions)
          assert.ok(committed.has(`${name}/contract/${type.name}.v${version}.json`), `${name} ${type.name} ${version}`)
    }
    assert.ok(counted > 10)
  })
})

describe('the schema of an event', () => {
  it('has the $id that messages name as their dataschema', () => {
    const files = [...committed.keys()].filter((file) => file.includes('/contract/') && !file.includes('/samples/'))
    assert.ok(files.length > 5)
    for (const file of files) {
      const [name = '', , rest = ''] = file.split('/')
      const [type = '', version] = rest.split(/\.v|\.json/)
      const event = recordedEvent({ type, schemaVersion: Number(version), data: {} }, `/${name}/order`)
      assert.equal(json(file).$id, toCloudEvent(event).dataschema)
    }
  })

  it('allows fields of later versions, so a strict schema is refused with its place', () => {
    const strict = eventType('Wired', z.object({ ends: z.array(z.strictObject({ pin: z.int() })) }))
    const [declared] = declaredEvents(service({ deciders: keeping(strict) }))
    assert.ok(declared)
    assert.throws(
      () => buildEventSchema('wiring', declared, 1),
      /Wired\.v1 of wiring is strict at \/properties\/ends\/items/,
    )
  })

  it('comes from any Standard Schema with a JSON Schema, and one without is named', () => {
    const validate = (value: unknown) => ({ value })
    const input = () => ({ type: 'object', properties: { pin: { type: 'integer' } } })
    const other = {
      '~standard': { version: 1 as const, vendor: 'other', validate, jsonSchema: { input, output: input } },
    }
    const mute = { '~standard': { version: 1 as const, vendor: 'mute', validate } }
    const [first, second] = declaredEvents(
      service({ deciders: keeping(eventType('Wired', other), eventType('Cut', mute)) }),
    )
    assert.ok(first && second)
    assert.deepEqual(buildEventSchema('wiring', first, 1).properties, { pin: { type: 'integer' } })
    assert.throws(
      () => buildEventSchema('wiring', second, 1),
      /the schema of Cut\.v1 of wiring \(mute\) gives no JSON Schema/,
    )
  })

  it('states how its version came about, and which readers can read it', () => {
    const a = z.object({ a: z.int() })
    const type = eventType('Wired', a)
      .additive(a.extend({ b: z.int() }), (data) => ({ ...data, b: 0 }))
      .breaking(z.object({ c: z.int() }), (data) => ({ c: data.a }))
      .additive(z.object({ c: z.int(), d: z.int() }), (data) => ({ ...data, d: 0 }))
    const [declared] = declaredEvents(service({ deciders: keeping(type) }))
    assert.ok(declared)
    const told = type.versions.map(({ version }) => buildEventSchema('wiring', declared, version))
    assert.deepEqual(
      told.map((schema) => [schema['x-version'], schema['x-change'], schema['x-readable-from']]),
      [
        [1, 'first', 1],
        [2, 'additive', 1],
        [3, 'breaking', 3],
        [4, 'additive', 3],
      ],
    )
  })

  it('of a private event is separate from that of its public event', async () => {
    const kept = eventType('Wired', z.object({ pin: z.int(), secret: z.string() }))
    const told = eventType('Wired', z.object({ pin: z.int() }))
    const wiring = service({
      deciders: keeping(kept),
      publishes: [published(kept, told, ({ pin }) => ({ pin }))],
    })
    const ids = declaredEvents(wiring).map((each) => [each.role, buildEventSchema('wiring', each, 1).$id])
    assert.deepEqual(ids, [
      ['events', 'urn:tidemark:wiring:Wired:1:recorded'],
      ['contract', 'urn:tidemark:wiring:Wired:1'],
    ])
  })
})

describe('openapi.json', () => {
  it('is valid OpenAPI 3.1', async () => {
    const result = await new Validator().validate(json('openapi.json'))
    assert.deepEqual([result.valid, result.errors ?? []], [true, []])
  })

  it('describes exactly the registered routes', () => {
    // The registered functions, loaded as a host loads them.
    const routes = registrations.functions
      .flatMap(({ metadata }) => Object.values(metadata.bindings))
      .flatMap((binding) => (binding.type === 'httpTrigger' ? [String(binding.route)] : []))
      .filter((route) => route !== 'openapi.json' && !route.endsWith('{*path}'))
    const told = Object.keys(json('openapi.json').paths)
    const fits = (path: string, route: string): boolean =>
      path === `/${route}` ||
      (route.endsWith('{command}') &&
        new RegExp(`^/${route.replace('{id}', '\\{id\\}').replace('{command}', '[a-z-]+')}$`).test(path))
    assert.ok(routes.length > 15)
    for (const route of routes)
      assert.ok(
        told.some((path) => fits(path, route)),
        `${route} is not described`,
      )
    for (const path of told)
      assert.ok(
        routes.some((route) => fits(path, route)),
        `${path} is not routed`,
      )
  })

  it('describes every document of every view', () => {
    const answers = JSON.stringify(json('openapi.json'))
    for (const { views } of services) for (const view of views) assert.ok(view.document, `${view.name} has no document`)
    assert.ok(answers.includes('placedAt'))
  })
})

describe('AsyncAPI', () => {
  it('refuses a reaction to an event that the other service does not publish', () => {
    const Wired = eventType('Wired', z.object({}))
    const other = service({ name: 'other' })
    const reactions = [
      {
        name: 'r',
        service: 'other',
        category: 'wire',
        events: [Wired],
        startsAt: 'now' as const,
        react: async () => {},
      },
    ]
    const following = service({ reactions })
    assert.throws(
      () => buildAsyncApi(following, [other, following]),
      /Wired is followed, but other does not publish it/,
    )
  })

  it('refuses a reaction to an event in another category than it is recorded in', () => {
    const Wired = eventType('Wired', z.object({}))
    const other = service({ name: 'other', deciders: keeping(Wired), publishes: [published(Wired)] })
    const reaction = {
      name: 'listening',
      service: 'other',
      events: [Wired],
      startsAt: 'now' as const,
      react: async () => {},
    }
    const following = (category: string) => service({ reactions: [{ ...reaction, category }] })
    buildAsyncApi(following('wire'), [other, following('wire')])
    assert.throws(
      () => buildAsyncApi(following('wires'), [other, following('wires')]),
      /Wired is followed in \/other\/wires, but comes from \/other\/wire/,
    )
  })
})
