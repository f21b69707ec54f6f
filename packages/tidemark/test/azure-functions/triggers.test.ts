import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { InvocationContext } from '@azure/functions'
import {
  buildPeriodicTrigger,
  buildProjectionsTrigger,
  buildReactionsTrigger,
  buildRelayTrigger,
  type TriggerPort,
} from '../../azure-functions/triggers.ts'
import { TidemarkError } from '../../core/errors.ts'

function setUp(handle: () => Promise<void>) {
  const port: TriggerPort = {
    name: 'ordering',
    relayPollDelay: 20,
    relay: handle,
    project: handle,
    projectFrom: handle,
    react: handle,
    periodSeconds: 7,
    doPeriodicWork: handle,
  }
  const lines: unknown[] = []
  const context = new InvocationContext({
    functionName: 'a-trigger',
    triggerMetadata: {
      partitionContext: { partitionId: '0' },
      sequenceNumberArray: [{ low: 7, high: 0, unsigned: false }],
      enqueuedTimeUtcArray: ['2026-01-01T00:00:00.123'],
    },
    logHandler: (level, ...what) => {
      if (level === 'error') lines.push(...what)
    },
  })
  const reaction = buildReactionsTrigger(port, 'inventory')
  const relay = buildRelayTrigger(port)
  return {
    relay,
    projection: buildProjectionsTrigger(port),
    reaction,
    periodic: buildPeriodicTrigger(port),
    context,
    lines,
  }
}

describe('triggers', () => {
  it('redeliver a failed batch without limit: the retry policy has no end', () => {
    const { relay, projection, reaction } = setUp(async () => {})
    for (const trigger of [relay, projection, reaction]) assert.equal(trigger.retry?.maxRetryCount, -1)
    assert.equal(relay.startFromBeginning, true)
  })

  it('fail with their batch, and log the reason once however often it is retried', async () => {
    const { projection, context, lines } = setUp(() =>
      Promise.reject(new TidemarkError('fork-detected', 'order-1@2 is another')),
    )
    for (let attempt = 0; attempt < 5; attempt += 1)
      await assert.rejects(async () => projection.handler([], context), { code: 'fork-detected' })
    assert.deepEqual(lines, ['a-trigger is held: fork-detected: order-1@2 is another'])
  })

  it('log one line for each of two blocked partitions that take turns', async () => {
    let turn = 0
    const { projection, context, lines } = setUp(() => {
      turn += 1
      return Promise.reject(new TidemarkError('event-unknown', `order-${turn % 2}@1`))
    })
    for (let attempt = 0; attempt < 10; attempt += 1) await assert.rejects(async () => projection.handler([], context))
    assert.deepEqual(lines, [
      'a-trigger is held: event-unknown: order-1@1',
      'a-trigger is held: event-unknown: order-0@1',
    ])
  })

  it('fill neither the log nor the memory with reasons that always differ', async () => {
    let count = 0
    const { relay, context, lines } = setUp(() => {
      count += 1
      return Promise.reject(new Error(`reason ${count}`))
    })
    for (let attempt = 0; attempt < 1000; attempt += 1) await assert.rejects(async () => relay.handler([], context))
    assert.ok(lines.length <= 101, `${lines.length} lines`)
  })

  it('do periodic work at the configured interval, and log why it fails', async () => {
    const { periodic, context, lines } = setUp(() => Promise.reject(new TidemarkError('unavailable', 'not now')))
    assert.equal(periodic.schedule, '*/7 * * * * *')
    const timer = {
      isPastDue: false,
      schedule: { adjustForDST: false },
      scheduleStatus: { last: '', next: '', lastUpdated: '' },
    }
    for (let tick = 0; tick < 3; tick += 1)
      await assert.rejects(async () => periodic.handler(timer, context), { code: 'unavailable' })
    assert.deepEqual(lines, ['a-trigger is held: unavailable: not now'])
  })

  it('log a new reason at once', async () => {
    const reasons = ['away', 'away', 'full']
    const { relay, context, lines } = setUp(() => Promise.reject(new Error(reasons.shift())))
    for (let attempt = 0; attempt < 3; attempt += 1) await assert.rejects(async () => relay.handler([], context))
    assert.deepEqual(lines, ['a-trigger is held: internal: away', 'a-trigger is held: internal: full'])
  })
})
