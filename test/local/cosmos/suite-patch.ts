import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { PatchRequestBody } from '@azure/cosmos'
import type { CosmosTarget } from './support.ts'
import { docsOf, newContainer, raw, refusalOf } from './support.ts'

/** https://learn.microsoft.com/azure/cosmos-db/partial-document-update */
export function patches(target: () => CosmosTarget): void {
  test('a patch that cannot be applied is refused with 400, and nothing of it is kept', async (t) => {
    const container = await newContainer(t, target())
    const { resource } = await container.items.create({ id: '1', pk: 'a', list: [1], text: 'x' })
    const path = `${docsOf(container)}/1`
    const set = { op: 'set', path: '/n', value: 1 }
    const refused: readonly unknown[] = [
      [set, { op: 'move', from: '/text', path: '/other' }],
      [set, { op: 'replace', path: '/none', value: 1 }],
      [set, { op: 'remove', path: '/none' }],
      [set, { op: 'set', path: '/none/deeper', value: 1 }],
      [set, { op: 'set', path: '/__proto__/polluted', value: 1 }],
      [set, { op: 'set', path: '/constructor/prototype/polluted', value: 1 }],
      [set, { op: 'remove', path: '/toString' }],
      [set, { op: 'incr', path: '/text', value: 1 }],
      [set, { op: 'set', path: '/list/0x0', value: 1 }],
      [set, { op: 'set', path: '/list/', value: 1 }],
      [set, { op: 'set', path: '/list/7', value: 1 }],
      [set, { op: 'set', path: '/list/length', value: 1 }],
      [set, { op: 'set', path: '/n' }],
      [set, { op: 'set', path: 'n', value: 1 }],
      [set, { op: 'set', path: '/id', value: '2' }],
      [set, { op: 'set', path: '/pk', value: 'b' }],
      [set, { op: 'set', path: '/_etag', value: 'mine' }],
      [set, null],
      [],
      {},
      null,
      Array(11).fill(set),
      { operations: [set], condition: 'FROM c WHERE c.n = 1' },
    ]
    for (const body of refused) {
      const key = { 'x-ms-documentdb-partitionkey': '["a"]' }
      const { status, text } = await raw(target(), 'PATCH', path, key, JSON.stringify(body))
      assert.equal(status, 400, `${JSON.stringify(body)}: ${text}`)
    }
    assert.equal((await refusalOf(container.item('1', 'a').patch([]))).code, 400)
    assert.deepEqual((await container.item('1', 'a').read()).resource, resource)
  })

  test('a patch sets, adds, replaces, removes and increments, in order', async (t) => {
    const container = await newContainer(t, target())
    await container.items.create({ id: '1', pk: 'a', list: [1, 3], gone: 1, deep: { n: 1 }, 'a/b~': 1 })
    const operations: PatchRequestBody = [
      { op: 'add', path: '/list/1', value: 2 },
      { op: 'add', path: '/list/-', value: 4 },
      { op: 'set', path: '/list/0', value: 0 },
      { op: 'remove', path: '/list/3' },
      { op: 'remove', path: '/gone' },
      { op: 'incr', path: '/deep/n', value: 2.5 },
      { op: 'incr', path: '/fresh', value: 7 },
      { op: 'replace', path: '/a~1b~0', value: 2 },
      { op: 'set', path: '/__proto__', value: { own: true } },
    ]
    await container.item('1', 'a').patch(operations)
    const path = `${docsOf(container)}/1`
    const { text } = await raw(target(), 'GET', path, { 'x-ms-documentdb-partitionkey': '["a"]' })
    assert.match(
      text,
      /^\{"id":"1","pk":"a","list":\[0,2,3\],"deep":\{"n":3.5\},"a\/b~":2,"fresh":7,"__proto__":\{"own":true\},"_rid"/,
    )
  })
}
