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
  it('are explicit, and leave room for a failed renewal', () => {
    const { leaseExpirationInterval: expires = 0, leaseRenewInterval: renewed = 0 } = relay
    assert.ok(
      ownership >= 2 * balancing && balancing > 0,
      'an instance renews its ownership in each round of balancing',
    )
    assert.ok(expires >= 2 * renewed && renewed > 0)
    assert.ok(ownership <= 60_000 && expires <= 60_000, 'a takeover takes at most a minute')
  })

  it('do not let a claim look expired to a host whose clock has the largest tolerated skew', () => {
    const { leaseExpirationInterval: expires = 0, leaseRenewInterval: renewed = 0 } = relay
    assert.ok(expires - renewed >= 2 * MAX_SKEW_MS)
    assert.ok(ownership - balancing >= 2 * MAX_SKEW_MS)
  })

  it("are covered by the demo's waiting time, which is twice the slowest takeover", () => {
    const { leaseExpirationInterval = 0, leaseAcquireInterval = 0, retry } = relay
    assert.ok(retry?.strategy === 'exponentialBackoff')
    const { seconds = 0 } = Object(retry.maximumInterval)
    const takenOver = Math.max(ownership + balancing, leaseExpirationInterval + leaseAcquireInterval)
    assert.ok(RECOVERY_MS >= 2 * (takenOver + seconds * 1000), `${RECOVERY_MS} ms`)
  })
})
