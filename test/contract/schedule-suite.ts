import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Schedule, ScheduledCommand } from '../../src/core/ports.ts'

const at = (second: number): string => new Date(Date.UTC(2026, 0, 1, 0, 0, second)).toISOString()

function scheduled(key: string, second: number, data: unknown = {}): ScheduledCommand {
  const metadata = { actor: 'tester', correlation: 'c', causation: 'order-1@1' }
  return { stream: 'order-1', key, due: at(second), command: { type: 'cancel', data }, metadata }
}

const keysOf = (commands: readonly ScheduledCommand[]): string[] => commands.map(({ key }) => key)

/** What all schedules must do. @param create an empty one with every call. */
export function scheduleSuite(name: string, create: () => Promise<Schedule>): void {
  describe(`schedule: ${name}`, () => {
    it('a command is due from its moment on, not before, and stays until it is removed', async () => {
      const schedule = await create()
      await schedule.add(scheduled('a', 10))
      assert.deepEqual(await schedule.due(at(9), 10), [])
      assert.deepEqual(await schedule.due(at(10), 10), [scheduled('a', 10)])
      assert.deepEqual(await schedule.due(at(99), 10), [scheduled('a', 10)])
      await schedule.remove(scheduled('a', 10))
      assert.deepEqual(await schedule.due(at(99), 10), [])
      await schedule.remove(scheduled('a', 10))
    })

    it('one that is added again stays as it was, one of another stream or key is another', async () => {
      const schedule = await create()
      await schedule.add(scheduled('a', 10))
      await schedule.add(scheduled('a', 5, { reason: 'again' }))
      await schedule.add({ ...scheduled('a', 10), stream: 'order-2' })
      await schedule.add(scheduled('b c', 10))
      const due = await schedule.due(at(10), 10)
      assert.deepEqual(due.map(({ stream, key }) => `${stream} ${key}`).sort(), [
        'order-1 a',
        'order-1 b c',
        'order-2 a',
      ])
      assert.deepEqual(due.find(({ stream, key }) => stream === 'order-1' && key === 'a')?.command.data, {})
    })

    it('pages bring each once, the earliest first, those of one moment too', async () => {
      const schedule = await create()
      for (const [key, second] of [
        ['c', 3],
        ['a', 1],
        ['b1', 2],
        ['b2', 2],
        ['b3', 2],
        ['late', 9],
      ] as const)
        await schedule.add(scheduled(key, second))
      const pages = async (each: (page: readonly ScheduledCommand[]) => Promise<void>): Promise<void> => {
        const seen: string[] = []
        let page = await schedule.due(at(5), 2)
        for (; page.length > 0 && seen.length <= 5; page = await schedule.due(at(5), 2, page.at(-1))) {
          assert.ok(page.length <= 2)
          seen.push(...keysOf(page))
          await each(page)
        }
        assert.deepEqual([seen[0], seen.slice(1, 4).sort(), seen.slice(4)], ['a', ['b1', 'b2', 'b3'], ['c']])
      }
      // Those that failed stay, and the next page is behind them all the same; those that were sent are gone by then.
      await pages(async () => {})
      await pages(async (page) => {
        for (const command of page) await schedule.remove(command)
      })
      assert.deepEqual(keysOf(await schedule.due(at(9), 9)), ['late'])
    })
  })
}
