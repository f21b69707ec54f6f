import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { assertRefused, committedSchemas, type Edits, gateAfter } from './edits.ts'

const ORDERS = '/ordering/orders'
const CANCEL = '/ordering/orders/{id}/cancel'
const ORDER = '/ordering/orders/{id}'
const findOk = (operation: { responses: Record<string, { content: Record<string, unknown> }> }) =>
  // biome-ignore lint/suspicious/noExplicitAny: a file's JSON, edited field by field.
  operation.responses[200]?.content['application/json'] as any

const after = (edit: (edits: Edits) => unknown) => gateAfter(committedSchemas, edit)

describe('an allowed change of the HTTP API', () => {
  it('is a new path, optional parameter, optional body field, answer field or problem', () => {
    const { refused, notices: told } = after((edits) =>
      edits.edit('openapi.json', ({ paths }) => {
        paths['/ordering/baskets'] = paths[ORDERS]
        paths[ORDERS].get.parameters.push({ name: 'q', in: 'query', schema: { type: 'string' } })
        paths[CANCEL].post.requestBody.content['application/json'].schema.properties.note = { type: 'string' }
        findOk(paths[ORDER].get).schema.properties.note = { type: 'string' }
        paths[CANCEL].post.responses[410] = { description: 'gone' }
      }),
    )
    assert.deepEqual([refused, told], [[], []])
  })

  it('is a new value in an answer, which is reported', () => {
    const { refused, notices: told } = after((edits) =>
      edits.edit('openapi.json', ({ paths }) => findOk(paths[ORDER].get).schema.properties.status.enum.push('lost')),
    )
    assert.deepEqual([refused, told], [[], [`GET ${ORDER}: the answer has a new value: status may be "lost"`]])
  })
})

describe('a refused change of the HTTP API is reported:', () => {
  const refuses = (what: string, edit: (edits: Edits) => unknown, expected: RegExp) =>
    it(what, () => assertRefused(after(edit), expected))

  for (const [what, change, expected] of [
    ['a path', ({ paths }) => delete paths[CANCEL], /^POST .*cancel is removed/],
    ['an operation', ({ paths }) => delete paths[ORDERS].post, /^POST \/ordering\/orders is removed/],
    [
      'a parameter',
      ({ paths }) => paths[ORDERS].get.parameters.shift(),
      /^GET \/ordering\/orders: query status is removed/,
    ],
    [
      'a parameter value that is no longer accepted',
      ({ paths }) => paths[ORDERS].get.parameters[0].schema.enum.shift(),
      /a valid request is now refused: query status it may be "placed"/,
    ],
    [
      'a parameter that has become required',
      ({ paths }) => {
        paths[ORDERS].get.parameters[0].required = true
      },
      /a request needs query status/,
    ],
    [
      'a new required parameter',
      ({ paths }) => paths[ORDERS].get.parameters.push({ name: 'q', in: 'query', required: true, schema: {} }),
      /a request needs query q/,
    ],
    [
      'a new required field of a body',
      ({ paths }) => {
        const { schema } = paths[CANCEL].post.requestBody.content['application/json']
        schema.properties.by = { type: 'string' }
        schema.required.push('by')
      },
      /a valid request is now refused: by is missing/,
    ],
    [
      'a removed field of a body',
      ({ paths }) => {
        const { schema } = paths[ORDERS].post.requestBody.content['application/json']
        delete schema.properties.payment
      },
      /a valid request is now refused: payment is not accepted/,
    ],
    [
      'a narrowed field of a body',
      ({ paths }) => {
        paths[CANCEL].post.requestBody.content['application/json'].schema.properties.reason.maxLength = 10
      },
      /reason may have more than 10 characters/,
    ],
    [
      'a body that has become required',
      ({ paths }) => {
        paths['/shipping/shipments/{id}/dispatch'].post.requestBody.required = true
      },
      /a request needs a body/,
    ],
    ['a body', ({ paths }) => delete paths[CANCEL].post.requestBody, /a request no longer has a body/],
    [
      'a removed field of an answer',
      ({ paths }) => {
        const { schema } = findOk(paths[ORDER].get)
        delete schema.properties.placedAt
        schema.required = schema.required.filter((name: string) => name !== 'placedAt')
      },
      /the answer has changed: placedAt is missing/,
    ],
    [
      'a field of an answer that has become optional',
      ({ paths }) => {
        findOk(paths[ORDER].get).schema.required.shift()
      },
      /the answer has changed: orderId may be missing/,
    ],
    [
      'a changed type in an answer',
      ({ paths }) => {
        findOk(paths[ORDER].get).schema.properties.customerId = { type: 'integer' }
      },
      /customerId may be of type integer/,
    ],
    [
      'any answer',
      ({ paths }) => {
        findOk(paths[ORDER].get).schema = {}
      },
      /the answer has changed/,
    ],
    [
      'an answer',
      ({ paths }) => {
        const { responses } = paths[ORDERS].post
        responses[200] = responses[201]
        delete responses[201]
      },
      /it no longer answers 201/,
    ],
    [
      'a removed header of an answer',
      ({ paths }) => delete paths[ORDER].get.responses[200].headers.ETag,
      /header ETag is removed/,
    ],
    [
      'a removed field of problem details',
      ({ components }) => {
        components.schemas.Problem.required.pop()
      },
      /^HTTP: problem details: detail may be missing/,
    ],
    [
      'a changed authentication',
      (json) => {
        json.security = [{ functionKey: [] }]
      },
      /^HTTP: security were changed/,
    ],
    [
      'a changed server',
      (json) => {
        json.servers = [{ url: '/v2' }]
      },
      /^HTTP: servers were changed/,
    ],
  ] as const satisfies readonly (readonly [
    string,
    (json: Parameters<Parameters<Edits['edit']>[1]>[0]) => unknown,
    RegExp,
  ])[])
    refuses(what, (edits) => edits.edit('openapi.json', change), expected)
  refuses('a removed API', (edits) => edits.remove('openapi.json'), /openapi\.json is removed/)
})
