import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { CosmosTarget } from './support.ts'
import { buildItemsPath, captureRefusal, newContainer, sendRaw } from './support.ts'

const ifMatch = (condition: string | undefined) => ({
  accessCondition: { type: 'IfMatch', condition: condition ?? '' },
})

/** Operations on single items. */
export function items(target: () => CosmosTarget): void {
  test('of two concurrent creates of one id, one is a 201 and one a 409', async (t) => {
    const container = await newContainer(t, target())
    for (let round = 0; round < 10; round++) {
      const both = [1, 2].map((n) => container.items.create({ id: String(round), pk: 'a', n }))
      const settled = await Promise.allSettled(both)
      const codes = settled.map((one) => (one.status === 'fulfilled' ? one.value.statusCode : one.reason.code))
      assert.deepEqual(codes.sort(), [201, 409])
    }
  })

  test('of many concurrent replaces with one etag, one wins and the others are 412', async (t) => {
    const container = await newContainer(t, target())
    const { etag } = await container.items.create({ id: '1', pk: 'a', n: 0 })
    const replaces = [1, 2, 3, 4, 5].map((n) =>
      container.item('1', 'a').replace({ id: '1', pk: 'a', n }, ifMatch(etag)),
    )
    const settled = await Promise.allSettled(replaces)
    const codes = settled.map((one) => (one.status === 'fulfilled' ? one.value.statusCode : one.reason.code))
    assert.deepEqual(codes.sort(), [200, 412, 412, 412, 412])
    const winner = settled.findIndex(({ status }) => status === 'fulfilled') + 1
    assert.equal((await container.item('1', 'a').read()).resource.n, winner)
  })

  test('a wrong If-Match refuses replace, upsert, patch and delete with 412, and changes nothing', async (t) => {
    const container = await newContainer(t, target())
    const { resource } = await container.items.create({ id: '1', pk: 'a', n: 0 })
    const item = container.item('1', 'a')
    const body = { id: '1', pk: 'a', n: 1 }
    for (const change of [
      () => item.replace(body, ifMatch('"x"')),
      () => container.items.upsert(body, ifMatch('"x"')),
      () => item.patch([{ op: 'set', path: '/n', value: 1 }], ifMatch('"x"')),
      () => item.delete(ifMatch('"x"')),
    ])
      assert.equal((await captureRefusal(change())).code, 412)
    assert.deepEqual((await item.read()).resource, resource)
    assert.equal((await item.delete(ifMatch(resource?._etag))).statusCode, 204)
  })

  test('a missing item is a 404 to all but an upsert, which creates it with or without If-Match', async (t) => {
    const container = await newContainer(t, target())
    const item = container.item('1', 'a')
    assert.equal((await item.read()).statusCode, 404)
    assert.equal((await captureRefusal(item.replace({ id: '1', pk: 'a' }))).code, 404)
    assert.equal((await captureRefusal(item.patch([{ op: 'set', path: '/n', value: 1 }]))).code, 404)
    assert.equal((await captureRefusal(item.delete())).code, 404)
    assert.equal((await container.items.upsert({ id: '1', pk: 'a' }, ifMatch('"x"'))).statusCode, 201)
    assert.equal((await container.items.upsert({ id: '1', pk: 'a' })).statusCode, 200)
  })

  test('a wrong partition key is refused with 400/1001, and an id cannot be changed', async (t) => {
    const container = await newContainer(t, target())
    await container.items.create({ id: '1', pk: 'a' })
    const key = { 'x-ms-documentdb-partitionkey': '["a"]' }
    const { status, headers } = await sendRaw(target(), 'POST', buildItemsPath(container), key, '{"id":"2","pk":"b"}')
    assert.deepEqual([status, headers['x-ms-substatus']], [400, '1001'])
    assert.equal((await captureRefusal(container.item('1', 'a').replace({ id: '2', pk: 'a' }))).code, 400)
  })

  test('an item over 2 MB is refused with 413, and one just below is accepted', async (t) => {
    const container = await newContainer(t, target())
    const item = { id: '1', pk: 'a', text: 'x'.repeat(2 * 1024 * 1024 - 29) }
    assert.equal(JSON.stringify(item).length, 2 * 1024 * 1024)
    assert.equal((await captureRefusal(container.items.create({ ...item, text: `${item.text}x` }))).code, 413)
    assert.equal((await container.items.create(item)).statusCode, 201)
    // The size counts bytes, not letters.
    const letters = { ...item, id: '2', text: `${'é'.repeat(item.text.length / 2)}x` }
    assert.equal(Buffer.byteLength(JSON.stringify(letters)), 2 * 1024 * 1024)
    assert.equal((await captureRefusal(container.items.create({ ...letters, text: `${letters.text}x` }))).code, 413)
    assert.equal((await container.items.create(letters)).statusCode, 201)
  })

  test('keys differ by type: "1", 1, true, "true", null and none make six items of one id', async (t) => {
    const container = await newContainer(t, target())
    for (const pk of ['1', 1, true, 'true', null]) await container.items.create({ id: 'x', pk })
    await container.items.create({ id: 'x' })
    for (const pk of ['1', 1, true, 'true', null]) assert.equal((await container.item('x', pk).read()).resource.pk, pk)
    assert.ok(!('pk' in (await container.item('x').read()).resource))
    assert.equal((await container.items.readAll().fetchAll()).resources.length, 6)
  })

  test('a read with the current etag is a 304, and with another the item', async (t) => {
    const container = await newContainer(t, target())
    const { etag } = await container.items.create({ id: '1', pk: 'a' })
    const headers = { 'x-ms-documentdb-partitionkey': '["a"]' }
    const path = `${buildItemsPath(container)}/1`
    assert.equal((await sendRaw(target(), 'GET', path, { ...headers, 'if-none-match': etag })).status, 304)
    assert.equal((await sendRaw(target(), 'GET', path, { ...headers, 'if-none-match': '*' })).status, 304)
    assert.equal((await sendRaw(target(), 'GET', path, { ...headers, 'if-none-match': '"x"' })).status, 200)
  })

  test('items come back as sent, with the system’s fields: odd names, odd texts, extreme numbers', async (t) => {
    const container = await newContainer(t, target())
    const text = `{"id":"a\\u0000b é 😀","pk":"a","__proto__":{"constructor":1},
      "text":"\\ud800 \\u0000 \\u2028","":{"":[]},
      "numbers":[0,5e-324,1.7976931348623157e308,9007199254740993,1152921504606846976,0.1],"_etag":"mine","_ts":"mine"}`
    const key = { 'x-ms-documentdb-partitionkey': '["a"]' }
    const created = await sendRaw(target(), 'POST', buildItemsPath(container), key, text)
    assert.equal(created.status, 201)
    const { _rid, _self, _etag, _ts, _attachments, ...rest } = JSON.parse(created.text)
    const { _etag: _, _ts: __, ...sent } = JSON.parse(text)
    assert.equal(JSON.stringify(rest), JSON.stringify(sent))
    assert.ok(Object.hasOwn(rest, '__proto__'))
    assert.deepEqual([created.headers.etag, typeof _ts, _attachments], [_etag, 'number', 'attachments/'])
    const { resource } = await container.item(sent.id, 'a').read()
    assert.equal(JSON.stringify(resource), created.text)
  })

  test('answers have what clients read: charge, activity, session token, content path', async (t) => {
    const container = await newContainer(t, target())
    const { headers, requestCharge } = await container.items.create({ id: '1', pk: 'a' })
    assert.equal(requestCharge, 5.35)
    assert.match(String(headers['x-ms-session-token']), /^0:-1#\d+$/)
    assert.match(String(headers['x-ms-activity-id']), /^[0-9a-f-]{36}$/)
    // Without both headers the SDKs store no session token.
    const { resource } = await container.read()
    const owner = [resource?._rid, `dbs/${container.database.id}/colls/c`]
    assert.deepEqual([headers['x-ms-content-path'], headers['x-ms-alt-content-path']], owner)
    const byRid = await sendRaw(target(), 'GET', `${resource?._self}docs`)
    assert.deepEqual([byRid.headers['x-ms-content-path'], byRid.headers['x-ms-alt-content-path']], owner)
    const key = { 'x-ms-documentdb-partitionkey': '["a"]', prefer: 'return=minimal' }
    const { status, text } = await sendRaw(target(), 'POST', buildItemsPath(container), key, '{"id":"2","pk":"a"}')
    assert.deepEqual([status, text], [201, ''])
  })
}
