import assert from 'node:assert/strict'
import { createRequire } from 'node:module'
import { describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { Ajv, type ErrorObject } from 'ajv'
import { Ajv2020 } from 'ajv/dist/2020.js'
import addFormats from 'ajv-formats'
import { listReactions, toCloudEvent } from 'tidemark/tools'
import { services } from '../../packages/cli/project/config.ts'
import { readSchemas } from '../../packages/cli/schemas/schema-folder.ts'
import { committedVersions, recordedEvent } from './committed.ts'

const committed = readSchemas(fileURLToPath(new URL('../../schemas', import.meta.url)))

// The published schema of AsyncAPI 3.0.0, and the JSON Schema draft in which it describes other schemas.
const specification = createRequire(import.meta.url)('@asyncapi/specs/schemas/3.0.0-without-$id.json')
const ajv = new Ajv({ strict: false, allErrors: true, validateFormats: false })
const isAsyncApi = ajv.compile(specification)

// biome-ignore lint/suspicious/noExplicitAny: the document is read field by field.
type Json = any

const documents: readonly (readonly [string, Json])[] = services.map(({ name }) => [
  name,
  JSON.parse(committed.get(`${name}/asyncapi.json`) ?? ''),
])

const valid = (document: Json): ErrorObject[] => (isAsyncApi(document) ? [] : (isAsyncApi.errors ?? []))

function resolve(document: Json, $ref: string): Json {
  const found = $ref
    .slice(2)
    .split('/')
    .reduce((part, key) => part?.[key], document)
  assert.ok(found !== undefined, `${$ref} is not in the document`)
  return found
}

function listRefs(part: Json): string[] {
  if (typeof part !== 'object' || part === null) return []
  return Object.entries(part).flatMap(([key, value]) => (key === '$ref' ? [value as string] : listRefs(value)))
}

const findCategory = (service: string, type: string): string | undefined =>
  services
    .find(({ name }) => name === service)
    ?.deciders.find(({ events }) => events.some((event) => event.name === type))?.category

describe('AsyncAPI documents', () => {
  it('fit the published schema of AsyncAPI 3.0.0', () => {
    assert.ok(documents.length >= 2)
    for (const [name, document] of documents) assert.deepEqual(valid(document), [], name)
    console.log(`# ${documents.length} AsyncAPI documents`)
  })

  it('are refused by that schema with an unknown field or without a channel', () => {
    const [, document] = documents[0] ?? []
    assert.notDeepEqual(valid({ ...document, topics: {} }), [])
    assert.notDeepEqual(valid({ ...document, operations: { publish: { action: 'send' } } }), [])
    assert.notDeepEqual(valid({ ...document, asyncapi: '2.6.0' }), [])
  })

  it('have no dangling reference', () => {
    for (const [, document] of documents) {
      const refs = listRefs(document)
      // A single published event has a channel, its message, and references to both from its operation.
      assert.ok(refs.length >= 3)
      for (const $ref of refs) resolve(document, $ref)
    }
  })

  it('name every published event, and every foreign event that a reaction or a view handles', () => {
    for (const [name, document] of documents) {
      const service = services.find((each) => each.name === name)
      assert.ok(service)
      const listMessages = (operation: Json): string[] =>
        operation.messages.map(({ $ref }: Json) => {
          const { title } = resolve(document, resolve(document, $ref).$ref)
          return `${resolve(document, operation.channel.$ref).address}: ${title}`
        })
      const expected = (from: string, types: readonly Json[]): string[] =>
        types.flatMap(({ name: type, versions }) =>
          versions.map(({ version }: Json) => `${from}: ${type}, version ${version}`),
        )
      const { publish, ...receive } = document.operations
      // A service without deciders publishes nothing.
      assert.equal(publish?.action, service.deciders.length > 0 ? 'send' : undefined)
      if (publish)
        assert.deepEqual(
          listMessages(publish),
          expected(
            name,
            service.publishes.map(({ publicEvent: published }) => published),
          ),
        )
      const viewed = service.views.flatMap((view) =>
        view.kind === 'many-services'
          ? view.sources.map((source) => ({ ...source, name: `${view.name}-${source.service}-${source.category}` }))
          : [],
      )
      const followed = [...listReactions(service), ...viewed].filter((follower) => follower.service !== name)
      assert.deepEqual(
        Object.keys(receive),
        followed.map((reaction) => reaction.name),
      )
      for (const reaction of followed) {
        assert.equal(receive[reaction.name].action, 'receive')
        assert.deepEqual(listMessages(receive[reaction.name]), expected(reaction.service, reaction.events))
      }
    }
  })

  it('describe the messages that are published', () => {
    let sent = 0
    for (const [name, document] of documents) {
      const check = new Ajv2020({ strict: false, allErrors: true })
      addFormats.default(check)
      check.addSchema(document, 'asyncapi')
      for (const { name: file, type, version, schema, samples } of committedVersions()) {
        const payload = `${name}.${type.name}.v${version}`
        if (!file.startsWith(`${name}/`) || schema.$id.endsWith(':recorded')) continue
        if (!(payload in document.components.messages)) continue
        const validate = check.getSchema(`asyncapi#/components/messages/${payload}/payload`)
        assert.ok(validate)
        for (const { data } of samples.samples) {
          const content = { type: type.name, schemaVersion: version, data }
          const message = toCloudEvent(recordedEvent(content, `/${name}/${findCategory(name, type.name)}`))
          assert.ok(!validate({ ...message, source: `/${name}/other` }), 'another category')
          assert.ok(validate(message), `${payload}: ${check.errorsText(validate.errors)}`)
          assert.ok(!validate({ ...message, type: 'Other' }), 'another type')
          assert.ok(!validate({ ...message, hash: undefined }), 'no hash')
          sent += 1
        }
      }
    }
    assert.ok(sent > 10)
    console.log(`# ${sent} messages fit their AsyncAPI document`)
  })
})
