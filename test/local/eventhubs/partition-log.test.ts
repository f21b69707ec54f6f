import assert from 'node:assert/strict'
import { appendFile, readFile, stat, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { type LogEvent, PartitionLog } from '../../../local/eventhubs/partition-log.ts'
import { StartError } from '../../../local/kit/errors.ts'
import { temporaryFolder } from './endpoint.ts'

async function newPath(t: TestContext): Promise<string> {
  const folder = await temporaryFolder()
  t.after(() => folder.remove())
  return join(folder.path, '0.log')
}

const numbered = (from: number, to: number, size = 20): Buffer[] =>
  Array.from({ length: to - from }, (_, i) => Buffer.from(`event ${from + i}`.padEnd(size)))

async function readAll(log: PartitionLog, position = 0): Promise<LogEvent[]> {
  const events: LogEvent[] = []
  for (let next = position; ; ) {
    const chunk = await log.read(next)
    if (!chunk) return events
    events.push(...chunk.events)
    next = chunk.next
  }
}

const texts = (events: readonly LogEvent[]): string[] => events.map(({ bytes }) => bytes.toString().trimEnd())
const names = (from: number, to: number): string[] => texts(numbered(from, to).map((bytes) => ({ bytes }) as LogEvent))

async function withLog<T>(path: string, use: (log: PartitionLog) => Promise<T>): Promise<T> {
  const log = await PartitionLog.open(path)
  try {
    return await use(log)
  } finally {
    await log.close()
  }
}

test('a log that is cut anywhere in its last record loses that record alone, and goes on after the one before', async (t) => {
  const path = await newPath(t)
  await withLog(path, async (log) => {
    for (let i = 0; i < 3; i++) await log.append(numbered(i * 2, i * 2 + 2))
  })
  const whole = await readFile(path)
  const last = whole.length - whole.length / 3
  for (const length of [last + 1, last + 31, last + 32, last + 40, whole.length - 1]) {
    await writeFile(path, whole.subarray(0, length))
    await withLog(path, async (log) => {
      assert.equal((await stat(path)).size, last, `cut at ${length}`)
      assert.equal(log.info.lastSequence, 3)
      await log.append([Buffer.from('event 4')])
      assert.deepEqual(texts(await readAll(log)), names(0, 5))
    })
  }
})

test('zeros and garbage after the last record, as a lost page leaves them, are cut', async (t) => {
  for (const tail of [Buffer.alloc(5000), Buffer.from('TML1'.repeat(500)), Buffer.alloc(40, 0xff)]) {
    const path = await newPath(t)
    await withLog(path, (log) => log.append(numbered(0, 4)))
    const { size } = await stat(path)
    await appendFile(path, tail)
    await withLog(path, async (log) => {
      assert.equal((await stat(path)).size, size)
      assert.deepEqual(texts(await readAll(log)), names(0, 4))
    })
  }
})

test('a damaged record with whole ones after it is refused by file, sequence number and place', async (t) => {
  const path = await newPath(t)
  await withLog(path, async (log) => {
    for (let i = 0; i < 3; i++) await log.append(numbered(i * 2, i * 2 + 2))
  })
  const whole = await readFile(path)
  const second = whole.length / 3
  for (const at of [second, second + 5, second + 9, second + 13, second + 20, second + 28, second + 40]) {
    const damaged = Buffer.from(whole)
    damaged[at] = (damaged[at] ?? 0) ^ 0x40
    await writeFile(path, damaged)
    await assert.rejects(PartitionLog.open(path), (error: Error) => {
      assert.ok(error instanceof StartError, String(error))
      assert.match(error.message, new RegExp(`0\\.log: .* at byte ${second} is damaged`))
      return true
    })
    assert.deepEqual(await readFile(path), damaged, 'a refused file is left as it is')
  }
})

test('a log whose first record is gone is refused, not renumbered', async (t) => {
  const path = await newPath(t)
  await withLog(path, async (log) => {
    await log.append(numbered(0, 2))
    await log.append(numbered(2, 4))
  })
  const whole = await readFile(path)
  await writeFile(path, whole.subarray(whole.length / 2))
  await assert.rejects(PartitionLog.open(path), /0\.log: the record at byte 0 starts with sequence number 2, not 0:/)
})

test('a failed write is not acknowledged, and neither is anything after it', async (t) => {
  const path = await newPath(t)
  const log = await PartitionLog.open(path)
  await log.append(numbered(0, 2))
  await log.close()
  await assert.rejects(log.append(numbered(2, 3)), /closed/)
  await withLog(path, async (again) => assert.equal(again.info.lastSequence, 1))
})

test('appends that arrive while a sync runs share the next one, each whole, in their order', async (t) => {
  const path = await newPath(t)
  await withLog(path, async (log) => {
    const synced: number[] = []
    log.onAppend(() => synced.push(log.info.lastSequence))
    const first = log.append(numbered(0, 2))
    // The first write has begun when the current turn is over; it ends in a later one.
    await new Promise(process.nextTick)
    const others = Array.from({ length: 49 }, (_, i) => log.append(numbered(i * 2 + 2, i * 2 + 4)))
    await Promise.all([first, ...others])
    assert.deepEqual(synced, [1, 99])
    assert.deepEqual(texts(await readAll(log)), names(0, 100))
  })
})

test('an event is readable when its append is acknowledged, not before, and listeners hear of it', async (t) => {
  const path = await newPath(t)
  await withLog(path, async (log) => {
    const heard: number[] = []
    const stop = log.onAppend(() => heard.push(log.info.lastSequence))
    const appended = log.append(numbered(0, 1))
    assert.equal(log.read(0), undefined)
    await appended
    assert.deepEqual(texts(await readAll(log)), ['event 0'])
    stop()
    await log.append(numbered(1, 2))
    assert.deepEqual(heard, [0])
  })
})

test('every event is found by sequence number, offset and time, from memory and from disk', async (t) => {
  const path = await newPath(t)
  const find = async (log: PartitionLog, all: readonly LogEvent[]): Promise<void> => {
    for (let i = 0; i < all.length; i += 997) {
      const wanted = all[i] as LogEvent
      for (const key of ['sequence', 'offset', 'time'] as const) {
        const events = await readAll(log, log.seek({ key, min: wanted[key] }))
        const found = events.find((event) => event[key] >= wanted[key])
        const first = all.find((event) => event[key] >= wanted[key])
        assert.deepEqual([found?.sequence, found?.offset], [first?.sequence, first?.offset], `${key} of event ${i}`)
      }
    }
  }
  // More than the tail cache holds.
  const written = await withLog(path, async (log) => {
    for (let i = 0; i < 10_000; i += 100) await log.append(numbered(i, i + 100, 400))
    const all = await readAll(log)
    assert.deepEqual(texts(all), names(0, 10_000))
    assert.deepEqual(
      all.map(({ sequence }) => sequence),
      all.map((_, i) => i),
    )
    await find(log, all)
    return { all, info: log.info }
  })
  await withLog(path, async (log) => {
    assert.deepEqual(log.info, written.info)
    assert.deepEqual(await readAll(log), written.all)
    await find(log, written.all)
  })
})

test('a record larger than a block of reading is read whole', async (t) => {
  const path = await newPath(t)
  const large = Buffer.alloc(1_000_000, 'z')
  await withLog(path, async (log) => {
    await log.append([large, Buffer.from('next')])
    await log.append([Buffer.from('last')])
  })
  await withLog(path, async (log) => {
    const events = await readAll(log)
    assert.deepEqual(events[0]?.bytes, large)
    assert.deepEqual(texts(events.slice(1)), ['next', 'last'])
  })
})

test('enqueued times never go back, and an empty log says that it is empty', async (t) => {
  const path = await newPath(t)
  await withLog(path, async (log) => {
    assert.deepEqual(log.info, { beginSequence: 0, lastSequence: -1, lastOffset: -1, lastTime: 0 })
    assert.equal(log.read(0), undefined)
    t.mock.timers.enable({ apis: ['Date'], now: 5000 })
    await log.append(numbered(0, 1))
    t.mock.timers.setTime(1000)
    await log.append(numbered(1, 2))
    assert.deepEqual(
      (await readAll(log)).map(({ time }) => time),
      [5000, 5000],
    )
  })
  await truncate(path, 0)
  await withLog(path, async (log) => assert.equal(log.info.lastSequence, -1))
})
