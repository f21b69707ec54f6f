import assert from 'node:assert/strict'
import { describe, it, type TestContext } from 'node:test'
import { ItemIndex } from '../../restore/item-index.ts'

function openIndex(t: TestContext): ItemIndex {
  const index = new ItemIndex()
  t.after(() => index.close())
  return index
}

describe('the index of a restore', () => {
  it('keeps the first content of an item, and counts it once', (t) => {
    const index = openIndex(t)
    const contents = [index.add('a', 'first'), index.add('a', 'second'), index.add('b', 'other')]
    assert.deepEqual(contents, ['first', 'first', 'other'])
    assert.deepEqual([index.size, index.content('a'), index.content('c')], [2, 'first', undefined])
  })

  it('says once that an item was seen, and never of one that was not added', (t) => {
    const index = openIndex(t)
    index.add('a', 'content')
    assert.deepEqual([index.isSeen('a'), index.see('a'), index.see('a'), index.isSeen('a')], [false, true, false, true])
    assert.deepEqual([index.see('b'), index.isSeen('b')], [false, false])
  })

  it('knows the highest version of a stream, and its hash', (t) => {
    const index = openIndex(t)
    for (const version of [3, 7, 5]) index.reach('order-1', { version, hash: `of ${version}` })
    assert.deepEqual(index.end('order-1'), { version: 7, hash: 'of 7' })
    assert.deepEqual(index.end('order-2'), { version: 0, hash: '0'.repeat(64) })
  })
})
