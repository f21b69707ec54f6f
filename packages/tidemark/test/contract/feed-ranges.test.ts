import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startControlled } from '../../../cosmos/test/controlled-emulator.ts'
import { newContainer } from '../../../cosmos/test/support.ts'
import { CosmosEventFeed } from '../../cosmos/event-feed.ts'
import { CosmosEventStore } from '../../cosmos/event-store.ts'
import { placedV1 } from '../domain/orders.ts'
import { recordedTogether } from '../support/recorded.ts'
import { append, readRound } from './event-feed-suite.ts'

const STREAMS = 40

test('a feed over several partitions continues at an offset, also after a split', async (t) => {
  const { target, call } = await startControlled(t)
  const container = await newContainer(t, target, { partitionKey: '/stream' })
  const split = async (range: string): Promise<void> => {
    const path = `/databases/${container.database.id}/containers/${container.id}/ranges/${range}/split`
    assert.equal((await call('POST', path)).status, 200)
  }
  await split('0')
  const log = new CosmosEventStore(container)
  const feed = new CosmosEventFeed(container)
  for (let count = 1; count <= STREAMS; count += 1) await append(log, recordedTogether(`order-${count}`, placedV1))

  const reader = feed.open()
  const first = await reader.next()
  assert.ok(first && first.length > 0 && first.length < STREAMS, 'one partition has been read in part')
  const { offset } = reader
  assert.ok(offset !== undefined)
  const rest = (await readRound(feed.open({ offset }))).map(({ stream }) => stream)
  const seen = first.map(({ stream }) => stream)
  assert.equal(new Set([...seen, ...rest]).size, STREAMS)
  assert.equal(seen.length + rest.length, STREAMS)

  await split('1')
  for (const once of [{}, { once: true }] as const) {
    const after = await readRound(feed.open({ offset, ...once }))
    assert.deepEqual(after.map(({ stream }) => stream).toSorted(), rest.toSorted())
  }
  await append(log, recordedTogether('order-late', placedV1))
  await readRound(reader)
  assert.equal(await reader.next(), undefined)
  await split('2')
  await append(log, recordedTogether('order-later', placedV1))
  assert.deepEqual(
    (await readRound(reader)).map(({ stream }) => stream),
    ['order-later'],
  )
})

test('an offset of an earlier build begins again, if events may come again; any other is refused', async (t) => {
  const { target } = await startControlled(t)
  const container = await newContainer(t, target, { partitionKey: '/stream' })
  await append(new CosmosEventStore(container), recordedTogether('order-1', placedV1))
  const feed = new CosmosEventFeed(container)
  const earlier = Buffer.from('{"current":0,"continuations":["\\"7\\""]}').toString('base64url')
  assert.equal((await readRound(feed.open({ offset: earlier }))).length, 1)
  await assert.rejects(feed.open({ offset: earlier, once: true }).next(), { code: 'invalid-query' })
  for (const offset of ['x', '', Buffer.from('{"current":"0","continuations":[]}').toString('base64url')])
    await assert.rejects(feed.open({ offset }).next(), { code: 'invalid-query' })
})
