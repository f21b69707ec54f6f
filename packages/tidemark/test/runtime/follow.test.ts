import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { toCloudEvent } from '../../core/cloud-event.ts'
import { TidemarkError } from '../../core/errors.ts'
import type { RecordedEvent } from '../../core/event.ts'
import type { HubMessage } from '../../core/ports.ts'
import { MemoryProgress } from '../../memory/progress.ts'
import type { Handler } from '../../runtime/consume.ts'
import { Follower } from '../../runtime/follow.ts'
import { placedV1 } from '../domain/orders.ts'
import { ManualClock } from '../support/fakes.ts'
import { MemoryHub } from '../support/memory-hub.ts'
import { recorded } from '../support/recorded.ts'

const P = '0'
const MINUTE_MS = 60_000
/** Later than the time for which a read of the progress is shared. */
const LATER_MS = 2_000
const events = recorded('order-1', ...Array.from({ length: 40 }, () => placedV1))

/** A handler that records the versions it received. */
class Noting implements Handler {
  readonly names: readonly string[]
  readonly category = 'order'
  readonly startsAt: 'first' | 'now'
  readonly seen: number[] = []
  forgets = 0
  fails = 0
  /** The version at which it fails once. */
  failsAt: number | undefined

  constructor(name: string, startsAt: 'first' | 'now' = 'first') {
    this.names = [name]
    this.startsAt = startsAt
  }

  async handle(batch: readonly RecordedEvent[]): Promise<void> {
    if (this.fails > 0) {
      this.fails -= 1
      throw new TidemarkError('unavailable', 'not now')
    }
    if (batch.some(({ version }) => version === this.failsAt)) {
      this.failsAt = undefined
      throw new TidemarkError('unavailable', 'not now')
    }
    this.seen.push(...batch.map(({ version }) => version))
  }

  forget(): void {
    this.forgets += 1
  }
}

function setUp() {
  const clock = new ManualClock()
  const hub = new MemoryHub([P])
  const progress = new MemoryProgress(() => clock.elapsed())
  const lines: string[] = []
  let instances = 0
  let sent = 0
  const trace = (line: string, level: string): number => lines.push(`${level}: ${line}`)
  return {
    clock,
    hub,
    progress,
    lines,
    /** Sends `count` events to the hub. */
    send: (count: number): void => {
      hub.send(P, ...events.slice(sent, sent + count).map(toCloudEvent))
      sent += count
    },
    /** Starts a process with these handlers. */
    start: (...handlers: readonly Handler[]) => {
      instances += 1
      const instance = `instance-${instances}`
      const deps = { consumer: 'shop-reactions-ordering', hubName: 'ordering', build: 'b', instance }
      const follower = new Follower({ ...deps, hub, handlers, progress, clock, lagCheckMs: MINUTE_MS })
      return {
        follower,
        /** Delivers the messages of this range in one batch, as a trigger does. */
        deliver: async (from: number, to: number): Promise<void> => {
          const batch = hub.all(P).filter(({ sequence }) => sequence >= from && sequence <= to)
          const [first, last] = [batch[0], batch.at(-1)]
          assert.ok(first && last, 'a batch has a message')
          const messages = batch.map(({ body }) => body)
          await follower.deliver({ partition: P, messages, first, last }, trace)
        },
        checkLag: () => follower.checkLag(trace),
      }
    },
  }
}

const versions = (from: number, to: number): number[] => Array.from({ length: to - from + 1 }, (_, n) => from + n)

describe('a consumer that follows a hub', () => {
  it('reads no progress when a batch continues or repeats the one before', async () => {
    const { send, start, progress, lines } = setUp()
    send(6)
    const handler = new Noting('a')
    const { deliver } = start(handler)
    await deliver(0, 1)
    let reads = 0
    progress.read = async () => {
      reads += 1
      return []
    }
    await deliver(2, 3)
    await deliver(2, 5)
    assert.deepEqual([handler.seen, reads, handler.forgets], [[1, 2, 3, 4, 3, 4, 5, 6], 0, 1])
    assert.deepEqual(lines, [])
  })

  it('handles skipped messages from the hub before a batch, and logs one line', async () => {
    const { send, start, lines } = setUp()
    send(10)
    const first = start(new Noting('a'))
    await first.deliver(0, 1)
    await first.follower.close()
    const handler = new Noting('a')
    await start(handler).deliver(6, 7)
    assert.deepEqual(handler.seen, versions(3, 8))
    assert.equal(lines.length, 1)
    assert.match(
      lines[0] ?? '',
      /^warn: shop-reactions-ordering: partition 0 of ordering: nobody is known to have handled 2 to 5, so they are read from the hub/,
    )
  })

  it('handles messages that its own process skipped, after a checkpoint was moved ahead', async () => {
    const { send, start, lines } = setUp()
    send(10)
    const handler = new Noting('a')
    const { deliver } = start(handler)
    await deliver(0, 1)
    await deliver(6, 7)
    assert.deepEqual([handler.seen, handler.forgets, lines.length], [versions(1, 8), 2, 1])
  })

  it('continues where another instance was, and reads no handled message again', async () => {
    const { send, start, hub, lines, clock } = setUp()
    send(10)
    const [one, other] = [start(new Noting('a')), start(new Noting('a'))]
    await one.deliver(0, 1)
    await one.follower.close()
    await other.deliver(2, 5)
    await other.follower.close()
    await clock.wait(LATER_MS)
    await one.deliver(6, 7)
    assert.deepEqual([hub.handedOut, lines], [0, []])
  })

  it('reports a loss when the hub has dropped unread messages, and the time to republish from', async () => {
    const { send, start, hub, lines } = setUp()
    send(10)
    const time = hub.all(P)[1]?.time
    const handler = new Noting('a')
    const { deliver } = start(handler)
    await deliver(0, 1)
    hub.expire(P, 5)
    await deliver(7, 8)
    assert.deepEqual(handler.seen, [1, 2, ...versions(6, 9)])
    assert.equal(lines.length, 2)
    assert.ok(lines[0]?.startsWith('error: '), lines[0])
    assert.match(lines[0] ?? '', /events-missing: the hub has dropped 3 messages that were unread/)
    assert.ok(lines[0]?.endsWith(`npm run republish -- ordering --since ${time}`), lines[0])
  })

  for (const [what, before, seen] of [
    ['the first of them', 4, versions(5, 9)],
    ['all of them', 7, [8, 9]],
  ] as const)
    it(`reports a loss when unread messages expire while it reads: ${what}`, async () => {
      const { send, start, hub, lines } = setUp()
      send(10)
      const time = hub.all(P)[1]?.time
      const handler = new Noting('a')
      const { deliver } = start(handler)
      await deliver(0, 1)
      let reads = 0
      hub.beforeRead = () => {
        reads += 1
        // The first read checks that the hub is still the same one.
        if (reads === 2) hub.expire(P, before)
      }
      await deliver(7, 8)
      assert.deepEqual(handler.seen, [1, 2, ...seen])
      const lostLines = lines.filter((line) => line.includes('events-missing'))
      assert.equal(lostLines.length, 1, lines.join())
      assert.match(lostLines[0] ?? '', new RegExp(`the hub has dropped ${before - 2} messages that were unread`))
      assert.ok(lostLines[0]?.endsWith(`npm run republish -- ordering --since ${time}`), lostLines[0])
    })

  it('reports a loss when the rest expires under a reader that started without progress', async () => {
    const { send, start, hub, lines, clock } = setUp()
    send(10)
    const [first] = hub.all(P)
    const handler = new Noting('a')
    const handle = handler.handle.bind(handler)
    handler.handle = (batch) => {
      hub.expire(P, 8)
      return handle(batch)
    }
    const { checkLag } = start(handler)
    await checkLag()
    await clock.wait(MINUTE_MS)
    await checkLag()
    assert.deepEqual(handler.seen, [1, 9, 10])
    const lostLines = lines.filter((line) => line.includes('events-missing'))
    assert.equal(lostLines.length, 1, lines.join())
    assert.match(lostLines[0] ?? '', /the hub has dropped 7 messages that were unread/)
    assert.ok(lostLines[0]?.endsWith(`npm run republish -- ordering --since ${first?.time}`), lostLines[0])
  })

  it('notices a recreated hub, handles all its messages, and says what may be lost', async () => {
    const { send, start, hub, lines } = setUp()
    send(10)
    const handler = new Noting('a')
    const { deliver } = start(handler)
    await deliver(0, 5)
    hub.remake()
    send(4)
    await deliver(2, 3)
    assert.deepEqual(handler.seen, [...versions(1, 6), ...versions(11, 14)])
    assert.equal(lines.length, 1)
    assert.match(lines[0] ?? '', /^error: .* events-missing: the hub was recreated/)
    send(2)
    await deliver(4, 5)
    assert.deepEqual([handler.seen.slice(-2), lines.length], [[15, 16], 1])
  })

  it('notices a recreated hub that has grown beyond the old one', async () => {
    const { send, start, hub, lines } = setUp()
    send(4)
    const handler = new Noting('a')
    const { deliver } = start(handler)
    await deliver(0, 3)
    hub.remake()
    send(10)
    await deliver(8, 9)
    assert.deepEqual(handler.seen, versions(1, 14))
    assert.match(lines[0] ?? '', /the hub was recreated/)
  })

  it('notices at its start a recreated hub whose messages seem to continue the old ones', async () => {
    const { send, start, hub, lines } = setUp()
    send(4)
    const before = start(new Noting('a'))
    await before.deliver(0, 3)
    await before.follower.close()
    hub.remake()
    send(8)
    const handler = new Noting('a')
    await start(handler).deliver(4, 7)
    assert.deepEqual([handler.seen, lines.length], [versions(5, 12), 1])
    assert.match(lines[0] ?? '', /the hub was recreated/)
  })

  it('does not mistake differing clocks for a recreated hub while the handled message still exists', async () => {
    const { send, start, hub, lines } = setUp()
    send(3)
    const [, second, third] = hub.all(P) as [HubMessage, HubMessage, HubMessage]
    const handler = new Noting('a')
    const { deliver, follower } = start(handler)
    await deliver(0, 2)
    const ahead = { ...second, time: new Date(Date.parse(third.time) + 50).toISOString() }
    await follower.deliver({ partition: P, messages: [second.body], first: ahead, last: ahead }, (line) => {
      lines.push(line)
    })
    assert.deepEqual([lines, hub.handedOut], [[], 1])
  })

  for (const what of ['messages', 'messages that the hub has dropped'])
    it(`closes a gap of ${what} before a failed batch only once`, async () => {
      const { send, start, hub } = setUp()
      send(10)
      const isDropped = what !== 'messages'
      const handler = new Noting('a')
      const { deliver } = start(handler)
      await deliver(0, 1)
      await deliver(4, 5)
      if (isDropped) hub.expire(P, 8)
      // Not the messages of the gap, which are handled first.
      handler.failsAt = 10
      await assert.rejects(deliver(8, 9), { code: 'unavailable' })
      const closed = [hub.handedOut, handler.forgets]
      await deliver(8, 9)
      assert.deepEqual([hub.handedOut, handler.forgets], closed)
      assert.deepEqual(handler.seen, [...versions(1, isDropped ? 6 : 8), 9, 10])
    })

  it('starts with the first message without progress, even if the checkpoint is beyond it', async () => {
    const { send, start } = setUp()
    send(6)
    const handler = new Noting('a', 'now')
    await start(handler).deliver(3, 4)
    assert.deepEqual(handler.seen, versions(1, 5))
  })

  for (const [startsAt, expected] of [
    ['first', versions(1, 6)],
    ['now', versions(5, 6)],
  ] as const)
    it(`starts a new handler where it says: ${startsAt}`, async () => {
      const { send, start } = setUp()
      send(6)
      const old = start(new Noting('a'))
      await old.deliver(0, 3)
      await old.follower.close()
      const [known, added] = [new Noting('a'), new Noting('b', startsAt)]
      await start(known, added).deliver(4, 5)
      assert.deepEqual([known.seen, added.seen], [[5, 6], expected])
    })

  it('gives a new handler what an older instance handles during a rolling deployment', async () => {
    const { send, start, lines, clock } = setUp()
    send(8)
    const [old, known, added] = [start(new Noting('a')), new Noting('a'), new Noting('b', 'now')]
    const newer = start(known, added)
    await newer.deliver(0, 1)
    await old.deliver(2, 5)
    await old.follower.close()
    await clock.wait(LATER_MS)
    await newer.deliver(6, 7)
    assert.deepEqual([known.seen, added.seen], [[1, 2, 7, 8], versions(1, 8)])
    assert.equal(lines.length, 1)
  })

  it('continues where a new handler stopped when its start was interrupted', async () => {
    const { send, start, hub, progress } = setUp()
    send(8)
    const old = start(new Noting('a'))
    await old.deliver(0, 5)
    await old.follower.close()
    const added = new Noting('b')
    const dying = start(new Noting('a'), added)
    const { handle } = added
    let handled = 0
    added.handle = async (batch) => {
      handled += 1
      if (handled > 3) throw new TidemarkError('unavailable', 'the process ends')
      return handle.call(added, batch)
    }
    await assert.rejects(dying.deliver(6, 7))
    await dying.follower.close()
    const before = hub.handedOut
    const again = new Noting('b')
    await start(new Noting('a'), again).deliver(6, 7)
    assert.deepEqual(again.seen, versions(4, 8))
    assert.equal(hub.handedOut - before, 4, 'the message of its progress, and the three after it')
    assert.ok((await progress.read()).length > 0)
  })

  it('takes over the progress of instances that have ended, and removes their items', async () => {
    const { send, start, progress, clock } = setUp()
    send(4)
    const old = start(new Noting('a'))
    await old.deliver(0, 1)
    await old.follower.close()
    await clock.wait(10 * MINUTE_MS)
    const next = start(new Noting('a'))
    await next.deliver(2, 3)
    await next.follower.close()
    const items = await progress.read()
    assert.deepEqual(
      items.map(({ instance }) => instance),
      ['instance-2'],
    )
  })

  it('logs once that its progress could not be written, and writes it with the next batch', async () => {
    const { send, start, progress, lines } = setUp()
    send(4)
    const { deliver, follower } = start(new Noting('a'))
    const write = progress.write.bind(progress)
    progress.write = () => Promise.reject(new TidemarkError('unavailable', 'not now'))
    await deliver(0, 1)
    await follower.close()
    progress.write = write
    await deliver(2, 3)
    await follower.close()
    assert.deepEqual(lines, ['warn: the progress could not be written, and is written with the next batch: not now'])
    assert.equal((await progress.read())[0]?.partitions.get(P)?.get('a')?.sequence, 3)
  })

  describe('whose trigger delivers nothing', () => {
    it('handles the remaining messages once the partition has stalled, and logs it', async () => {
      const { send, start, clock, lines } = setUp()
      send(3)
      const handler = new Noting('a')
      const { deliver, checkLag } = start(handler)
      await deliver(0, 2)
      send(4)
      await checkLag()
      await clock.wait(MINUTE_MS)
      await checkLag()
      assert.deepEqual([handler.seen, lines.length], [versions(1, 7), 1])
      await clock.wait(MINUTE_MS)
      await checkLag()
      assert.equal(handler.seen.length, 7)
    })

    it('leaves a partition alone while it moves, is at its end, or is being handled', async () => {
      const { send, start, clock, hub } = setUp()
      send(3)
      const handler = new Noting('a')
      const { deliver, checkLag } = start(handler)
      await deliver(0, 0)
      for (let n = 1; n < 3; n += 1) {
        await checkLag()
        await clock.wait(MINUTE_MS)
        await deliver(n, n)
      }
      await checkLag()
      await clock.wait(MINUTE_MS)
      await checkLag()
      assert.deepEqual([handler.seen, hub.handedOut], [[1, 2, 3], 0])
    })

    it('waits for another reader of the partition, and handles nothing twice', async () => {
      const { send, start, clock, hub } = setUp()
      send(8)
      const handler = new Noting('a')
      const { deliver, checkLag } = start(handler)
      await deliver(0, 1)
      await checkLag()
      await clock.wait(MINUTE_MS)
      await Promise.all([checkLag(), deliver(6, 7), deliver(6, 7)])
      assert.deepEqual(new Set(handler.seen), new Set(versions(1, 8)))
      assert.ok(hub.handedOut <= 8, `${hub.handedOut} messages`)
    })

    it('notices a recreated hub with fewer messages than its checkpoint', async () => {
      const { send, start, hub, clock, lines } = setUp()
      send(6)
      const handler = new Noting('a')
      const { deliver, checkLag } = start(handler)
      await deliver(0, 5)
      hub.remake()
      send(3)
      await checkLag()
      await clock.wait(MINUTE_MS)
      await checkLag()
      assert.deepEqual(handler.seen, versions(1, 9))
      assert.match(lines[0] ?? '', /events-missing: the hub was recreated/)
    })

    it('notices a recreated hub whose messages seem to continue the old ones while it was active', async () => {
      const { send, start, hub, clock, lines } = setUp()
      send(4)
      const { deliver, checkLag } = start(new Noting('a'))
      await deliver(0, 3)
      const time = hub.all(P)[3]?.time
      await checkLag()
      hub.remake()
      send(8)
      await clock.wait(LATER_MS)
      await deliver(4, 7)
      for (let n = 0; n < 3; n += 1) {
        await checkLag()
        await clock.wait(MINUTE_MS)
      }
      assert.equal(lines.length, 1)
      assert.match(lines[0] ?? '', /the hub was recreated/)
      assert.ok(lines[0]?.endsWith(`--since ${time}`), lines[0])
    })

    it('never requests a sequence number that the hub has not reached', async () => {
      const { send, start, hub, clock } = setUp()
      send(6)
      const { deliver, checkLag } = start(new Noting('a'))
      await deliver(0, 5)
      hub.remake()
      send(3)
      const { read } = MemoryHub.prototype
      hub.read = (partition, from, to) => {
        assert.ok(from < 3, `asked for ${from}`)
        return read.call(hub, partition, from, to)
      }
      await checkLag()
      await clock.wait(MINUTE_MS)
      await checkLag()
    })

    for (const [startsAt, expected] of [
      ['first', versions(1, 4)],
      ['now', []],
    ] as const)
      it(`lets a new handler start where it says: ${startsAt}`, async () => {
        const { send, start, clock, lines } = setUp()
        send(4)
        const old = start(new Noting('a'))
        await old.deliver(0, 3)
        await old.follower.close()
        const [known, added] = [new Noting('a'), new Noting('b', startsAt)]
        const { checkLag } = start(known, added)
        for (let n = 0; n < 3; n += 1) {
          await checkLag()
          await clock.wait(MINUTE_MS)
        }
        assert.deepEqual([known.seen, added.seen, lines], [[], expected, []])
      })

    it('logs once that all unread messages are gone', async () => {
      const { send, start, hub, clock, lines } = setUp()
      send(6)
      const { deliver, checkLag } = start(new Noting('a'))
      await deliver(0, 2)
      hub.expire(P, 6)
      for (let n = 0; n < 4; n += 1) {
        await checkLag()
        await clock.wait(MINUTE_MS)
      }
      assert.equal(lines.length, 1)
      assert.match(lines[0] ?? '', /events-missing/)
    })

    it('handles a bounded number of messages in each check, and the rest in the following ones', async () => {
      const { start, hub, clock, progress } = setUp()
      const message = toCloudEvent(events[0] ?? assert.fail())
      hub.send(P, ...Array.from({ length: 1_500 }, () => message))
      const handler = new Noting('a')
      const { checkLag, follower } = start(handler)
      await checkLag()
      await clock.wait(MINUTE_MS)
      await checkLag()
      assert.equal(handler.seen.length, 1_000)
      await clock.wait(MINUTE_MS)
      await checkLag()
      assert.equal(handler.seen.length, 1_500)
      await follower.close()
      const [last] = hub.all(P).slice(-1)
      const { sequence, time } = last ?? assert.fail()
      assert.deepEqual((await progress.read())[0]?.partitions.get(P)?.get('a'), { sequence, time })
    })

    it('starts a new handler in a quiet partition, so that it misses no later event', async () => {
      const { send, start, clock } = setUp()
      send(8)
      const old = start(new Noting('a'))
      await old.deliver(0, 3)
      await old.follower.close()
      const added = new Noting('b', 'now')
      const newer = start(new Noting('a'), added)
      await newer.checkLag()
      await old.deliver(4, 5)
      await old.follower.close()
      await clock.wait(LATER_MS)
      await newer.deliver(6, 7)
      assert.deepEqual(added.seen, versions(5, 8))
    })

    it('handles all messages of the hub without progress, wherever its handlers start', async () => {
      const { send, start, clock } = setUp()
      send(4)
      const handler = new Noting('a', 'now')
      const { checkLag } = start(handler)
      for (let n = 0; n < 3; n += 1) {
        await checkLag()
        await clock.wait(MINUTE_MS)
      }
      assert.deepEqual(handler.seen, versions(1, 4))
    })
  })

  it("a follower's handlers miss no message, for any deliveries, crashes and lost progress", async () => {
    const step = fc.oneof(
      {
        weight: 4,
        arbitrary: fc.record({
          do: fc.constant('deliver' as const),
          who: fc.nat(2),
          skip: fc.nat(3),
          size: fc.integer({ min: 1, max: 4 }),
        }),
      },
      { weight: 2, arbitrary: fc.record({ do: fc.constant('redeliver' as const), who: fc.nat(2), back: fc.nat(6) }) },
      { weight: 1, arbitrary: fc.record({ do: fc.constant('crash' as const), who: fc.nat(2) }) },
      { weight: 1, arbitrary: fc.record({ do: fc.constant('flush' as const), who: fc.nat(2) }) },
      { weight: 1, arbitrary: fc.record({ do: fc.constant('lose' as const) }) },
      { weight: 1, arbitrary: fc.record({ do: fc.constant('check' as const), who: fc.nat(2) }) },
    )
    let skipped = 0
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 25 }), async (steps) => {
        const { send, start, hub, progress, clock } = setUp()
        send(40)
        const seen = new Set<number>()
        const boot = () => {
          const handler = new Noting('a')
          const process = start(handler)
          const note = async (task: Promise<unknown>): Promise<void> => {
            await task
            for (const version of handler.seen.splice(0)) seen.add(version)
          }
          return { ...process, note }
        }
        const hosts = [boot(), boot(), boot()]
        // The next message that a trigger delivers; a moved checkpoint moves it too.
        let next = 0
        for (const each of steps) {
          const host = 'who' in each ? (hosts[each.who] ?? assert.fail()) : undefined
          if (each.do === 'deliver' && next + each.skip < 40) {
            skipped += each.skip
            const last = Math.min(39, next + each.skip + each.size - 1)
            await host?.note(host.deliver(next + each.skip, last))
            next = last + 1
          } else if (each.do === 'redeliver' && next > 0)
            await host?.note(host.deliver(Math.max(0, next - 1 - each.back), next - 1))
          else if (each.do === 'crash') hosts[each.who] = boot()
          else if (each.do === 'flush') await host?.follower.close()
          // Only the stored items are lost. The running processes still know their own progress.
          else if (each.do === 'lose') progress.clear()
          else if (each.do === 'check') {
            await host?.note(host.checkLag())
            await clock.wait(MINUTE_MS)
          }
          assert.deepEqual(
            hub
              .all(P)
              .slice(0, next)
              .map(({ sequence }) => sequence + 1)
              .filter((version) => !seen.has(version)),
            [],
          )
        }
      }),
      { numRuns: 300 },
    )
    assert.ok(skipped > 100, `${skipped} messages were skipped by triggers`)
  })
})
