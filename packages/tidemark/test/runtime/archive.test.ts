import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { gunzipSync, gzipSync } from 'node:zlib'
import fc from 'fast-check'
import { TidemarkError } from '../../core/errors.ts'
import { EMPTY_STREAM } from '../../core/hash-chain.ts'
import type { Archive, ItemFeed } from '../../core/ports.ts'
import { MemoryArchive, MemoryItemFeed } from '../../memory/archive.ts'
import { MemoryEventStore } from '../../memory/event-store.ts'
import { ArchiveLag, ArchiveWriter, NewestSegment, readArchive } from '../../runtime/archive.ts'
import { ArchiveRunner } from '../../runtime/archive-runner.ts'
import { placedV1 } from '../domain/orders.ts'
import { commit, receipt } from '../support/commits.ts'
import { ManualClock } from '../support/fakes.ts'
import { recordedTogether } from '../support/recorded.ts'

const SERVICE = 'ordering'
const TIME = '2026-01-01T00:00:00.000Z'
const LONG = 1_000_000

/** A log and its archive, in memory. A segment is full with three items. */
class Ground {
  readonly log = new MemoryEventStore()
  readonly archive = new MemoryArchive()
  readonly clock = new ManualClock()
  readonly feed = new MemoryItemFeed(this.log, () => TIME)

  writer(archive: Archive = this.archive, feed: ItemFeed = this.feed): ArchiveWriter {
    const full = { items: 3, bytes: 1_000_000 }
    return new ArchiveWriter({ service: SERVICE, archive, feed, clock: this.clock, full })
  }

  /** Appends commits of one event to new streams. */
  async append(count: number): Promise<void> {
    for (let index = 0; index < count; index += 1) {
      const [event] = recordedTogether(`order-${this.log.appends.length + 1}`, placedV1)
      assert.ok(event)
      await this.log.append(EMPTY_STREAM, [commit(event.stream, [event])])
    }
  }

  /** The items of the log, and those of the archive, as lines. */
  async both(): Promise<readonly [logged: readonly string[], archived: readonly string[]]> {
    return [this.log.appends.flat().map((item) => JSON.stringify(item)), await archived(this.archive)]
  }
}

async function archived(archive: Archive): Promise<readonly string[]> {
  const lines: string[] = []
  for await (const segment of readArchive(SERVICE, archive)) lines.push(...segment.lines.map(String))
  return lines
}

/** An archive whose `create` does this instead. */
function creating(archive: MemoryArchive, create: Archive['create']): Archive {
  return {
    create,
    has: (number) => archive.has(number),
    read: (number) => archive.read(number),
    list: (after) => archive.list(after),
  }
}

const unknown = () => new TidemarkError('outcome-unknown', 'no answer')

describe('the writer of an archive', () => {
  it('writes nothing for an empty log', async () => {
    const ground = new Ground()
    assert.deepEqual(await ground.writer().write(LONG), { segments: 0, items: 0, atEnd: true })
    assert.equal(ground.archive.segments.size, 0)
  })

  it('writes every commit, receipt and foreign item once, in order, in full segments', async () => {
    const ground = new Ground()
    await ground.append(4)
    await ground.log.append(EMPTY_STREAM, [receipt('order-1', 'k', 1)])
    const foreign = [{ id: 'x', anything: { ttl: 5 } }, { stream: 7 }]
    const appends = [...ground.log.appends, foreign, ...ground.log.appends.slice(0, 1)] as typeof ground.log.appends
    const feed = new MemoryItemFeed({ appends }, () => TIME)
    assert.deepEqual(await ground.writer(ground.archive, feed).write(LONG), { segments: 3, items: 8, atEnd: true })
    assert.deepEqual(
      await archived(ground.archive),
      appends.flat().map((item) => JSON.stringify(item)),
    )
  })

  it('goes on where the newest segment ends, in the same process and in another', async () => {
    const ground = new Ground()
    const first = ground.writer()
    for (const [writer, count] of [
      [first, 2],
      [first, 1],
      [ground.writer(), 5],
      [first, 1],
    ] as const) {
      await ground.append(count)
      await writer.write(LONG)
      const [logged, kept] = await ground.both()
      assert.deepEqual(kept, logged)
    }
    const before = ground.archive.segments.size
    assert.deepEqual(await first.write(LONG), { segments: 0, items: 0, atEnd: true })
    assert.equal(ground.archive.segments.size, before)
  })

  for (const [what, isCreated] of [
    ['lost before it was created', false],
    ['created but its answer lost', true],
  ] as const)
    it(`has each item once if a segment was ${what}`, async () => {
      const ground = new Ground()
      await ground.append(8)
      let fails = true
      const archive = creating(ground.archive, async (number, bytes) => {
        // The second, which the reader of the first goes on to.
        if (!fails || number === 1) return ground.archive.create(number, bytes)
        fails = false
        if (isCreated) await ground.archive.create(number, bytes)
        throw unknown()
      })
      const writer = ground.writer(archive)
      await assert.rejects(writer.write(LONG), { code: 'outcome-unknown' })
      await ground.append(1)
      assert.equal((await writer.write(LONG)).atEnd, true)
      const [logged, kept] = await ground.both()
      assert.deepEqual(kept, logged)
    })

  it('has each item once if the feed fails between two pages', async () => {
    const ground = new Ground()
    await ground.append(9)
    let reads = 0
    const feed: ItemFeed = {
      open(continuation) {
        const reader = ground.feed.open(continuation)
        return {
          next() {
            reads += 1
            // Inside the first segment, and inside the second.
            return reads === 2 || reads === 8 ? Promise.reject(new TidemarkError('unavailable', 'no')) : reader.next()
          },
        }
      },
    }
    const writer = ground.writer(ground.archive, feed)
    for (let failures = 0; failures < 2; failures += 1)
      await assert.rejects(writer.write(LONG), { code: 'unavailable' })
    await writer.write(LONG)
    const [logged, kept] = await ground.both()
    assert.deepEqual(kept, logged)
  })

  it('ends when its time is up, and leaves the rest to the next run', async () => {
    const ground = new Ground()
    await ground.append(20)
    const archive = creating(ground.archive, async (number, bytes) => {
      await ground.clock.wait(600)
      return ground.archive.create(number, bytes)
    })
    const writer = ground.writer(archive)
    assert.deepEqual(await writer.write(1_000), { segments: 2, items: 6, atEnd: false })
    await writer.write(LONG)
    const [logged, kept] = await ground.both()
    assert.deepEqual(kept, logged)
  })

  it('stops at a next segment that does not follow the one it knows', async () => {
    const ground = new Ground()
    await ground.append(1)
    const writer = ground.writer()
    await writer.write(LONG)
    const other = new Ground()
    await other.append(2)
    await other.writer().write(LONG)
    await other.append(2)
    await other.writer().write(LONG)
    ground.archive.segments.set(2, other.archive.segments.get(2) ?? assert.fail())
    await ground.append(1)
    await assert.rejects(writer.write(LONG), {
      code: 'archive-broken',
      message: /^segment 2 of the archive of ordering/,
    })
  })

  it('makes one chain with every item once and in order, however several writers interleave', async () => {
    const step = fc.constantFrom('append', 'append', 'write', 'write', 'restart')
    const schedule = fc.array(fc.tuple(fc.nat(2), step), { minLength: 10, maxLength: 40 })
    let segments = 0
    await fc.assert(
      fc.asyncProperty(fc.scheduler(), schedule, async (s, steps) => {
        const ground = new Ground()
        const delayed: Archive = {
          create: s.scheduleFunction((number, bytes) => ground.archive.create(number, bytes)),
          has: s.scheduleFunction((number) => ground.archive.has(number)),
          read: s.scheduleFunction((number) => ground.archive.read(number)),
          list: (after) => ground.archive.list(after),
        }
        const writers = Array.from({ length: 3 }, () => ({ writer: ground.writer(delayed), run: Promise.resolve() }))
        for (const [index, step] of steps) {
          const each = writers[index] ?? assert.fail()
          if (step === 'append') await ground.append(2 * index + 1)
          // The old writer goes on, as in a process that is not gone yet.
          else if (step === 'restart') each.writer = ground.writer(delayed)
          else {
            const { writer } = each
            each.run = each.run.then(async () => void (await writer.write(LONG)))
          }
        }
        await s.waitFor(Promise.all(writers.map(({ run }) => run)))
        await s.waitFor(ground.writer(delayed).write(LONG))
        const [logged, kept] = await ground.both()
        assert.deepEqual(kept, logged)
        segments += ground.archive.segments.size
      }),
      { numRuns: 25 },
    )
    console.log(`# ${segments} segments were compared with their logs`)
    assert.ok(segments > 0)
  })
})

describe('the newest segment', () => {
  it('is found with few requests, however many there are', async () => {
    for (const last of [1, 2, 3, 7, 8, 1000, 123_456]) {
      let asked = 0
      const read: number[] = []
      const numbers: Archive = {
        create: () => Promise.reject(new Error('nothing is created here')),
        async has(number) {
          asked += 1
          return number <= last
        },
        async read(number) {
          read.push(number)
          return undefined
        },
        list: () => assert.fail('a list of all segments is long'),
      }
      await assert.rejects(new NewestSegment(SERVICE, numbers).find(), { code: 'archive-gap' })
      assert.deepEqual(read, [last])
      assert.ok(asked <= 2 * Math.ceil(Math.log2(last + 1)) + 2, `${asked} requests for ${last}`)
    }
  })
})

describe('a reader of an archive', () => {
  async function full(): Promise<MemoryArchive> {
    const ground = new Ground()
    await ground.append(12)
    await ground.writer().write(LONG)
    assert.equal(ground.archive.segments.size, 4)
    return ground.archive
  }
  const segment = (archive: MemoryArchive, number: number) => archive.segments.get(number) ?? assert.fail()

  for (const [what, change, code, number] of [
    ['missing', (archive) => archive.segments.delete(2), 'archive-gap', 2],
    ['missing at the beginning', (archive) => archive.segments.delete(1), 'archive-gap', 1],
    ['changed', (archive) => tamper(archive, 3), 'archive-changed', 3],
    [
      'swapped with another',
      (archive) => {
        const [two, three] = [segment(archive, 2), segment(archive, 3)]
        archive.segments.set(2, three).set(3, two)
      },
      'archive-changed',
      2,
    ],
    ['cut off', (archive) => archive.segments.set(4, segment(archive, 4).subarray(0, 40)), 'archive-unreadable', 4],
  ] as readonly (readonly [string, (archive: MemoryArchive) => unknown, string, number])[])
    it(`names a segment that is ${what}`, async () => {
      const archive = await full()
      change(archive)
      await assert.rejects(archived(archive), {
        code,
        message: new RegExp(`^segment ${number} of the archive of ordering`),
      })
    })

  it('names a segment that was rewritten with right roots, by the one after it', async () => {
    const archive = await full()
    const other = new Ground()
    await other.append(1)
    await other.log.append(EMPTY_STREAM, [receipt('order-9', 'k', 1)])
    await other.append(10)
    await other.writer().write(LONG)
    archive.segments.set(1, segment(other.archive, 1))
    await assert.rejects(archived(archive), { code: 'archive-broken', message: /^segment 2/ })
  })
})

function tamper(archive: MemoryArchive, number: number): void {
  const text = gunzipSync(archive.segments.get(number) ?? assert.fail()).toString()
  archive.segments.set(number, gzipSync(text.replace('OrderPlaced', 'OrderPlaced2')))
}

describe('the lag of an archive', () => {
  it('counts what is not archived, and how long the oldest of it has waited', async () => {
    const ground = new Ground()
    const lag = new ArchiveLag({ ...ground, service: SERVICE }, 300)
    const at = '2026-01-01T00:01:00.000Z'
    const none = { segments: 0, items: 0, more: false, seconds: 0, intervalSeconds: 300 }
    assert.deepEqual(await lag.read(at), none)
    await ground.append(1)
    assert.deepEqual(await lag.read(at), { ...none, items: 1, more: true, seconds: 60 })
    await ground.writer().write(LONG)
    assert.deepEqual(await lag.read(at), { ...none, segments: 1, newest: TIME })
  })
})

describe('the background runs of an archive', () => {
  /** A runner whose runs end when the test says so. */
  function started(newest?: (now: string) => string) {
    const clock = new ManualClock()
    const warned: string[] = []
    const ends: ((end: Error | boolean) => void)[] = []
    const writer = {
      newest: async () => newest?.(clock.now()),
      write: () =>
        new Promise<{ segments: number; items: number; atEnd: boolean }>((resolve, reject) => {
          ends.push((end) => (end instanceof Error ? reject(end) : resolve({ segments: 1, items: 1, atEnd: end })))
        }),
    }
    const runner = new ArchiveRunner({ writer, clock, intervalSeconds: 300, warn: (line) => warned.push(line) })
    /** Starts a run, and waits until it writes or has decided not to. */
    const start = async (): Promise<void> => {
      runner.start()
      await new Promise((resolve) => setImmediate(resolve))
    }
    return { clock, runner, start, ends, warned }
  }

  it('begin at once in a new process if nothing was archived for an interval', async () => {
    for (const newest of [undefined, (now: string) => new Date(Date.parse(now) - 300_000).toISOString()]) {
      const { start, ends } = started(newest)
      await start()
      assert.equal(ends.length, 1)
    }
  })

  it('begin in a new process after what is left of the interval, by whatever clock the newest item has', async () => {
    for (const [age, left] of [
      [100_000, 200_000],
      [-900_000, 300_000],
    ] as const) {
      const { clock, runner, start, ends } = started((now) => new Date(Date.parse(now) - age).toISOString())
      await start()
      assert.equal(ends.length, 0)
      await runner.close()
      await clock.wait(left - 1)
      await start()
      assert.equal(ends.length, 0)
      await clock.wait(1)
      await start()
      assert.equal(ends.length, 1)
    }
  })

  it('begin once an interval, never two at a time', async () => {
    const { clock, runner, start, ends } = started()
    await start()
    await clock.wait(400_000)
    await start()
    assert.equal(ends.length, 1)
    ends[0]?.(true)
    await runner.close()
    await start()
    assert.equal(ends.length, 2)
    ends[1]?.(true)
    await runner.close()
    await clock.wait(200_000)
    await start()
    assert.equal(ends.length, 2)
  })

  it('go on at once if a run did not reach the end', async () => {
    const { runner, start, ends } = started()
    await start()
    ends[0]?.(false)
    await runner.close()
    await start()
    assert.equal(ends.length, 2)
  })

  it('say why one failed and what to do, and try again', async () => {
    const { clock, runner, start, ends, warned } = started()
    await start()
    ends[0]?.(new TidemarkError('unavailable', 'the archive cannot be read'))
    await runner.close()
    assert.match(warned.join(), /the archive cannot be read.*next try is in 300 s/)
    await clock.wait(300_000)
    await start()
    assert.equal(ends.length, 2)
  })
})
