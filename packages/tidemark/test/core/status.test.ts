import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type ConsumerStatus, listConcerns, type ServiceStatus } from '../../core/status.ts'

const consumer: ConsumerStatus = {
  consumer: 'ordering-views',
  hub: 'ordering',
  events: 0,
  seconds: 0,
  instances: 1,
  paused: [],
  partitions: [],
}
const well: ServiceStatus = {
  service: 'ordering',
  build: 'b',
  time: '2026-01-01T00:00:00.000Z',
  clockSkewMs: -3,
  relay: { commits: 2, more: false, seconds: 1 },
  consumers: [consumer],
  schedule: { seconds: 0 },
  archive: { segments: 3, items: 7, more: false, seconds: 960, intervalSeconds: 300 },
  parked: [{ consumer: 'ordering-views', streams: 0, messages: 0, codes: {} }],
  canary: { at: '2025-12-31T23:59:30.000Z', seconds: 30 },
  unknown: [],
}

describe('the status of a service', () => {
  it('reports no problem when all is well', () => assert.deepEqual(listConcerns(well), []))

  const cases: readonly [what: string, change: Partial<ServiceStatus>, said: RegExp][] = [
    [
      'a relay that lags',
      { relay: { commits: 100, more: true, seconds: 61 } },
      /^the relay is 61 s behind: more than 100 commits/,
    ],
    [
      'a consumer that lags',
      { consumers: [{ ...consumer, events: 7, seconds: 61 }] },
      /^ordering-views is 61 s and 7 events behind in ordering$/,
    ],
    ['a paused handler', { consumers: [{ ...consumer, paused: ['order'] }] }, /^ordering-views: order paused/],
    ['a command that is overdue', { schedule: { seconds: 61, oldest: 'payment-1' } }, /payment-1 is 61 s overdue$/],
    [
      'what is parked',
      { parked: [{ consumer: 'ordering-relay', streams: 1, messages: 0, codes: { internal: 1 } }] },
      /^ordering-relay: 1 streams and 0 messages are parked$/,
    ],
    [
      'an archive that missed its intervals',
      { archive: { segments: 3, items: 100, more: true, seconds: 961, intervalSeconds: 300 } },
      /^the archive is 961 s behind: more than 100 items are not archived$/,
    ],
    ['a silent canary', { canary: { at: 'then', seconds: 181 } }, /^the last canary was seen 181 s ago$/],
    ['a canary that was never seen', { canary: {} }, /^no canary was ever seen$/],
    ['a wrong clock, fast or slow', { clockSkewMs: -5_001 }, /by -5001 ms$/],
    ['a part that could not be read', { unknown: [{ part: 'relay', reason: 'why' }] }, /^relay: why$/],
  ]
  for (const [what, change, concerns] of cases)
    it(`reports ${what}, and only that`, () => {
      const [first, ...others] = listConcerns({ ...well, ...change })
      assert.match(first ?? '', concerns)
      assert.deepEqual(others, [])
    })
})
