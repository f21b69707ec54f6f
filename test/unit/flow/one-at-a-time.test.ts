import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { oneAtATime } from '../../../src/flow/one-at-a-time.ts'

describe('one at a time', () => {
  it('tasks of one key follow one another, also after one that failed; those of another key do not wait', async () => {
    const inTurn = oneAtATime()
    const seen: string[] = []
    let open = (): void => {}
    const gate = new Promise<void>((resolve) => {
      open = resolve
    })
    const first = inTurn('a', async () => {
      await gate
      seen.push('first of a')
      throw new Error('it failed')
    })
    const second = inTurn('a', async () => {
      seen.push('second of a')
      return 2
    })
    await inTurn('b', async () => {
      seen.push('b')
    })
    open()
    await assert.rejects(first, /it failed/)
    assert.equal(await second, 2)
    assert.deepEqual(seen, ['b', 'first of a', 'second of a'])
  })
})
