import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { PartitionContext, ReceivedEventData } from '@azure/event-hubs'
import { PartitionClaim } from '../partition-claim.ts'

const buildEvent = (sequenceNumber: number): ReceivedEventData => ({ sequenceNumber }) as ReceivedEventData

/** A partition that records its checkpoints. */
function partition(fail = false) {
  const checkpoints: number[] = []
  const updateCheckpoint = async ({ sequenceNumber }: ReceivedEventData): Promise<void> => {
    if (fail) throw new Error('no storage')
    checkpoints.push(sequenceNumber)
  }
  return { checkpoints, context: { updateCheckpoint } as unknown as PartitionContext }
}

test('a lost claim is not checkpointed, not even at its close', async () => {
  const { checkpoints, context } = partition()
  const claim = new PartitionClaim(2)
  claim.begin()
  claim.end(buildEvent(1), context)
  claim.lose()
  await claim.checkpoint()
  await claim.close()
  assert.deepEqual(checkpoints, [])
})

test('a close checkpoints the last ended batch, and not a running one', async () => {
  const { checkpoints, context } = partition()
  const claim = new PartitionClaim(3)
  claim.begin()
  await claim.close()
  assert.deepEqual(checkpoints, [])
  claim.end(buildEvent(1), context)
  claim.begin()
  await claim.close()
  assert.deepEqual(checkpoints, [1])
})

test('a close checkpoints nothing if every batch is checkpointed', async () => {
  const { checkpoints, context } = partition()
  const claim = new PartitionClaim(1)
  assert.equal(claim.begin(), true)
  claim.end(buildEvent(1), context)
  await claim.close()
  assert.deepEqual(checkpoints, [])
})

test('every n-th batch is due, and after a failed checkpoint each batch until one succeeds', async () => {
  const { checkpoints, context } = partition()
  const failing = partition(true)
  const claim = new PartitionClaim(3)
  assert.deepEqual([claim.begin(), claim.begin(), claim.begin()], [false, false, true])
  claim.end(buildEvent(3), failing.context)
  await assert.rejects(claim.checkpoint(), /no storage/)
  assert.equal(claim.begin(), true)
  claim.end(buildEvent(4), context)
  await claim.checkpoint()
  assert.deepEqual(checkpoints, [4])
  assert.equal(claim.begin(), false)
})
