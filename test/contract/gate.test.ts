import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { compareSchemas } from '../../packages/cli/gate/compare.ts'
import { assertRefused, committedSchemas, type Edits, gateAfter, readOn } from './edits.ts'

interface MovedFrom {
  readonly components: {
    readonly messages: {
      readonly 'payments.PaymentVoided.v1': {
        readonly payload: {
          readonly allOf: [unknown, { readonly properties: { readonly source: { enum: string[] } } }]
        }
      }
    }
  }
}

interface Envelope {
  readonly required: string[]
  readonly properties: Record<string, { type?: string; maxLength?: number }> & { actor: { maxLength?: number } }
}

const CANCELLED = 'ordering/contract/OrderCancelled.v1.json'
const after = (edit: (edits: Edits) => unknown) => gateAfter(committedSchemas, edit)

describe('the schema gate allows', () => {
  it('an unchanged contract, after a complete comparison', () => {
    const { counted, ...found } = compareSchemas(committedSchemas, committedSchemas, readOn)
    assert.deepEqual(found, { refused: [], breaking: [], notices: [] })
    assert.ok(counted.versions > 50 && counted.samples > 100 && counted.operations > 20, JSON.stringify(counted))
  })

  it('every step that the code declares, from any release', () =>
    assert.deepEqual(compareSchemas(new Map(), committedSchemas, readOn).refused, []))

  for (const [what, edit] of [
    [
      'an additive version with another field, which old readers ignore',
      (edits) =>
        edits.nextVersion('ordering/OrderCancelled', 'additive', (json) => {
          json.properties.by = { type: 'string' }
          json.required.push('by')
        }),
    ],
    [
      'an additive version with a narrower value',
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
      'a private event that is now published',
      (edits) =>
        edits.add('inventory/contract/StockAdjusted.v1.json', 'inventory/events/StockAdjusted.v1.json', () => {}),
    ],
    [
      'other descriptions in a schema',
      (edits) =>
        edits.edit(CANCELLED, (json) => {
          json.description = 'It ends.'
        }),
    ],
    [
      'the same bounds in another notation',
      (edits) =>
        edits.edit('inventory/events/StockReceived.v1.json', (json) => {
          delete json.properties.quantity.exclusiveMinimum
          json.properties.quantity.minimum = 1
        }),
    ],
    [
      'another sample',
      (edits) =>
        edits.edit('ordering/samples/OrderConfirmed.v1.json', (json) => json.samples.push({ data: { orderId: 'x' } })),
    ],
  ] as const satisfies readonly (readonly [string, (edits: Edits) => unknown])[])
    it(what, () => {
      const { refused, breaking, notices: told } = after(edit)
      assert.deepEqual([refused, breaking, told], [[], [], []])
    })

  it('a breaking version, and reports who must be deployed first', () => {
    const { refused, breaking } = after((edits) =>
      edits.nextVersion('ordering/OrderCancelled', 'breaking', (json) => {
        json.properties = { orderId: { type: 'integer' } }
        json.required = ['orderId']
      }),
    )
    assert.deepEqual(refused, [])
    const [contract = '', log = '', ...others] = breaking.toSorted()
    assert.match(contract, /^ordering: OrderCancelled version 2 \(contract\) breaks: customers waits/)
    assert.match(log, /^ordering: OrderCancelled version 2 \(log\) breaks: ordering's own/)
    assert.deepEqual(others, [])
    const placed = after((edits) => edits.nextVersion('ordering/StockReleaseRequested', 'breaking', () => {}))
    assert.match(placed.breaking.join('\n'), /StockReleaseRequested version 2 \(contract\) breaks: inventory waits/)
  })
})

const refuses = (what: string, edit: (edits: Edits) => unknown, expected: RegExp) =>
  it(what, () => assertRefused(after(edit), expected))

describe('the schema gate refuses, and reports,', () => {
  const edited = /^ordering: OrderCancelled version 1 \(contract\) was edited after its release: /

  for (const [what, change, field] of [
    [
      'a removed field',
      (json) => {
        delete json.properties.reason
        json.required = ['orderId', 'lines', 'total']
      },
      /reason/,
    ],
    [
      'a field that becomes personal',
      (json) => {
        json.properties.reason['x-personal'] = true
      },
      /reason/,
    ],
    [
      'an added field',
      (json) => {
        json.properties.by = { type: 'string' }
      },
      /by/,
    ],
    [
      'a changed list of required fields',
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
      'a keyword that cannot be compared',
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
      /x-change was first and is now additive/,
    ],
  ] as const satisfies readonly (readonly [
    string,
    (json: Parameters<Parameters<Edits['edit']>[1]>[0]) => void,
    RegExp,
  ])[])
    refuses(
      `a released version that was edited: ${what}`,
      (edits) => edits.edit(CANCELLED, change),
      new RegExp(edited.source + field.source),
    )

  refuses(
    'a removed version',
    (edits) => edits.remove('ordering/contract/OrderPlaced.v2.json'),
    /^ordering: OrderPlaced version 2 \(contract\) is removed/,
  )
  refuses(
    'a type removed from the log',
    (edits) => edits.remove('inventory/events/StockAdjusted.v1.json'),
    /^inventory: StockAdjusted is removed, but logs keep it for ever/,
  )
  refuses(
    'an event that is no longer published',
    (edits) => edits.remove('ordering/contract/StockReleaseRequested.v1.json'),
    /^ordering: StockReleaseRequested is no longer published: followed by inventory/,
  )
  refuses(
    'a skipped version',
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
      /reason is missing/,
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
      'has another possible type',
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
      /reason cannot be compared: not is not supported/,
    ],
  ] as const satisfies readonly (readonly [
    string,
    (json: Parameters<Parameters<Edits['edit']>[1]>[0]) => void,
    RegExp,
  ])[])
    refuses(
      `a version declared additive that ${what}`,
      (edits) => edits.nextVersion('inventory/StockAdjusted', 'additive', change),
      new RegExp(
        '^inventory: StockAdjusted version 2 \\(log\\) is declared additive, ' +
          `but readers of version 1 cannot read it: ${expected.source}`,
      ),
    )
  it('a version declared additive with a new enum value, in the log and in the contract', () => {
    const { refused } = after((edits) =>
      edits.nextVersion('ordering/OrderPlaced', 'additive', (json) =>
        json.properties.payment.properties.method.enum.push('cash'),
      ),
    )
    assert.equal(refused.length, 2)
    for (const line of refused)
      assert.match(line, /readers of version [0-9]+ cannot read it: payment\.method may be "cash"/)
  })

  refuses(
    'a version declared additive in which a field is no longer personal',
    (edits) =>
      edits.nextVersion('shipping/ShipmentPrepared', 'additive', ({ properties: { address } }) => {
        if (address) delete address.properties.name['x-personal']
      }),
    /^shipping: ShipmentPrepared version 4 \(log\) .* cannot read it: address\.name is no longer personal/,
  )

  const SAMPLES = 'ordering/samples/OrderPlaced.v1.json'
  refuses('removed samples', (edits) => edits.remove(SAMPLES), /samples\/OrderPlaced\.v1\.json is removed/)
  refuses(
    'an edited sample',
    (edits) =>
      edits.edit(SAMPLES, ({ samples }) => {
        samples[1].data.customerId = 'other'
      }),
    /OrderPlaced\.v1\.json: sample 2 was edited or removed/,
  )
  refuses(
    'one removed sample',
    (edits) => edits.edit(SAMPLES, ({ samples }) => samples.pop()),
    /OrderPlaced\.v1\.json: sample 3 was edited or removed/,
  )
  refuses(
    'a sample that is read differently, since an upcaster was edited',
    (edits) =>
      edits.edit(SAMPLES, ({ samples }) => {
        samples[0].read.payment.method = 'transfer'
      }),
    /OrderPlaced\.v1\.json: sample 1 is read differently than at its release/,
  )

  const ASYNC = 'ordering/asyncapi.json'
  refuses(
    'an attribute removed from the envelope',
    (edits) =>
      edits.edit(ASYNC, ({ components }) => {
        const { CloudEvent } = components.schemas
        delete CloudEvent.properties.actor
        CloudEvent.required = CloudEvent.required.filter((name: string) => name !== 'actor')
      }),
    /^ordering: the envelope of its events: actor is missing/,
  )
  for (const [what, edit, expected] of [
    [
      'a new attribute, which the hash of deployed readers does not cover',
      ({ properties }) => {
        properties.tenant = { type: 'string' }
      },
      /^ordering: the envelope of its events: tenant is not declared/,
    ],
    [
      'an attribute that has become required, which messages in the hub may lack',
      ({ required }) => {
        required.push('traceparent')
      },
      /^ordering: the envelope of its events: traceparent may be missing/,
    ],
    [
      'an attribute with fewer values than messages in the hub may have',
      ({ properties }) => {
        properties.actor.maxLength = 10
      },
      /^ordering: the envelope of its events: actor may have more than 10 characters/,
    ],
  ] as const satisfies readonly (readonly [string, (envelope: Envelope) => void, RegExp])[])
    refuses(
      `in the envelope, ${what}`,
      (edits) => edits.edit(ASYNC, ({ components }) => edit(components.schemas.CloudEvent)),
      expected,
    )
  refuses(
    'the hub',
    (edits) =>
      edits.edit(ASYNC, ({ channels }) => {
        channels.ordering.address = 'orders'
      }),
    /^ordering: its hub was ordering and is now orders/,
  )
  refuses(
    'an event recorded in streams of another category, which no reader follows',
    (edits) => {
      const move = ({ components }: MovedFrom) => {
        components.messages['payments.PaymentVoided.v1'].payload.allOf[1].properties.source.enum = ['/payments/void']
      }
      edits.edit('payments/asyncapi.json', move)
    },
    /^payments: PaymentVoided no longer comes from \/payments\/payment, where readers expect it$/,
  )
  refuses('a removed service', (edits) => edits.remove('shipping/asyncapi.json'), /^shipping: the service is removed/)

  it('all incompatible changes, not only the first', () => {
    const { refused } = after((edits) =>
      edits.remove('inventory/events/StockAdjusted.v1.json', SAMPLES).edit(CANCELLED, (json) => {
        json.required = []
      }),
    )
    assert.equal(refused.length, 3, refused.join('\n'))
  })
})
