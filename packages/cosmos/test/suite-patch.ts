import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { PatchRequestBody } from '@azure/cosmos'
import type { CosmosTarget } from './support.ts'
import { buildItemsPath, captureRefusal, newContainer, sendRaw } from './support.ts'

/** https://learn.microsoft.com/azure/cosmos-db/partial-document-update */
export function patches(target: () => CosmosTarget): void {
  test('a patch that cannot be applied is refused with 400, and nothing of it is stored', async (t) => {
    const container = await newContainer(t, target())
    const { resource } = await container.items.create({ id: '1', pk: 'a', list: [1], text: 'x' })
    const path = `${buildItemsPath(container)}/1`
    const set = { op: 'set', path: '/n', value: 1 }
    const refused: readonly unknown[] = [
      [set, { op: 'move', from: '/none', path: '/other' }],
      [set, { op: 'move', from: '/list', path: '/list/0' }],
      [set, { op: 'move', from: '/id', path: '/other' }],
      [set, { op: 'move', path: '/other' }],
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
      [set, { op: 'set', path: '/list/1', value: 1 }],
      [set, { op: 'replace', path: '/list/-', value: 1 }],
      [set, { op: 'remove', path: '/list/-' }],
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
      { operations: [set], condition: 7 },
      { operations: [set], condition: 'FROM c WHERE' },
      { operations: [set], condition: 'FROM c WHERE c.n = @n' },
    ]
    for (const body of refused) {
      const key = { 'x-ms-documentdb-partitionkey': '["a"]' }
      const { status, text } = await sendRaw(target(), 'PATCH', path, key, JSON.stringify(body))
      assert.equal(status, 400, `${JSON.stringify(body)}: ${text}`)
    }
    assert.equal((await captureRefusal(container.item('1', 'a').patch([]))).code, 400)
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
    const path = `${buildItemsPath(container)}/1`
    const { text } = await sendRaw(target(), 'GET', path, { 'x-ms-documentdb-partitionkey': '["a"]' })
    assert.match(
      text,
      /^\{"id":"1","pk":"a","list":\[0,2,3\],"deep":\{"n":3.5\},"a\/b~":2,"fresh":7,"__proto__":\{"own":true\},"_rid"/,
    )
  })

  test('a move takes the value along, into arrays too, and replaces what was there', async (t) => {
    const container = await newContainer(t, target())
    await container.items.create({ id: '1', pk: 'a', from: { n: 1 }, list: [1, 2], over: 0 })
    // The SDK's types do not have it: @azure/cosmos 4.10.1.
    const move = [
      { op: 'move', from: '/from/n', path: '/over' },
      { op: 'move', from: '/from', path: '/list/1' },
    ]
    await container.item('1', 'a').patch(move as unknown as PatchRequestBody)
    const { resource } = await container.item('1', 'a').read()
    assert.deepEqual([resource.over, resource.list, 'from' in resource], [1, [1, {}, 2], false])
  })

  test('a patch whose condition is not met is a 412 and changes nothing; otherwise it is applied', async (t) => {
    const container = await newContainer(t, target())
    await container.items.create({ id: '1', pk: 'a', n: 1 })
    const patch = (condition: string) =>
      container.item('1', 'a').patch({ operations: [{ op: 'incr', path: '/n', value: 1 }], condition })
    assert.equal((await captureRefusal(patch('FROM c WHERE c.n > 1'))).code, 412)
    assert.equal((await captureRefusal(patch('FROM c WHERE c.none = 1'))).code, 412)
    assert.equal((await patch('FROM c WHERE c.n = 1')).resource.n, 2)
    const lost = await Promise.allSettled(Array.from({ length: 8 }, () => patch('from c where c.n = 2')))
    assert.equal(lost.filter(({ status }) => status === 'fulfilled').length, 1)
  })
}
