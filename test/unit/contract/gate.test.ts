import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { compareSchemas } from '../../../cli/schemas/gate/compare.ts'
import { committedSchemas, Edits } from '../../support/edits.ts'

const after = (edit: (edits: Edits) => void) => {
  const edits = new Edits(committedSchemas)
  edit(edits)
  return compareSchemas(committedSchemas, edits.files)
}
const CANCELLED = 'ordering/contract/OrderCancelled.v1.json'
const ORDERS = '/ordering/orders'
const CANCEL = '/ordering/orders/{id}/cancel'
const ORDER = '/ordering/orders/{id}'
const okOf = (operation: { responses: Record<string, { content: Record<string, unknown> }> }) =>
  // biome-ignore lint/suspicious/noExplicitAny: a file's JSON, edited field by field.
  operation.responses[200]?.content['application/json'] as any

describe('what is allowed', () => {
  it('nothing at all: everything is compared and nothing is found', () => {
    const { counted, ...found } = compareSchemas(committedSchemas, committedSchemas)
    assert.deepEqual(found, { refused: [], breaking: [], told: [] })
    assert.ok(counted.versions > 50 && counted.samples > 100 && counted.operations > 20, JSON.stringify(counted))
  })

  it('every step that the code declares, whatever was released', () =>
    assert.deepEqual(compareSchemas(new Map(), committedSchemas).refused, []))

  for (const [what, edit] of [
    [
      'an additive version: a field more, which old readers pass over',
      (edits) =>
        edits.nextVersion('ordering/OrderCancelled', 'additive', (json) => {
          json.properties.by = { type: 'string' }
          json.required.push('by')
        }),
    ],
    [
      'an additive version that says less of a value',
      (edits) =>
        edits.nextVersion('ordering/OrderPlaced', 'additive', (json) => {
          json.properties.payment.properties.method.enum = ['card']
        }),
    ],
    [
      'a new event',
      (edits) => edits.add('ordering/events/OrderArchived.v1.json', 'ordering/events/OrderConfirmed.v1.json', () => {}),
    ],
    [
      'a private event that is published from now on',
      (edits) =>
        edits.add('inventory/contract/StockAdjusted.v1.json', 'inventory/events/StockAdjusted.v1.json', () => {}),
    ],
    [
      'other words about a schema',
      (edits) =>
        edits.edit(CANCELLED, (json) => {
          json.description = 'It ends.'
        }),
    ],
    [
      'the same bounds, written in another way',
      (edits) =>
        edits.edit('inventory/events/StockReceived.v1.json', (json) => {
          delete json.properties.quantity.exclusiveMinimum
          json.properties.quantity.minimum = 1
        }),
    ],
    [
      'one more sample',
      (edits) =>
        edits.edit('ordering/samples/OrderConfirmed.v1.json', (json) => json.samples.push({ data: { orderId: 'x' } })),
    ],
    [
      'a new path, an optional parameter, an optional field of a body, a field more in an answer, another problem',
      (edits) =>
        edits.edit('openapi.json', ({ paths }) => {
          paths['/ordering/baskets'] = paths[ORDERS]
          paths[ORDERS].get.parameters.push({ name: 'q', in: 'query', schema: { type: 'string' } })
          paths[CANCEL].post.requestBody.content['application/json'].schema.properties.note = { type: 'string' }
          okOf(paths[ORDER].get).schema.properties.note = { type: 'string' }
          paths[CANCEL].post.responses[410] = { description: 'gone' }
        }),
    ],
  ] as const satisfies readonly (readonly [string, (edits: Edits) => unknown])[])
    it(what, () => {
      const { refused, breaking, told } = after(edit)
      assert.deepEqual([refused, breaking, told], [[], [], []])
    })

  it('a breaking version, named with who holds it', () => {
    const { refused, breaking } = after((edits) =>
      edits.nextVersion('ordering/OrderCancelled', 'breaking', (json) => {
        json.properties = { orderId: { type: 'integer' } }
        json.required = ['orderId']
      }),
    )
    assert.deepEqual(refused, [])
    assert.deepEqual(breaking.toSorted().toReversed(), [
      "ordering: OrderCancelled version 2 (log) breaks: ordering's own consumers hold it until they are deployed with it",
      'ordering: OrderCancelled version 2 (contract) breaks: nobody follows it',
    ])
    const placed = after((edits) => edits.nextVersion('ordering/StockReleaseRequested', 'breaking', () => {}))
    assert.ok(
      placed.breaking.includes(
        'ordering: StockReleaseRequested version 2 (contract) breaks: inventory holds it until deployed with it',
      ),
      placed.breaking.join('\n'),
    )
  })

  it('a value more in an answer, told', () => {
    const { refused, told } = after((edits) =>
      edits.edit('openapi.json', ({ paths }) => okOf(paths[ORDER].get).schema.properties.status.enum.push('lost')),
    )
    assert.deepEqual([refused, told], [[], [`GET ${ORDER}: the answer has a new value: status may be "lost"`]])
  })
})

describe('what is refused, and named', () => {
  const refuses = (what: string, edit: (edits: Edits) => unknown, expected: RegExp) =>
    it(what, () => {
      const { refused } = after(edit)
      assert.equal(refused.length, 1, refused.join('\n') || 'it passed')
      assert.match(refused[0] ?? '', expected)
    })
  const edited = /^ordering: OrderCancelled version 1 \(contract\) was edited after its release: /

  for (const [what, change, field] of [
    [
      'a field was removed',
      (json) => {
        delete json.properties.reason
        json.required = ['orderId', 'lines', 'total']
      },
      /reason/,
    ],
    [
      'a field was added',
      (json) => {
        json.properties.by = { type: 'string' }
      },
      /by/,
    ],
    [
      'another meaning of required',
      (json) => {
        json.required = ['orderId', 'lines', 'total']
      },
      /reason/,
    ],
    [
      'another type',
      (json) => {
        json.properties.reason = { type: 'integer' }
      },
      /reason/,
    ],
    [
      'a narrower type',
      (json) => {
        json.properties.reason.maxLength = 5
      },
      /reason/,
    ],
    [
      'a wider type',
      (json) => {
        json.properties.lines.maxItems = 500
      },
      /lines/,
    ],
    [
      'another pattern',
      (json) => {
        json.properties.total.properties.currency.pattern = '^[a-z]{3}$'
      },
      /total\.currency/,
    ],
    [
      'a keyword that nobody compares',
      (json) => {
        json.minProperties = 1
      },
      /the whole/,
    ],
    [
      'its change',
      (json) => {
        json['x-change'] = 'additive'
      },
      /x-change was first, and is additive/,
    ],
  ] as const satisfies readonly (readonly [
    string,
    (json: Parameters<Parameters<Edits['edit']>[1]>[0]) => void,
    RegExp,
  ])[])
    refuses(
      `a released version was edited: ${what}`,
      (edits) => edits.edit(CANCELLED, change),
      new RegExp(edited.source + field.source),
    )

  refuses(
    'a version was removed',
    (edits) => edits.remove('ordering/contract/OrderPlaced.v2.json'),
    /^ordering: OrderPlaced version 2 \(contract\) is removed/,
  )
  refuses(
    'a type of the log was removed',
    (edits) => edits.remove('inventory/events/StockAdjusted.v1.json'),
    /^inventory: StockAdjusted is removed: logs have it for ever/,
  )
  refuses(
    'an event is not published any more',
    (edits) => edits.remove('ordering/contract/StockReleaseRequested.v1.json'),
    /^ordering: StockReleaseRequested is not published any more: followed by inventory/,
  )
  refuses(
    'a version was skipped',
    (edits) => edits.add('inventory/events/StockAdjusted.v3.json', 'inventory/events/StockAdjusted.v1.json', () => {}),
    /^inventory: StockAdjusted version 3 \(log\) has no version 2 before it/,
  )
  refuses(
    'a second first version',
    (edits) => edits.add('inventory/events/StockAdjusted.v2.json', 'inventory/events/StockAdjusted.v1.json', () => {}),
    /^inventory: StockAdjusted version 2 \(log\) is declared first/,
  )

  for (const [what, change, expected] of [
    [
      'lacks a field',
      (json) => {
        delete json.properties.reason
        json.required = json.required.filter((name: string) => name !== 'reason')
      },
      /reason is not there/,
    ],
    [
      'may lack a field',
      (json) => {
        json.required = json.required.filter((name: string) => name !== 'reason')
      },
      /reason may be missing/,
    ],
    [
      'has another type',
      (json) => {
        json.properties.change = { type: 'string' }
      },
      /change may be of type string, not integer/,
    ],
    [
      'has a type more',
      (json) => {
        json.properties.reason = { type: ['string', 'null'] }
      },
      /reason may be of type null/,
    ],
    [
      'has a wider range',
      (json) => {
        json.properties.change.maximum = Number.MAX_VALUE
      },
      /change may be more than/,
    ],
    [
      'cannot be compared',
      (json) => {
        json.properties.reason = { not: { type: 'null' } }
      },
      /reason cannot be compared: nobody compares not/,
    ],
  ] as const satisfies readonly (readonly [
    string,
    (json: Parameters<Parameters<Edits['edit']>[1]>[0]) => void,
    RegExp,
  ])[])
    refuses(
      `a version that is declared additive ${what}`,
      (edits) => edits.nextVersion('inventory/StockAdjusted', 'additive', change),
      new RegExp(
        `^inventory: StockAdjusted version 2 \\(log\\) is declared additive, and readers of version 1 cannot read it: ${expected.source}`,
      ),
    )
  it('an additive version with another value in a list, in the log and in the contract', () => {
    const { refused } = after((edits) =>
      edits.nextVersion('ordering/OrderPlaced', 'additive', (json) =>
        json.properties.payment.properties.method.enum.push('cash'),
      ),
    )
    assert.equal(refused.length, 2)
    for (const line of refused)
      assert.match(line, /readers of version [0-9]+ cannot read it: payment\.method may be "cash"/)
  })

  const SAMPLES = 'ordering/samples/OrderPlaced.v1.json'
  refuses('samples were removed', (edits) => edits.remove(SAMPLES), /samples\/OrderPlaced\.v1\.json is removed/)
  refuses(
    'a sample was edited',
    (edits) =>
      edits.edit(SAMPLES, ({ samples }) => {
        samples[1].data.customerId = 'other'
      }),
    /OrderPlaced\.v1\.json: sample 2 was edited or removed/,
  )
  refuses(
    'one sample was removed',
    (edits) => edits.edit(SAMPLES, ({ samples }) => samples.pop()),
    /OrderPlaced\.v1\.json: sample 3 was edited or removed/,
  )
  refuses(
    'a sample is read as something else: an upcaster was edited',
    (edits) =>
      edits.edit(SAMPLES, ({ samples }) => {
        samples[0].read.payment.method = 'transfer'
      }),
    /OrderPlaced\.v1\.json: sample 1 is read as something else than at its release/,
  )

  for (const [what, change, expected] of [
    ['a path', ({ paths }) => delete paths[CANCEL], /^POST .*cancel is removed/],
    ['an operation', ({ paths }) => delete paths[ORDERS].post, /^POST \/ordering\/orders is removed/],
    [
      'a parameter',
      ({ paths }) => paths[ORDERS].get.parameters.shift(),
      /^GET \/ordering\/orders: query status is removed/,
    ],
    [
      'a value that a parameter takes',
      ({ paths }) => paths[ORDERS].get.parameters[0].schema.enum.shift(),
      /request that was right is refused: query status it may be "placed"/,
    ],
    [
      'a parameter that is needed',
      ({ paths }) => {
        paths[ORDERS].get.parameters[0].required = true
      },
      /a request needs query status/,
    ],
    [
      'a new parameter that is needed',
      ({ paths }) => paths[ORDERS].get.parameters.push({ name: 'q', in: 'query', required: true, schema: {} }),
      /a request needs query q/,
    ],
    [
      'a new field that a body needs',
      ({ paths }) => {
        const { schema } = paths[CANCEL].post.requestBody.content['application/json']
        schema.properties.by = { type: 'string' }
        schema.required.push('by')
      },
      /request that was right is refused: by is not there/,
    ],
    [
      'a field of a body',
      ({ paths }) => {
        const { schema } = paths[ORDERS].post.requestBody.content['application/json']
        delete schema.properties.payment
      },
      /request that was right is refused: payment is not taken/,
    ],
    [
      'a narrower field of a body',
      ({ paths }) => {
        paths[CANCEL].post.requestBody.content['application/json'].schema.properties.reason.maxLength = 10
      },
      /reason may have more than 10 characters/,
    ],
    [
      'a body that is needed',
      ({ paths }) => {
        paths['/shipping/shipments/{id}/dispatch'].post.requestBody.required = true
      },
      /a request needs a body/,
    ],
    ['a body', ({ paths }) => delete paths[CANCEL].post.requestBody, /a request has no body any more/],
    [
      'a field of an answer',
      ({ paths }) => {
        const { schema } = okOf(paths[ORDER].get)
        delete schema.properties.placedAt
        schema.required = schema.required.filter((name: string) => name !== 'placedAt')
      },
      /the answer is not what it was: placedAt is not there/,
    ],
    [
      'a field that an answer may lack',
      ({ paths }) => {
        okOf(paths[ORDER].get).schema.required.shift()
      },
      /the answer is not what it was: orderId may be missing/,
    ],
    [
      'another type in an answer',
      ({ paths }) => {
        okOf(paths[ORDER].get).schema.properties.customerId = { type: 'integer' }
      },
      /customerId may be of type integer/,
    ],
    [
      'any answer',
      ({ paths }) => {
        okOf(paths[ORDER].get).schema = {}
      },
      /the answer is not what it was/,
    ],
    [
      'an answer',
      ({ paths }) => {
        const { responses } = paths[ORDERS].post
        responses[200] = responses[201]
        delete responses[201]
      },
      /it does not answer 201 any more/,
    ],
    [
      'a header of an answer',
      ({ paths }) => delete paths[ORDER].get.responses[200].headers.ETag,
      /header ETag is removed/,
    ],
    [
      'a field of problem details',
      ({ components }) => {
        components.schemas.Problem.required.pop()
      },
      /^HTTP: problem details: detail may be missing/,
    ],
    [
      'how a caller shows who it is',
      (json) => {
        json.security = [{ functionKey: [] }]
      },
      /^HTTP: security were changed/,
    ],
    [
      'where it is served',
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
    refuses(`HTTP: ${what}`, (edits) => edits.edit('openapi.json', change), expected)
  refuses('HTTP: all of it', (edits) => edits.remove('openapi.json'), /openapi\.json is removed/)

  const ASYNC = 'ordering/asyncapi.json'
  refuses(
    'an attribute of the envelope',
    (edits) =>
      edits.edit(ASYNC, ({ components }) => {
        const { CloudEvent } = components.schemas
        delete CloudEvent.properties.actor
        CloudEvent.required = CloudEvent.required.filter((name: string) => name !== 'actor')
      }),
    /^ordering: the envelope of its events: actor is not there/,
  )
  refuses(
    'the hub',
    (edits) =>
      edits.edit(ASYNC, ({ channels }) => {
        channels.ordering.address = 'orders'
      }),
    /^ordering: its hub was ordering, and is orders/,
  )
  refuses('a whole service', (edits) => edits.remove('shipping/asyncapi.json'), /^shipping: the service is removed/)

  it('all that is wrong, not the first alone', () => {
    const { refused } = after((edits) =>
      edits.remove('inventory/events/StockAdjusted.v1.json', SAMPLES).edit(CANCELLED, (json) => {
        json.required = []
      }),
    )
    assert.equal(refused.length, 3, refused.join('\n'))
  })
})
