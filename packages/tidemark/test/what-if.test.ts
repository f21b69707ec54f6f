import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { RecordedEvent } from '../core/event.ts'
import type { Service } from '../core/service.ts'
import { tryDecide } from '../what-if.ts'
import { order, ordering, placeBody } from './domain/orders.ts'
import { everything } from './support/rebuild-harness.ts'

async function* from(events: readonly RecordedEvent[]): AsyncGenerator<RecordedEvent> {
  yield* events
}

function trying(
  type: string,
  data: unknown,
  {
    stream = 'order-2',
    version = 99,
    service = ordering,
  }: { stream?: string; version?: number; service?: Service } = {},
) {
  const its = everything.filter((event) => event.stream === stream && event.version <= version)
  const now = '2026-02-01T00:00:00.000Z'
  return tryDecide(service, { stream, history: from(its), type, data, actor: 'ada', now })
}

describe('a command that is tried', () => {
  it('answers with the events as they would be recorded', async () => {
    const { version, events, refusal } = await trying('cancel', { reason: 'late' })
    assert.deepEqual([version, refusal, events.length], [2, undefined, 1])
    const [event] = events
    assert.partialDeepStrictEqual(event, {
      ...{ stream: 'order-2', version: 3, type: 'OrderCancelled', actor: 'ada', time: '2026-02-01T00:00:00.000Z' },
      ...{
        schemaVersion: 1,
        previousHash: everything.find((each) => each.stream === 'order-2' && each.version === 2)?.hash,
      },
    })
    const created = await trying('place', placeBody, { stream: 'order-new' })
    assert.deepEqual([created.version, created.events.map(({ type }) => type)], [0, ['OrderPlaced']])
  })

  it('answers with nothing to do, and with the refusal, as of its history', async () => {
    assert.deepEqual(await trying('confirm', {}), { version: 2, events: [] })
    const earlier = await trying('confirm', {}, { version: 1 })
    assert.deepEqual(
      earlier.events.map(({ type }) => type),
      ['OrderConfirmed'],
    )
    const refused = await trying('complete', {}, { version: 1 })
    assert.deepEqual(refused.refusal, { outcome: 'refused', code: 'order-placed', detail: 'the order is placed' })
    const missing = await trying('confirm', {}, { stream: 'order-none' })
    assert.equal(missing.refusal?.code, 'stream-not-found')
  })

  it('is refused if the service would refuse it before it is decided', async () => {
    await assert.rejects(trying('cancle', {}), {
      code: 'unknown-command',
      message: /the commands of order are place, /,
    })
    await assert.rejects(trying('cancel', { reason: '' }), { code: 'invalid-command', message: /\/reason: / })
    await assert.rejects(trying('cancel', { reason: 1n }), { code: 'invalid-command' })
  })

  it('ends if code throws, does not know an event, or decides what cannot be recorded', async () => {
    const changed = (changes: object): Service => ({ ...ordering, deciders: [{ ...order, ...changes }] })
    const failing = (what: string) => () => {
      throw new RangeError(what)
    }
    await assert.rejects(trying('confirm', {}, { service: changed({ evolve: failing('evolved') }) }), {
      code: 'handler-failed',
      message: /^evolve of order at order-2@1 \(OrderPlaced\) threw: .*evolved/,
    })
    await assert.rejects(trying('confirm', {}, { service: changed({ decide: failing('decided') }) }), {
      code: 'handler-failed',
      message: /^decide of order for confirm threw: .*decided/,
    })
    await assert.rejects(trying('confirm', {}, { service: changed({ events: [] }) }), {
      code: 'event-unknown',
      message: /order-2@1: this code does not know OrderPlaced version 1/,
    })
    const decide = () => [{ type: 'OrderConfirmed', data: { orderId: 1 } }]
    await assert.rejects(trying('confirm', {}, { service: changed({ decide }) }), { code: 'event-invalid' })
  })
})
