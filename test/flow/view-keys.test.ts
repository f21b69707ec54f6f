import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import fc from 'fast-check'
import { buildTopology } from 'tidemark/tools'
import { type Answer, Client } from '../../packages/cli/demo/client.ts'
import { inParallel } from '../../packages/cli/demo/reading.ts'
import { localSettings } from '../../packages/cli/project/local-settings.ts'
import { cleanups } from '../../packages/functions-host/test/support.ts'
import { startChild } from '../../packages/kit/child.ts'
import { startCloud } from '../../packages/local-cloud/cloud.ts'
import { freePort } from '../../packages/test-support/ports.ts'
import { until } from '../../packages/test-support/wait.ts'
import { shelves } from '../../packages/tidemark/test/domain/shelves.ts'
import { documentKey, hardKeys, refusedKeys } from '../../packages/tidemark/test/support/document-keys.ts'
import { call } from '../support/system.ts'

const main = fileURLToPath(new URL('../../packages/functions-host/main.ts', import.meta.url))
const KEYS_A_SHELF = 40

describe('documents over HTTP', () => {
  const cleanup = cleanups(after)
  let base: string
  let client: Client
  let printed = ''
  before(async () => {
    const folder = await mkdtemp(join(tmpdir(), 'tidemark-keys-'))
    cleanup(() => rm(folder, { recursive: true, force: true }))
    const topologyFile = join(folder, 'topology.json')
    await writeFile(topologyFile, JSON.stringify(buildTopology([shelves])))
    const ports = { blob: await freePort(), eventHubs: await freePort(), cosmos: await freePort() }
    const cloud = await startCloud({ dataDir: folder, topologyFile, ports, fresh: false })
    cleanup(() => cloud.stop())
    const settings = {
      ...localSettings(),
      ...cloud.settings,
      FUNCTIONS_HOST_PORT: '0',
      FUNCTIONS_HOST_MAIN: 'packages/tidemark/test/domain/shelves-functions.ts',
    }
    const host = await startChild('functions', main, settings, {
      onOutput(text) {
        printed += text
      },
    })
    cleanup(() => host.stop())
    base = `${host.address}/api/shelves`
    client = new Client(base)
  })

  async function label(shelf: string, labels: readonly string[]): Promise<string> {
    const path = `/shelves/${encodeURIComponent(shelf)}/label`
    const { status, body } = await client.post(path, { labels }, { 'idempotency-key': 'once' })
    assert.equal(status, 200, JSON.stringify(body))
    return `position=${encodeURIComponent(body.position)}`
  }

  /** Every document of a list, by page. */
  async function listed(path: string, limit: number): Promise<readonly Answer['body'][][]> {
    const pages: Answer['body'][][] = []
    for (let continuation = ''; ; ) {
      const { status, body } = await client.get(`${path}?limit=${limit}${continuation}`)
      assert.equal(status, 200, JSON.stringify(body))
      pages.push(body.items)
      if (body.continuation === undefined) return pages
      continuation = `&continuation=${body.continuation}`
    }
  }

  it('are found by any key, and listed once', async (t) => {
    const sample = fc.sample(documentKey, { numRuns: 400, seed: 20261129 })
    const keys = [...new Set([...hardKeys, ...sample])]
    const shelfByKey = new Map(keys.map((key, index) => [key, `s${Math.floor(index / KEYS_A_SHELF)}`]))
    const seen = new Map<string, string>()
    for (const [shelf, labels] of Map.groupBy(keys, (key) => shelfByKey.get(key) ?? ''))
      seen.set(shelf, await label(shelf, labels))
    await inParallel(keys, async (key) => {
      const path = `/labels/${encodeURIComponent(key)}`
      for (const query of [seen.get(shelfByKey.get(key) ?? ''), '']) {
        const { status, body } = await client.get(`${path}?${query}`)
        assert.deepEqual([status, body], [200, { label: key, times: 1 }], JSON.stringify(key))
      }
    })
    for (const limit of [7, 100]) {
      const found = (await listed('/labels', limit)).flat().map((document) => document.label)
      assert.equal(found.length, keys.length)
      assert.deepEqual(new Set(found), new Set(keys))
    }
    t.diagnostic(`${keys.length} keys`)
  })

  it('are found by any id of an aggregate', async (t) => {
    const hard = ['a.', 'a..', '0', 'a~', 'a:b', 'a:', 'A', 'a-', 'x'.repeat(100)]
    const ids = [
      ...new Set([
        ...hard,
        ...fc.sample(fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9._~:-]{0,99}$/), { numRuns: 50, seed: 20261129 }),
      ]),
    ]
    await inParallel(ids, async (id) => {
      const position = await label(id, [`of ${id}`])
      const { status, body } = await client.get(`/shelves/${encodeURIComponent(id)}?${position}`)
      assert.deepEqual([status, body], [200, { labels: [`of ${id}`] }], id)
    })
    t.diagnostic(`${ids.length} ids`)
  })

  it('are listed once each if five share a sort key, two on a page', async () => {
    const before = new Set((await listed('/shelves', 100)).flat().map(({ labels }) => labels.join()))
    for (const number of [1, 2, 3, 4, 5]) {
      const position = await label(`five-${number}`, [`five ${number}`])
      assert.equal((await client.get(`/shelves/five-${number}?${position}`)).status, 200)
    }
    const found = (await listed('/shelves', 2)).flat().map(({ labels }) => labels.join())
    const five = found.filter((labels) => !before.has(labels))
    assert.deepEqual(five, ['five 5', 'five 4', 'five 3', 'five 2', 'five 1'])
    assert.equal(found.length, before.size + 5)
  })

  it('with a key that no URL can have are refused, and only the stream of their event is parked', async () => {
    for (const key of refusedKeys.filter((refused) => refused.isWellFormed())) {
      const { status } = await call('GET', `${base}/labels/${encodeURIComponent(key)}`, {})
      // A client reads `.` and an empty key as the list itself, and `..` as its parent. The host refuses NUL.
      const expected = key === '' || key === '.' ? 200 : key.includes('\0') ? 400 : 404
      assert.equal(status, expected, JSON.stringify(key))
    }
    const position = await label('wrong', ['right', 'a/b'])
    await until('the log line of the refusal', () =>
      printed
        .split('\n')
        .some((line) =>
          line.includes('key-invalid: no document can have the key "a/b": it has a slash. Only this stream waits'),
        ),
    )
    assert.equal((await client.get(`/shelves/wrong?${position}`)).status, 200)
    // An event applies to all of its documents or none: the good key waits with the bad one.
    assert.equal((await call('GET', `${base}/labels/right`, {})).status, 404)
    const next = await label('next', ['behind'])
    const { status, body } = await client.get(`/labels/behind?${next}`)
    assert.deepEqual([status, body], [200, { label: 'behind', times: 1 }])
  })
})
