import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { InstanceProgress, ProgressStore } from '../../core/ports.ts'

const point = (sequence: number) => ({ sequence, time: `2026-01-01T00:00:00.${String(sequence).padStart(3, '0')}Z` })

function makeProgress(instance: string, sequence: number): InstanceProgress {
  return {
    instance,
    build: 'abc',
    handlers: ['a', 'b'],
    paused: sequence > 5 ? ['b'] : [],
    partitions: new Map([
      [
        '0',
        new Map([
          ['a', point(sequence)],
          ['b', point(sequence)],
          ['old', point(1)],
        ]),
      ],
      ['11', new Map([['a', point(7)]])],
    ]),
  }
}

/**
 * The contract of every progress store. @param create a store for another consumer with each call, in the
 * same container.
 */
export function progressSuite(name: string, create: () => Promise<ProgressStore>): void {
  describe(`progress: ${name}`, () => {
    it('is absent for a consumer that never wrote any', async () => {
      const progress = await create()
      assert.deepEqual(await progress.read(), [])
    })

    it('is read as any instance wrote it, with its age', async () => {
      const progress = await create()
      await progress.write(makeProgress('one', 5))
      await progress.write(makeProgress('two', 6))
      const items = [...(await progress.read())].sort((a, b) => (a.instance < b.instance ? -1 : 1))
      assert.deepEqual(
        items.map(({ age, ...item }) => item),
        [makeProgress('one', 5), makeProgress('two', 6)],
      )
      for (const { age } of items) assert.ok(age >= -1 && age < 600, `${age} s`)
    })

    it('can be overwritten by its instance, and removed twice', async () => {
      const progress = await create()
      await progress.write(makeProgress('one', 5))
      await progress.write(makeProgress('one', 9))
      assert.equal((await progress.read())[0]?.partitions.get('0')?.get('a')?.sequence, 9)
      await progress.remove('one')
      await progress.remove('one')
      assert.deepEqual(await progress.read(), [])
    })

    it('is separate for each consumer', async () => {
      const [one, other] = [await create(), await create()]
      await one.write(makeProgress('one', 5))
      assert.deepEqual(await other.read(), [])
    })
  })
}
