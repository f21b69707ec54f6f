import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { within } from '../../test-support/wait.ts'
import { Activity } from '../activity.ts'

const HOUR_MS = 3_600_000
const over = new AbortController()
/** Ends rests that should have ended, so that they do not keep the process alive. */
after(() => over.abort())
const never = over.signal

/** Whether a rest still waits after several turns of the event loop. */
async function goesOn(rest: Promise<void>): Promise<boolean> {
  let over = false
  void rest.then(() => {
    over = true
  })
  for (let turns = 0; turns < 5; turns += 1) await turn()
  return !over
}

test('a poll does not rest while a function runs, or right after one has ended', async () => {
  const activity = new Activity()
  const { ended } = activity
  const end = activity.begin()
  await within(activity.rest(ended, HOUR_MS, never), 'no rest while a function runs')
  end()
  await within(activity.rest(ended, HOUR_MS, never), 'no rest right after one has ended')
  await within(activity.rest(activity.ended, 0, never), 'no rest with a limit of 0')
})

test('a poll rests while no function runs, and continues as soon as one begins', async () => {
  const activity = new Activity()
  activity.begin()()
  const rests = [1, 2].map(() => activity.rest(activity.ended, HOUR_MS, never))
  for (const rest of rests) assert.ok(await goesOn(rest))
  activity.begin()
  await within(Promise.all(rests), 'the rests to end')
})

test('a resting poll continues when the host stops, and after its time limit', async () => {
  const activity = new Activity()
  const stopping = new AbortController()
  const rest = activity.rest(0, HOUR_MS, stopping.signal)
  assert.ok(await goesOn(rest))
  stopping.abort()
  await within(rest, 'the rest to end')
  await within(activity.rest(0, 1, never), 'a short rest to end')
})

test('a poll rests again once all functions have ended', async () => {
  const activity = new Activity()
  const [first, second] = [activity.begin(), activity.begin()]
  first()
  await within(activity.rest(activity.ended, HOUR_MS, never), 'no rest while the other runs')
  second()
  const end = new AbortController()
  const rest = activity.rest(activity.ended, HOUR_MS, end.signal)
  assert.ok(await goesOn(rest))
  end.abort()
  await rest
})
