import assert from 'node:assert/strict'
import { readFile, writeFile } from 'node:fs/promises'
import { test } from 'node:test'
import { PRODUCER_LIMIT } from '../log/producer-table.ts'
import {
  append,
  bodies,
  listSegments,
  names,
  newFolder,
  numbered,
  openLog,
  readAll,
  withLog,
} from './partition-log-support.ts'

const OUT_OF_ORDER = { name: 'Refusal', condition: 'com.microsoft:out-of-order-sequence' }
const STOLEN = { name: 'Refusal', condition: 'com.microsoft:producer-epoch-stolen' }

test('refuses a gap and a partly repeated batch, and stores nothing of them', async (t) => {
  await withLog(await newFolder(t), async (log) => {
    log.openProducer(7, 0, 0)
    await append(log, numbered(0, 3), { id: 7, epoch: 0, sequence: 1 })
    await assert.rejects(append(log, numbered(9, 10), { id: 7, epoch: 0, sequence: 5 }), OUT_OF_ORDER)
    await assert.rejects(append(log, numbered(9, 11), { id: 7, epoch: 0, sequence: 3 }), OUT_OF_ORDER)
    assert.deepEqual(log.producer(7), { id: 7, epoch: 0, sequence: 3 })
    await append(log, numbered(3, 4), { id: 7, epoch: 0, sequence: 4 })
    assert.deepEqual(bodies(await readAll(log)), names(0, 4))
  })
})

test('refuses an old epoch, when a producer connects and when it publishes', async (t) => {
  await withLog(await newFolder(t), async (log) => {
    log.openProducer(7, 3, 0)
    await append(log, numbered(0, 1), { id: 7, epoch: 3, sequence: 1 })
    assert.throws(() => log.openProducer(7, 2, 0), STOLEN)
    log.openProducer(7, 3, 50)
    assert.deepEqual(log.producer(7), { id: 7, epoch: 3, sequence: 1 }, 'the same epoch continues its sequence')
    log.openProducer(7, 4, 10)
    assert.deepEqual(log.producer(7), { id: 7, epoch: 4, sequence: 10 })
    await assert.rejects(append(log, numbered(1, 2), { id: 7, epoch: 3, sequence: 2 }), STOLEN)
    await append(log, numbered(1, 2), { id: 7, epoch: 4, sequence: 11 })
    assert.deepEqual(bodies(await readAll(log)), names(0, 2))
  })
})

test('acknowledges a repeated batch without storing it, in the order of appends', async (t) => {
  await withLog(await newFolder(t), async (log) => {
    const order: string[] = []
    const publishing = (sequence: number) => ({ id: 1, epoch: 0, sequence })
    await Promise.all([
      append(log, numbered(0, 2), publishing(1)).then(() => order.push(`first at ${log.info.lastSequence}`)),
      append(log, numbered(0, 2), publishing(1)).then(() => order.push(`again at ${log.info.lastSequence}`)),
      append(log, numbered(9, 10), publishing(9)).catch(() => order.push('refused')),
      append(log, numbered(2, 3), publishing(3)).then(() => order.push('next')),
    ])
    assert.deepEqual(order, ['first at 2', 'again at 2', 'refused', 'next'])
    assert.deepEqual(bodies(await readAll(log)), names(0, 3))
  })
})

test('does not acknowledge a repeated batch if the first one could not be written', async (t) => {
  const log = await openLog(await newFolder(t))
  await log.close()
  const answers = await Promise.allSettled(
    [1, 1].map((sequence) => append(log, numbered(0, 1), { id: 1, epoch: 0, sequence })),
  )
  assert.deepEqual(
    answers.map(({ status }) => status),
    ['rejected', 'rejected'],
  )
})

test("knows the producers' state after a restart, across segments, and after their events were dropped", async (t) => {
  const folder = await newFolder(t)
  const options = { segmentBytes: 500 }
  const known = [
    { id: 1, epoch: 0, sequence: 12 },
    { id: -2, epoch: 5, sequence: 2 ** 40 },
  ]
  await withLog(
    folder,
    async (log) => {
      await append(log, numbered(0, 1), { id: -2, epoch: 5, sequence: 2 ** 40 })
      for (let i = 1; i <= 12; i++) await append(log, numbered(i, i + 1), { id: 1, epoch: 0, sequence: i })
      assert.ok((await listSegments(folder)).length > 2)
    },
    options,
  )
  for (const bytes of [1_000_000, 0]) {
    await withLog(
      folder,
      async (log) => {
        assert.deepEqual([log.producer(1), log.producer(-2), log.producer(3)], [...known, undefined])
        await append(log, numbered(5, 6), { id: 1, epoch: 0, sequence: 5 })
        await assert.rejects(append(log, numbered(5, 6), { id: 1, epoch: 0, sequence: 14 }), OUT_OF_ORDER)
        await log.retain({ bytes }, 0)
        assert.equal(log.info.lastSequence, 12)
      },
      options,
    )
  }
})

test('a producer can publish its torn last batch again, also if the batch waited for a new segment', async (t) => {
  const folder = await newFolder(t)
  const publishing = (sequence: number) => ({ id: 1, epoch: 0, sequence })
  const options = { segmentBytes: 1 }
  await withLog(
    folder,
    async (log) => {
      await append(log, numbered(0, 1), publishing(1))
      // Checked together, but written one after the other: each is too large to share a write.
      await Promise.all([1, 2].map((i) => append(log, numbered(i, i + 1, 900_000), publishing(i + 1))))
    },
    options,
  )
  const path = (await listSegments(folder)).at(-1) ?? ''
  const whole = await readFile(path)
  for (const length of [whole.length - 1, 100, 10]) {
    await writeFile(path, whole.subarray(0, length))
    const log = await openLog(folder, options)
    assert.deepEqual(log.producer(1), { id: 1, epoch: 0, sequence: 2 })
    await append(log, numbered(2, 3), publishing(3))
    assert.deepEqual(bodies(await readAll(log)), names(0, 3))
    await log.close()
  }
})

test('a new epoch is on disk with the first event published in it', async (t) => {
  const folder = await newFolder(t)
  await withLog(folder, async (log) => {
    log.openProducer(1, 0, 0)
    await append(log, numbered(0, 1), { id: 1, epoch: 0, sequence: 1 })
    log.openProducer(1, 1, 40)
    assert.deepEqual(log.producer(1), { id: 1, epoch: 1, sequence: 40 })
  })
  await withLog(folder, async (log) => {
    assert.deepEqual(log.producer(1), { id: 1, epoch: 0, sequence: 1 })
    log.openProducer(1, 1, 40)
    await append(log, numbered(1, 2), { id: 1, epoch: 1, sequence: 41 })
  })
  await withLog(folder, (log) => assert.deepEqual(log.producer(1), { id: 1, epoch: 1, sequence: 41 }))
})

test('knows the newest of many producers, also after a restart, and a header has room for them', async (t) => {
  const folder = await newFolder(t)
  const many = PRODUCER_LIMIT + 10
  await withLog(
    folder,
    async (log) => {
      await Promise.all(
        Array.from({ length: many }, (_, id) => append(log, numbered(id, id + 1), { id, epoch: 0, sequence: 1 })),
      )
      await append(log, numbered(many, many + 1), { id: 10, epoch: 0, sequence: 2 })
      await append(log, numbered(many + 1, many + 2), { id: many, epoch: 0, sequence: 1 })
    },
    { segmentBytes: 1 },
  )
  await withLog(folder, async (log) => {
    const known = Array.from({ length: many + 1 }, (_, id) => log.producer(id)?.sequence)
    assert.deepEqual(known.slice(0, 13), [...Array(10).fill(undefined), 2, undefined, 1])
    assert.equal(known.filter((sequence) => sequence !== undefined).length, PRODUCER_LIMIT)
    assert.deepEqual(bodies(await readAll(log)), names(0, many + 2))
  })
})

test('a producer that was not opened may begin at any sequence number', async (t) => {
  await withLog(await newFolder(t), async (log) => {
    await append(log, numbered(0, 2), { id: 9, epoch: 2, sequence: 100 })
    assert.deepEqual(log.producer(9), { id: 9, epoch: 2, sequence: 101 })
  })
})
