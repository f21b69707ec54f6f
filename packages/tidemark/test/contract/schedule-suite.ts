import assert from 'node:assert/strict'
import { describe, it, type TestContext } from 'node:test'
import { until } from '../../../test-support/wait.ts'
import type { Schedule, ScheduleBrowser, ScheduledCommand } from '../../core/ports.ts'

/** A schedule, and the clock of its store. */
export interface ScheduleUnderTest {
  readonly schedule: Schedule & ScheduleBrowser
  /** The store's time, in milliseconds since 1970. */
  now(): Promise<number>
  /** Advances the store's time, if it does not advance on its own. */
  pass(milliseconds: number): void
}

const MINUTE = 60_000
const HOUR = 60 * MINUTE

function scheduledAt(key: string, dueAt: number, data: unknown = {}): ScheduledCommand {
  const metadata = { actor: 'tester', correlation: 'c', causation: 'order-1@1' }
  return { stream: 'order-1', key, due: new Date(dueAt).toISOString(), command: { type: 'cancel', data }, metadata }
}

async function readDue(schedule: Schedule, size = 10): Promise<ScheduledCommand[]> {
  const all: ScheduledCommand[] = []
  for await (const page of schedule.due(size)) {
    assert.ok(page.length > 0 && page.length <= size, `a page of ${page.length}`)
    all.push(...page)
  }
  return all
}

const listKeys = (commands: readonly ScheduledCommand[]): string[] => commands.map(({ key }) => key)

/** Sets the machine's clock off by this much, and stops it. */
function hostIsOff(t: TestContext, milliseconds: number): void {
  t.mock.timers.enable({ apis: ['Date'], now: Date.now() + milliseconds })
}

/** The contract of every schedule. @param create an empty schedule with each call. */
export function scheduleSuite(name: string, create: () => Promise<ScheduleUnderTest>): void {
  describe(`schedule: ${name}`, () => {
    it('does not fire early for a host whose clock is an hour fast', async (t) => {
      const { schedule, now } = await create()
      await schedule.add(scheduledAt('early', (await now()) + 30 * MINUTE))
      hostIsOff(t, HOUR)
      assert.deepEqual(await readDue(schedule), [])
    })

    it('fires on time for a host whose clock is an hour slow', async (t) => {
      const { schedule, now } = await create()
      await schedule.add(scheduledAt('late', (await now()) - 1))
      hostIsOff(t, -HOUR)
      assert.deepEqual(listKeys(await readDue(schedule)), ['late'])
    })

    it('returns a command once it is due, not before, and until it is removed', async () => {
      const { schedule, now, pass } = await create()
      const dueAt = (await now()) + 2_000
      const command = scheduledAt('a', dueAt)
      await schedule.add(command)
      const seen = await until(
        'the command to be due',
        async () => {
          const due = await readDue(schedule)
          // `now` is read after the query: before `dueAt`, no answer may hold the command.
          if ((await now()) < dueAt) assert.deepEqual(due, [])
          pass(500)
          return due
        },
        (due) => due.length > 0,
      )
      assert.deepEqual(seen, [command])
      assert.deepEqual(await readDue(schedule), [command])
      await schedule.remove(command)
      assert.deepEqual(await readDue(schedule), [])
      await schedule.remove(command)
    })

    it('lists waiting commands by page, due or not, the earliest first, also with equal times', async () => {
      const { schedule, now } = await create()
      const from = (await now()) - HOUR
      const times = [0, 1, 1, 1, 1, 1, 2, 2, 3]
      for (const [index, late] of times.toReversed().entries())
        await schedule.add(scheduledAt(`k${index}`, from + late * HOUR))
      const found: ScheduledCommand[] = []
      let pages = 0
      for (let continuation: string | undefined, isMore = true; isMore; pages += 1) {
        const page = await schedule.list(2, continuation)
        assert.ok(page.commands.length <= 2)
        found.push(...page.commands)
        continuation = page.continuation
        isMore = continuation !== undefined
      }
      assert.equal(pages, 5)
      assert.deepEqual(listKeys(found).toSorted(), times.map((_, index) => `k${index}`).sort())
      const dues = found.map(({ due }) => due)
      assert.deepEqual(dues, dues.toSorted())
      assert.deepEqual(await (await create()).schedule.list(2), { commands: [] })
      for (const made of ['x', '-1', '1:2:3']) await assert.rejects(schedule.list(2, made), { code: 'invalid-query' })
    })

    it('ignores a second addition, and keeps other streams and keys apart', async () => {
      const { schedule, now } = await create()
      const past = (await now()) - HOUR
      await schedule.add(scheduledAt('a', past))
      await schedule.add(scheduledAt('a', past - 1, { reason: 'again' }))
      await schedule.add({ ...scheduledAt('a', past), stream: 'order-2' })
      await schedule.add(scheduledAt('b c', past))
      const due = await readDue(schedule)
      assert.deepEqual(due.map(({ stream, key }) => `${stream} ${key}`).sort(), [
        'order-1 a',
        'order-1 b c',
        'order-2 a',
      ])
      assert.deepEqual(due.find(({ stream, key }) => stream === 'order-1' && key === 'a')?.command.data, {})
    })

    it('returns each due command once, the earliest first, also with equal times', async () => {
      const { schedule, now } = await create()
      const past = (await now()) - HOUR
      for (const [key, after] of [
        ['c', 3],
        ['a', 1],
        ['b1', 2],
        ['b2', 2],
        ['b3', 2],
        ['late', 2 * HOUR],
      ] as const)
        await schedule.add(scheduledAt(key, past + after))
      const pages = async (each: (page: readonly ScheduledCommand[]) => Promise<void>): Promise<void> => {
        const seen: string[] = []
        for await (const page of schedule.due(2)) {
          assert.ok(page.length > 0 && page.length <= 2)
          seen.push(...listKeys(page))
          await each(page)
        }
        assert.deepEqual([seen[0], seen.slice(1, 4).sort(), seen.slice(4)], ['a', ['b1', 'b2', 'b3'], ['c']])
      }
      // First, no command is removed, and the next page still follows. Then each is removed once handled.
      await pages(async () => {})
      await pages(async (page) => {
        for (const command of page) await schedule.remove(command)
      })
      assert.deepEqual(await readDue(schedule), [])
    })
  })
}
