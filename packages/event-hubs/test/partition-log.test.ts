import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { constants } from 'node:fs'
import { readdir, readFile, readlink } from 'node:fs/promises'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { readPublished } from '../log/event-message.ts'
import { EventCursor } from '../log/log-record.ts'
import { PartitionLog } from '../log/partition-log.ts'
import { TailCache } from '../log/tail-cache.ts'
import {
  append,
  bodies,
  event,
  firstFrom,
  listSegments,
  names,
  newFolder,
  numbered,
  openLog,
  readAll,
  type Stored,
  storedIn,
  withLog,
} from './partition-log-support.ts'

test('after a write fails on a full disk, nothing is acknowledged, and no acknowledged event is lost', async (t) => {
  const folder = await newFolder(t)
  const writer = fileURLToPath(new URL('./partition-log-writer.ts', import.meta.url))
  // `ulimit -f` limits the file to about 64 KiB: the write that exceeds it is cut short, and its rest fails.
  const { stdout } = await promisify(execFile)('sh', [
    '-c',
    'ulimit -f 100 && exec "$0" "$1" "$2"',
    process.execPath,
    writer,
    folder,
  ])
  const { acknowledged, errors, failed } = JSON.parse(stdout)
  assert.ok(acknowledged > 0, stdout)
  assert.deepEqual(errors, Array(3).fill(failed))
  assert.match(failed, /EFBIG/)
  await withLog(folder, async (log) => {
    assert.equal(log.info.lastSequence, acknowledged - 1)
    assert.deepEqual(bodies(await readAll(log)), names(0, acknowledged))
    await append(log, numbered(acknowledged, acknowledged + 1))
    assert.equal(log.info.lastSequence, acknowledged)
  })
})

test('a closed log refuses appends and says why', async (t) => {
  const folder = await newFolder(t)
  const log = await openLog(folder, { segmentBytes: 1 })
  await append(log, numbered(0, 1))
  await append(log, numbered(1, 2))
  assert.equal(log.failed, undefined)
  await log.close()
  await assert.rejects(append(log, numbered(2, 3)), /closed/)
  assert.match(String(log.failed), /closed/)
  await assert.rejects(async () => log.read(0), /closed/)
  await log.retain({ bytes: 0 }, 0)
  assert.equal((await listSegments(folder)).length, 2, 'it does not touch files that another log may have opened')
  await withLog(folder, async (again) => assert.equal(again.info.lastSequence, 1))
})

test('earlier appends are on disk when the close settles', async (t) => {
  const folder = await newFolder(t)
  let appended: Promise<void> | undefined
  await withLog(folder, (log) => {
    appended = append(log, numbered(0, 3))
  })
  await appended
  await withLog(folder, async (log) => assert.deepEqual(bodies(await readAll(log)), names(0, 3)))
})

test('appends of one turn share a write, appends during it share the next, whole and in order', async (t) => {
  const folder = await newFolder(t)
  await withLog(folder, async (log) => {
    const written: number[] = []
    log.onAppend(() => written.push(log.info.lastSequence))
    const first = [append(log, numbered(0, 1)), append(log, numbered(1, 2))]
    // The first write begins at the end of the current turn, and ends in a later one.
    await new Promise(process.nextTick)
    const others = Array.from({ length: 49 }, (_, i) => append(log, numbered(i * 2 + 2, i * 2 + 4)))
    await Promise.all([...first, ...others])
    assert.deepEqual(written, [1, 99])
    assert.deepEqual(bodies(await readAll(log)), names(0, 100))
  })
})

test('a group is at most half a megabyte, and an append is never split', async (t) => {
  const folder = await newFolder(t)
  await withLog(folder, async (log) => {
    const written: number[] = []
    log.onAppend(() => written.push(log.info.lastSequence))
    const half = (from: number) => append(log, numbered(from, from + 1, 250_000))
    const large = append(log, numbered(3, 6, 700_000))
    await Promise.all([large, half(0), half(1), half(2)])
    assert.deepEqual(written, [2, 4, 5])
  })
})

test('an event is readable only once its append is acknowledged, and listeners are called', async (t) => {
  const folder = await newFolder(t)
  await withLog(folder, async (log) => {
    const notified: number[] = []
    const stop = log.onAppend(() => notified.push(log.info.lastSequence))
    const appended = append(log, numbered(0, 1))
    let acknowledged = false
    appended.then(() => {
      acknowledged = true
    })
    for (; !acknowledged; await new Promise(setImmediate)) assert.equal(log.read(0), undefined)
    await appended
    const chunk = log.read(0)
    assert.ok(chunk && !(chunk instanceof Promise), 'live consumers need no disk')
    assert.deepEqual(bodies(storedIn(chunk)), ['event 0'])
    stop()
    await append(log, numbered(1, 2))
    assert.deepEqual(notified, [0])
  })
})

test('answers arrive in the order of appends', async (t) => {
  const folder = await newFolder(t)
  await withLog(folder, async (log) => {
    const order: number[] = []
    const appends = Array.from({ length: 20 }, (_, i) =>
      append(log, i % 3 === 0 ? numbered(i, i + 1, 600_000) : []).then(() => order.push(i)),
    )
    await Promise.all(appends)
    assert.deepEqual(
      order,
      appends.map((_, i) => i),
    )
  })
})

for (const [where, tailBytes] of [
  ['memory', 32_000_000],
  ['disk', 0],
  ['both', 1_000_000],
] as const) {
  test(`finds every event by sequence number, offset and time, across segments, from ${where}`, async (t) => {
    const folder = await newFolder(t)
    const options = { segmentBytes: 400_000, tailBytes }
    const find = async (log: PartitionLog, all: readonly Stored[]): Promise<void> => {
      for (let i = 0; i < all.length; i += 271) {
        for (const key of ['sequence', 'offset', 'time'] as const) {
          const min = all[i]?.[key] ?? 0
          const found = await firstFrom(log, { key, min })
          assert.deepEqual(
            found,
            all.find((event) => event[key] >= min),
            `${key} of event ${i}`,
          )
        }
      }
    }
    t.mock.timers.enable({ apis: ['Date'], now: 1_000_000 })
    const written = await withLog(
      folder,
      async (log) => {
        for (let i = 0; i < 5000; i += 50) {
          // Some records share a time.
          if (i % 150 === 0) t.mock.timers.tick(10)
          await append(log, numbered(i, i + 50, 400))
        }
        const all = await readAll(log)
        assert.deepEqual(bodies(all), names(0, 5000))
        assert.deepEqual(
          all.map(({ sequence }) => sequence),
          all.map((_, i) => i),
        )
        await find(log, all)
        return { all, info: log.info }
      },
      options,
    )
    assert.ok((await listSegments(folder)).length > 5)
    await withLog(
      folder,
      async (log) => {
        assert.deepEqual(log.info, written.info)
        assert.deepEqual(await readAll(log), written.all)
        await find(log, written.all)
      },
      options,
    )
  })
}

test('a start beyond the end is the end, and reads no earlier event', async (t) => {
  const folder = await newFolder(t)
  await withLog(folder, async (log) => {
    await append(log, numbered(0, 3))
    const { lastSequence, lastOffset, lastTime } = log.info
    for (const [key, last] of [
      ['sequence', lastSequence],
      ['offset', lastOffset],
      ['time', lastTime],
    ] as const) {
      const position = await log.seek({ key, min: last + 1 })
      assert.equal(log.read(position), undefined, key)
    }
    const end = await log.seek({ key: 'sequence', min: 3 })
    await append(log, numbered(3, 4))
    assert.deepEqual(bodies(await readAll(log, end)), ['event 3'])
  })
})

test('a reader at the end of a segment continues in the next one', async (t) => {
  const folder = await newFolder(t)
  await withLog(
    folder,
    async (log) => {
      await append(log, numbered(0, 2))
      const end = await log.seek({ key: 'sequence', min: 2 })
      assert.equal(log.read(end), undefined)
      await append(log, numbered(2, 4))
      assert.equal((await listSegments(folder)).length, 2)
      assert.deepEqual(bodies(await readAll(log, end)), names(2, 4))
    },
    { segmentBytes: 300 },
  )
})

test('reads a record larger than a read block whole, also from disk', async (t) => {
  const folder = await newFolder(t)
  const large = 'z'.repeat(1_500_000)
  await withLog(folder, async (log) => {
    await append(log, [event(large), event('next')])
    await append(log, [event('last')])
  })
  await withLog(folder, async (log) => assert.deepEqual(bodies(await readAll(log)), [large, 'next', 'last']), {
    tailBytes: 0,
  })
})

test('delivery annotations go after a message header, or first if there is none', async (t) => {
  const folder = await newFolder(t)
  const header = [0x00, 0x53, 0x70, 0xc0, 0x02, 0x01, 0x41]
  const body = [0x00, 0x53, 0x75, 0xa0, 0x01, 0x78]
  await withLog(folder, async (log) => {
    await append(
      log,
      [Buffer.from([...header, ...body]), Buffer.from(body)].flatMap((sent) => readPublished(sent, 0).events),
    )
    const chunk = await log.read(0)
    assert.ok(chunk)
    const cursor = new EventCursor(chunk)
    for (const expected of [header, []]) {
      assert.ok(cursor.next())
      assert.deepEqual([...chunk.bytes.subarray(cursor.start, cursor.insert)], expected)
      assert.deepEqual([...chunk.bytes.subarray(cursor.end - body.length, cursor.end)], body)
    }
    assert.equal(cursor.next(), false)
  })
})

test('enqueued times never go back, and an empty log reports that it is empty', async (t) => {
  const folder = await newFolder(t)
  await withLog(folder, async (log) => {
    const { bytes, ...info } = log.info
    assert.deepEqual(info, { beginSequence: 0, lastSequence: -1, lastOffset: -1, lastTime: 0 })
    assert.ok(bytes > 0)
    assert.equal(log.read(0), undefined)
    assert.equal(log.read(await log.seek({ key: 'sequence', min: 0 })), undefined)
    t.mock.timers.enable({ apis: ['Date'], now: 5000 })
    await append(log, numbered(0, 1))
    t.mock.timers.setTime(1000)
    await append(log, numbered(1, 2))
    assert.deepEqual(
      (await readAll(log)).map(({ time }) => time),
      [5000, 5000],
    )
  })
  await withLog(folder, async (log) => {
    await append(log, numbered(2, 3))
    assert.deepEqual(
      (await readAll(log)).map(({ time }) => time),
      [5000, 5000, 5000],
    )
  })
})

test('logs share the tail cache: the oldest record of all goes first, and a closed log frees its room', async (t) => {
  const tail = new TailCache(3 * 10_000)
  const [a, b] = await Promise.all(
    [await newFolder(t), await newFolder(t)].map((folder) => PartitionLog.open(folder, { tail })),
  )
  assert.ok(a && b)
  const inMemory = (log: PartitionLog, position: number): boolean => !(log.read(position) instanceof Promise)
  await append(a, numbered(0, 1, 9000))
  const second = await a.seek({ key: 'sequence', min: 1 })
  await append(b, numbered(0, 1, 9000))
  await append(a, numbered(1, 2, 9000))
  assert.ok(inMemory(a, 0) && inMemory(b, 0) && inMemory(a, second))
  await append(b, numbered(1, 2, 9000))
  assert.deepEqual([inMemory(a, 0), inMemory(b, 0), inMemory(a, second)], [false, true, true])
  await b.close()
  const third = await a.seek({ key: 'sequence', min: 2 })
  await append(a, numbered(2, 4, 4500))
  assert.deepEqual([inMemory(a, second), inMemory(a, third)], [true, true])
  await a.close()
})

const noProc = process.platform !== 'linux' && 'only Linux lists open files in /proc'

/** Returns the flags of this process's open files below `folder` (proc(5)). */
async function openFiles(folder: string): Promise<number[]> {
  const flags: number[] = []
  for (const fd of await readdir('/proc/self/fd')) {
    const target = await readlink(`/proc/self/fd/${fd}`).catch(() => '')
    if (!target.startsWith(folder)) continue
    const info = await readFile(`/proc/self/fdinfo/${fd}`, 'utf8')
    flags.push(Number.parseInt(/^flags:\s+(\d+)/m.exec(info)?.[1] ?? '', 8))
  }
  return flags
}

test('few files are open while many segments are read, and none after a close', { skip: noProc }, async (t) => {
  const folder = await newFolder(t)
  const options = { segmentBytes: 1, tailBytes: 0 }
  await withLog(
    folder,
    async (log) => {
      for (let i = 0; i < 30; i++) await append(log, numbered(i, i + 1))
      assert.equal((await openFiles(folder)).length, 1, 'only the active segment is open')
    },
    options,
  )
  assert.deepEqual(await openFiles(folder), [])
  await withLog(
    folder,
    async (log) => {
      for (let i = 0; i < 30; i++) await firstFrom(log, { key: 'sequence', min: i })
      const open = (await openFiles(folder)).length
      assert.ok(open >= 5 && open <= 6, `${open} files are open`)
      await log.retain({ bytes: 0 }, 0)
      assert.ok((await openFiles(folder)).length <= 2)
    },
    options,
  )
  assert.deepEqual(await openFiles(folder), [])
})

test('acknowledged events were written through to the disk', { skip: noProc }, async (t) => {
  const folder = await newFolder(t)
  const written = async (): Promise<number[]> =>
    (await openFiles(folder)).filter((flags) => (flags & 3) === constants.O_WRONLY)
  for (let i = 0; i < 2; i++)
    await withLog(
      folder,
      async (log) => {
        for (let n = 0; n < 2; n++) {
          await append(log, numbered(0, 1))
          const flags = await written()
          assert.equal(flags.length, 1)
          assert.ok(((flags[0] ?? 0) & constants.O_DSYNC) === constants.O_DSYNC)
        }
      },
      { segmentBytes: 1 },
    )
})
