import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { recentlyWritten } from '../../runtime/recently-written.ts'

describe('the cache of recently written documents', () => {
  it('is bounded in entries, and evicts the least recently used first', () => {
    const memory = recentlyWritten<{ n: number }>(2)
    memory.set('a', { n: 1 }).set('b', { n: 2 })
    memory.get('a')
    memory.set('c', { n: 3 })
    assert.deepEqual(
      ['a', 'b', 'c'].map((key) => memory.get(key)?.n),
      [1, undefined, 3],
    )
  })

  it('is bounded in bytes, so that large documents do not fill the memory', () => {
    const memory = recentlyWritten<{ text: string }>(5_000)
    for (let index = 0; index < 100; index += 1) memory.set(String(index), { text: 'x'.repeat(1024 * 1024) })
    assert.ok(memory.size > 0 && memory.size <= 64, String(memory.size))
    assert.ok(memory.get('99'))
  })
})
