import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Finding, LogVerifier } from '../../core/ports.ts'
import { verifyPart } from '../../runtime/verification.ts'
import { ManualClock } from '../support/fakes.ts'

const SECONDS_A_STREAM = 4

/** A log of streams with one commit each. Each takes time to read, and one may be wrong. */
function createVerifier(streams: number, clock: ManualClock, wrong = -1): LogVerifier {
  const names = Array.from({ length: streams }, (_, index) => `order-${String(index).padStart(3, '0')}`)
  return {
    count: async () => streams,
    async verify(after, isEnough) {
      const findings: Finding[] = []
      let count = 0
      const checked = () => ({ streams: count, commits: count, events: count, receipts: 0 })
      for (const name of names.filter((each) => each > (after ?? ''))) {
        await clock.wait(SECONDS_A_STREAM * 1000)
        count += 1
        if (name === names[wrong]) findings.push({ place: `${name}@1`, wrong: 'changed', detail: 'a test' })
        if (name !== names.at(-1) && isEnough(findings.length)) return { checked: checked(), findings, next: name }
      }
      return { checked: checked(), findings }
    },
  }
}

describe('the verification of a log', () => {
  it('runs in parts of a few seconds, and reads every stream once', async () => {
    const clock = new ManualClock()
    const verifier = createVerifier(10, clock, 7)
    const places: string[] = []
    const progress: number[] = []
    let streams = 0
    for (let continuation: string | undefined, isMore = true; isMore; ) {
      const part = await verifyPart({ verifier, clock }, continuation)
      places.push(...part.findings.map(({ place }) => place))
      progress.push(part.progress.done)
      assert.equal(part.progress.total, 10)
      streams += part.checked.streams
      continuation = part.continuation
      isMore = continuation !== undefined
    }
    assert.deepEqual([streams, places, progress], [10, ['order-007@1'], [3, 6, 9, 10]])
  })

  it('of an empty log is done at once', async () => {
    const clock = new ManualClock()
    const part = await verifyPart({ verifier: createVerifier(0, clock), clock }, undefined)
    assert.deepEqual(part.progress, { done: 0, total: 0 })
    assert.equal(part.continuation, undefined)
  })

  it('refuses a continuation that it never returned', async () => {
    const clock = new ManualClock()
    const verifier = createVerifier(1, clock)
    for (const value of ['x', '{}', '{"after":"order","done":1,"total":1}', '{"after":"order-1","done":"1","total":1}'])
      await assert.rejects(verifyPart({ verifier, clock }, Buffer.from(value).toString('base64url')), {
        code: 'invalid-query',
      })
  })
})
