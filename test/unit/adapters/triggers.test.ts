import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { InvocationContext } from '@azure/functions'
import { projectionOf, reactionOf, relayOf, type TriggerPort } from '../../../src/adapters/functions/triggers.ts'
import { TidemarkError } from '../../../src/core/errors.ts'
import { orderView } from '../../../src/services/ordering/order-view.ts'
import { orderConfirmation } from '../../support/order-confirmation.ts'

function setUp(handle: () => Promise<void>) {
  const port: TriggerPort = {
    name: 'ordering',
    relayPollDelay: 20,
    relay: handle,
    projection: () => handle,
    reaction: () => handle,
    schedulePollSeconds: 5,
    sendDue: handle,
  }
  const lines: unknown[] = []
  const context = new InvocationContext({
    functionName: 'a-trigger',
    logHandler: (level, ...what) => {
      if (level === 'error') lines.push(...what)
    },
  })
  const reaction = reactionOf(port, orderConfirmation)
  return { relay: relayOf(port), projection: projectionOf(port, orderView), reaction, context, lines }
}

describe('triggers', () => {
  it('bring a failed batch again for ever: each has a retry policy without an end', () => {
    const { relay, projection, reaction } = setUp(async () => {})
    for (const trigger of [relay, projection, reaction]) assert.equal(trigger.retry?.maxRetryCount, -1)
    assert.equal(relay.startFromBeginning, true)
  })

  it('fail where their batch fails, and say so in one line however often it is tried', async () => {
    const { projection, context, lines } = setUp(() =>
      Promise.reject(new TidemarkError('fork-detected', 'order-1@2 is another')),
    )
    for (let attempt = 0; attempt < 5; attempt += 1)
      await assert.rejects(async () => projection.handler([], context), { code: 'fork-detected' })
    assert.deepEqual(lines, ['a-trigger is held: fork-detected: order-1@2 is another'])
  })

  it('speak up at once where the reason is another', async () => {
    const reasons = ['away', 'away', 'full']
    const { relay, context, lines } = setUp(() => Promise.reject(new Error(reasons.shift())))
    for (let attempt = 0; attempt < 3; attempt += 1) await assert.rejects(async () => relay.handler([], context))
    assert.deepEqual(lines, ['a-trigger is held: internal: away', 'a-trigger is held: internal: full'])
  })
})
