import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, it } from 'node:test'
import { RECOVERY_MS } from '../../packages/cli/demo/recovery.ts'
import { MAX_SKEW_MS, relayTrigger as relay } from '../../packages/tidemark/test/support/trigger-options.ts'

const { extensions } = JSON.parse(readFileSync(new URL('../../host.json', import.meta.url), 'utf8'))

function milliseconds(timeSpan: unknown): number {
  const [, hours, minutes, seconds] = /^(\d\d):(\d\d):(\d\d)$/.exec(String(timeSpan)) ?? []
  return ((Number(hours) * 60 + Number(minutes)) * 60 + Number(seconds)) * 1000
}

const { loadBalancingUpdateInterval, partitionOwnershipExpirationInterval } = extensions.eventHubs
const ownership = milliseconds(partitionOwnershipExpirationInterval)
const balancing = milliseconds(loadBalancingUpdateInterval)

describe('the times of recovery', () => {
  it('are set on purpose, and leave room for a renewal that fails', () => {
    const { leaseExpirationInterval: expires = 0, leaseRenewInterval: renewed = 0 } = relay
    assert.ok(ownership >= 2 * balancing && balancing > 0, 'an instance renews its ownership at each turn of balancing')
    assert.ok(expires >= 2 * renewed && renewed > 0)
    assert.ok(ownership <= 60_000 && expires <= 60_000, 'nobody waits for longer than a minute')
  })

  it('leave hosts whose clocks are as wrong as they may be no claim of each other that looks expired', () => {
    const { leaseExpirationInterval: expires = 0, leaseRenewInterval: renewed = 0 } = relay
    assert.ok(expires - renewed >= 2 * MAX_SKEW_MS)
    assert.ok(ownership - balancing >= 2 * MAX_SKEW_MS)
  })

  it('are waited for by the demo: the slowest way back, twice', () => {
    const { leaseExpirationInterval = 0, leaseAcquireInterval = 0, retry } = relay
    assert.ok(retry?.strategy === 'exponentialBackoff')
    const { seconds = 0 } = Object(retry.maximumInterval)
    const takenOver = Math.max(ownership + balancing, leaseExpirationInterval + leaseAcquireInterval)
    assert.ok(RECOVERY_MS >= 2 * (takenOver + seconds * 1000), `${RECOVERY_MS} ms`)
  })
})
