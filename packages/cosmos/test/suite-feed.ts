import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { type ChangeFeedIteratorOptions, ChangeFeedStartFrom, type Container, type OperationInput } from '@azure/cosmos'
import type { CosmosTarget } from './support.ts'
import { assertRefused, buildItemsPath, newContainer, sendRaw } from './support.ts'

const FEED = { 'a-im': 'Incremental Feed' }

/** Reads a feed from a start, page by page, until a 304. */
async function drain(
  container: Container,
  options: ChangeFeedIteratorOptions,
): Promise<{ pages: string[][]; token: string }> {
  const feed = container.items.getChangeFeedIterator(options)
  const pages: string[][] = []
  for (;;) {
    const { statusCode, result, continuationToken } = await feed.readNext()
    if (statusCode === 304) return { pages, token: continuationToken }
    pages.push(result.map(({ id }) => id))
  }
}

/** https://learn.microsoft.com/azure/cosmos-db/nosql/change-feed-modes#latest-version-change-feed-mode */
export function changeFeed(target: () => CosmosTarget): void {
  test('a feed with an unsupported mode, or an invalid range, position or date, is refused', async (t) => {
    const path = buildItemsPath(await newContainer(t, target()))
    const refused: readonly (readonly [Record<string, string>, number])[] = [
      [{ 'a-im': 'Full-Fidelity Feed' }, 400],
      [{ ...FEED, 'if-none-match': '"x"' }, 400],
      [{ ...FEED, 'if-none-match': '"-1"' }, 400],
      [{ ...FEED, 'if-modified-since': 'yesterday' }, 400],
      [{ ...FEED, 'x-ms-start-epk': 'here', 'x-ms-end-epk': '3F' }, 400],
      [{ ...FEED, 'x-ms-max-item-count': '1.5' }, 400],
      [{ ...FEED, 'x-ms-documentdb-partitionkeyrangeid': '7' }, 410],
    ]
    for (const [headers, status] of refused) assertRefused(await sendRaw(target(), 'GET', path, headers), status)
  })

  test('at its end a feed answers 304, with its position and an item count of 0', async (t) => {
    const path = buildItemsPath(await newContainer(t, target()))
    const { status, headers } = await sendRaw(target(), 'GET', path, FEED)
    assert.deepEqual([status, headers['x-ms-item-count']], [304, '0'])
    assert.match(String(headers.etag), /^"\d+"$/)
  })

  test('each item comes once, at its latest state, in the order of changes, and deleted ones never', async (t) => {
    const container = await newContainer(t, target())
    for (const id of ['1', '2', '3', '4']) await container.items.create({ id, pk: `p${id}` })
    await container.items.upsert({ id: '2', pk: 'p2', again: true })
    await container.item('3', 'p3').delete()
    const start = { changeFeedStartFrom: ChangeFeedStartFrom.Beginning(), maxItemCount: 2 }
    assert.deepEqual((await drain(container, start)).pages, [['1', '4'], ['2']])
    const { result } = await container.items.getChangeFeedIterator(start).readNext()
    assert.ok(result.every((item) => Number.isInteger((item as { _lsn?: unknown })._lsn)))
    const one = { changeFeedStartFrom: ChangeFeedStartFrom.Beginning('p2') }
    assert.deepEqual((await drain(container, one)).pages, [['2']])
  })

  test('a batch has one position, and no page divides it', async (t) => {
    const container = await newContainer(t, target())
    const batch = (...ids: string[]): Promise<unknown> =>
      container.items.batch(
        ids.map((id): OperationInput => ({ operationType: 'Create', resourceBody: { id, pk: 'a' } })),
        'a',
      )
    await batch('a', 'b', 'c')
    await batch('d', 'e')
    await container.items.create({ id: 'f', pk: 'b' })
    const start = { changeFeedStartFrom: ChangeFeedStartFrom.Beginning(), maxItemCount: 1 }
    assert.deepEqual((await drain(container, start)).pages, [['a', 'b', 'c'], ['d', 'e'], ['f']])
  })

  test('a page has about 4 MB at most, and no item is lost between pages', async (t) => {
    const container = await newContainer(t, target())
    for (const id of ['1', '2', '3', '4', '5'])
      await container.items.create({ id, pk: id, text: 'x'.repeat(1_500_000) })
    const start = { changeFeedStartFrom: ChangeFeedStartFrom.Beginning(), maxItemCount: 100 }
    assert.deepEqual((await drain(container, start)).pages, [
      ['1', '2', '3'],
      ['4', '5'],
    ])
    const sizes: number[] = []
    const pages = container.items.query('SELECT * FROM c', { maxItemCount: 100 })
    while (pages.hasMoreResults()) sizes.push((await pages.fetchNext()).resources.length)
    assert.deepEqual(sizes, [3, 2])
    // The size counts bytes, not letters.
    for (const id of ['1', '2', '3', '4', '5']) await container.items.upsert({ id, pk: id, text: 'é'.repeat(750_000) })
    assert.deepEqual(
      (await drain(container, start)).pages.map(({ length }) => length),
      [3, 2],
    )
  })

  test('a feed starts from now and from a point in time', async (t) => {
    const container = await newContainer(t, target())
    const { resource } = await container.items.create({ id: '1', pk: 'a' })
    const now = await drain(container, { changeFeedStartFrom: ChangeFeedStartFrom.Now() })
    assert.deepEqual(now.pages, [])
    // The service stores the times of changes in whole seconds.
    while (Math.floor(Date.now() / 1000) <= (resource?._ts ?? 0)) await delay(20)
    const time = new Date(Math.floor(Date.now() / 1000) * 1000)
    await container.items.create({ id: '2', pk: 'a' })
    const since = await drain(container, { changeFeedStartFrom: ChangeFeedStartFrom.Time(time) })
    assert.deepEqual(since.pages, [['2']])
    const after = await drain(container, { changeFeedStartFrom: ChangeFeedStartFrom.Continuation(now.token) })
    assert.deepEqual(after.pages, [['2']])
  })

  test('a feed resumes from an old token after a restart of the emulator', async (t) => {
    const { kill, restart } = target()
    if (!kill || !restart) return t.skip('this target cannot be restarted')
    const container = await newContainer(t, target())
    await container.items.create({ id: '1', pk: 'a' })
    let { token } = await drain(container, { changeFeedStartFrom: ChangeFeedStartFrom.Beginning() })
    for (const [index, end] of [restart, kill].entries()) {
      await end()
      const id = `after ${index}`
      await container.items.create({ id, pk: 'a' })
      const more = await drain(container, { changeFeedStartFrom: ChangeFeedStartFrom.Continuation(token) })
      assert.deepEqual(more.pages, [[id]])
      token = more.token
    }
  })

  test('the SDK’s feed ranges read the whole container', async (t) => {
    const container = await newContainer(t, target())
    for (const id of ['1', '2']) await container.items.create({ id, pk: id })
    const ranges = await container.getFeedRanges()
    assert.equal(ranges.length, 1)
    const [range] = ranges
    assert.ok(range)
    const { pages } = await drain(container, { changeFeedStartFrom: ChangeFeedStartFrom.Beginning(range) })
    assert.deepEqual(pages, [['1', '2']])
    // A position takes precedence over a time, which the SDK keeps sending.
    const late = { ...FEED, 'if-none-match': '"0"', 'if-modified-since': new Date(Date.now() + 1e7).toUTCString() }
    for (const key of [{}, { 'x-ms-documentdb-partitionkey': '[]' }])
      assert.equal(
        (await sendRaw(target(), 'GET', buildItemsPath(container), { ...late, ...key })).headers['x-ms-item-count'],
        '2',
      )
    // The form of the .NET SDK.
    const named = { ...FEED, 'x-ms-documentdb-partitionkeyrangeid': `${(await container.read()).resource?._rid},0` }
    assert.equal((await sendRaw(target(), 'GET', buildItemsPath(container), named)).headers['x-ms-item-count'], '2')
  })
}
