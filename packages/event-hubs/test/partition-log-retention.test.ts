import assert from 'node:assert/strict'
import { appendFile, readdir, rm, writeFile } from 'node:fs/promises'
import { type TestContext, test } from 'node:test'
import type { PartitionLog } from '../log/partition-log.ts'
import {
  append,
  bodies,
  firstFrom,
  listSegments,
  names,
  newFolder,
  numbered,
  openLog,
  readAll,
  storedIn,
  withLog,
} from './partition-log-support.ts'

const SEGMENT = 2000

/** Appends twenty events, one per second from second 1 on. About four fill a segment. */
async function twentyEvents(t: TestContext, log: PartitionLog): Promise<void> {
  t.mock.timers.enable({ apis: ['Date'], now: 0 })
  for (let i = 0; i < 20; i++) {
    t.mock.timers.tick(1000)
    await append(log, numbered(i, i + 1, 300))
  }
}

test('retention by time drops only segments in which every event is older', async (t) => {
  const folder = await newFolder(t)
  await withLog(
    folder,
    async (log) => {
      await twentyEvents(t, log)
      const whole = await listSegments(folder)
      await log.retain({ ms: 20_000 }, 20_000)
      assert.deepEqual(await listSegments(folder), whole)
      const kept: number[] = []
      for (let now = 20_000; now <= 35_000; now += 1000) {
        await log.retain({ ms: 10_000 }, now)
        const { beginSequence, lastSequence, bytes } = log.info
        // The event with sequence number n is from second n + 1.
        assert.ok(beginSequence <= Math.min(20, now / 1000 - 11), `at ${now}`)
        assert.deepEqual(bodies(await readAll(log)), names(beginSequence, 20))
        assert.equal(lastSequence, 19)
        kept.push(bytes)
      }
      assert.equal(log.info.beginSequence, 20)
      assert.ok(new Set(kept).size > 3, `${kept}`)
      assert.equal((await listSegments(folder)).length, 1)
    },
    { segmentBytes: SEGMENT },
  )
})

test('retention by size keeps the given number of newest bytes, and less than a segment more', async (t) => {
  const folder = await newFolder(t)
  await withLog(
    folder,
    async (log) => {
      await twentyEvents(t, log)
      for (const bytes of [100_000, 7000, 6000, 3000, 0]) {
        const had = log.info.bytes
        await log.retain({ bytes }, 20_000)
        assert.ok(log.info.bytes >= Math.min(had, bytes), `${log.info.bytes} of ${bytes}`)
        assert.ok(
          log.info.bytes < Math.max(bytes, 1) + SEGMENT || log.info.bytes === had,
          `${log.info.bytes} of ${bytes}`,
        )
        assert.deepEqual(bodies(await readAll(log)), names(log.info.beginSequence, 20))
      }
      assert.equal((await listSegments(folder)).length, 1)
    },
    { segmentBytes: SEGMENT },
  )
})

test('a reader, a search and a position in dropped segments continue at the first retained event', async (t) => {
  const folder = await newFolder(t)
  await withLog(folder, (log) => twentyEvents(t, log), { segmentBytes: SEGMENT })
  // Newly opened without a tail cache, so that reads and searches go to the disk.
  await withLog(
    folder,
    async (log) => {
      const reading = log.read(0)
      const searching = log.seek({ key: 'sequence', min: 6 })
      assert.ok(reading instanceof Promise && searching instanceof Promise)
      await log.retain({ bytes: 3000 }, 20_000)
      const begin = log.info.beginSequence
      assert.ok(begin > 8)
      const chunk = await reading
      assert.ok(chunk)
      assert.equal(bodies(storedIn(chunk))[0], 'event 0', 'a running read completes')
      const kept = names(begin, 20)
      assert.deepEqual(bodies(await readAll(log, chunk.next)), kept)
      assert.deepEqual(bodies(await readAll(log, await searching)), kept)
      assert.deepEqual(bodies(await readAll(log, 0)), kept)
      for (const key of ['sequence', 'offset', 'time'] as const)
        assert.equal((await firstFrom(log, { key, min: 1 }))?.sequence, begin, key)
    },
    { segmentBytes: SEGMENT, tailBytes: 0 },
  )
})

test('a read and a search that need the file repeatedly complete although it is dropped meanwhile', async (t) => {
  const folder = await newFolder(t)
  const options = { segmentBytes: 4_000_000, tailBytes: 0 }
  await withLog(
    folder,
    async (log) => {
      for (let i = 0; i < 8; i++) await append(log, numbered(i, i + 1, 900_000))
      assert.equal((await listSegments(folder)).length, 2)
    },
    options,
  )
  await withLog(
    folder,
    async (log) => {
      const reading = log.read(0)
      const searching = log.seek({ key: 'sequence', min: 3 })
      await log.retain({ bytes: 0 }, 0)
      const chunk = await reading
      assert.ok(chunk)
      assert.deepEqual(bodies(storedIn(chunk)), ['event 0'])
      assert.deepEqual(bodies(await readAll(log, await searching)), names(log.info.beginSequence, 8))
      assert.ok(log.info.beginSequence > 0)
    },
    options,
  )
})

test('after everything was dropped, the log is empty and continues the sequence after a restart', async (t) => {
  const folder = await newFolder(t)
  const options = { segmentBytes: SEGMENT }
  const before = await withLog(
    folder,
    async (log) => {
      await twentyEvents(t, log)
      const full = log.info
      const end = await log.seek({ key: 'sequence', min: 20 })
      await log.retain({ ms: 1000 }, 30_000)
      assert.deepEqual({ ...log.info, bytes: 0 }, { ...full, beginSequence: 20, bytes: 0 })
      assert.equal(log.read(0), undefined)
      assert.equal(log.read(end), undefined)
      assert.equal(await firstFrom(log, { key: 'sequence', min: 0 }), undefined)
      await log.retain({ ms: 1000, bytes: 0 }, 40_000)
      assert.equal((await listSegments(folder)).length, 1)
      return { info: log.info, end }
    },
    options,
  )
  await withLog(
    folder,
    async (log) => {
      assert.deepEqual(log.info, before.info)
      t.mock.timers.setTime(5000)
      await append(log, numbered(20, 21))
      const [event] = await readAll(log, before.end)
      assert.equal(event?.sequence, 20)
      assert.equal(event?.time, 20_000, 'times do not go back')
      assert.ok((event?.offset ?? 0) > before.info.lastOffset)
    },
    options,
  )
})

test('appends during retention lose no retained event', async (t) => {
  const folder = await newFolder(t)
  await withLog(
    folder,
    async (log) => {
      await twentyEvents(t, log)
      t.mock.timers.setTime(29_500)
      const retained = log.retain({ ms: 1000 }, 30_000)
      const appended = append(log, numbered(20, 22))
      await Promise.all([retained, appended])
      const kept = await readAll(log)
      assert.deepEqual(bodies(kept).slice(-2), names(20, 22))
      assert.equal(kept[0]?.sequence ?? 0, log.info.beginSequence)
    },
    { segmentBytes: SEGMENT },
  )
  await withLog(folder, async (log) => assert.equal(log.info.lastSequence, 21))
})

test('a segment that cannot be created fails the log, and its events are not acknowledged', async (t) => {
  const folder = await newFolder(t)
  const log = await openLog(folder, { segmentBytes: 1 })
  await append(log, numbered(0, 1))
  // A file with the name of the next segment.
  await writeFile(
    (await listSegments(folder))[0]?.replace(/\d{20}/, String(log.info.bytes).padStart(20, '0')) ?? '',
    '',
  )
  await assert.rejects(append(log, numbered(1, 2)), /EEXIST/)
  assert.match(String(log.failed), /EEXIST/)
  await assert.rejects(append(log, numbered(2, 3)), /EEXIST/)
  assert.deepEqual(bodies(await readAll(log)), ['event 0'])
  await log.retain({ ms: 0 }, Date.now() + 1000)
  assert.equal((await listSegments(folder)).length, 2)
  await log.close()
})

test('leaves files alone that are not segments', async (t) => {
  const folder = await newFolder(t)
  await withLog(folder, (log) => append(log, numbered(0, 1)))
  await appendFile(`${folder}/notes.txt`, 'mine')
  await withLog(folder, async (log) => {
    assert.deepEqual(bodies(await readAll(log)), ['event 0'])
    await log.retain({ ms: 0 }, Date.now() + 1000)
  })
  assert.ok((await readdir(folder)).includes('notes.txt'))
  await rm(`${folder}/notes.txt`)
})
