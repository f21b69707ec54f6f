import assert from 'node:assert/strict'
import { join } from 'node:path'
import { describe, it, type TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'
import type { RecordedEvent } from 'tidemark'
import type { AnyView } from 'tidemark/tools'
import { Command } from '../../../test-support/command.ts'
import { address, cancelled, placed } from '../../../tidemark/test/domain/orders.ts'
import { trail } from '../../../tidemark/test/domain/trails.ts'
import { recorded } from '../../../tidemark/test/support/recorded.ts'
import type { Context } from '../../tidemark/command/api-command.ts'
import { answering, problem, type ReceivedRequest } from './answering.ts'

const root = fileURLToPath(new URL('../../../../', import.meta.url))
const project = fileURLToPath(new URL('../project/', import.meta.url))

// The commands read the project of the working folder when they are loaded.
process.chdir(project)
const { readAddresses } = await import('../../api/addresses.ts')
const { readCredentials } = await import('../../api/credentials.ts')
const { ServiceApi } = await import('../../api/service-api.ts')
const { Output } = await import('../../tidemark/output/output.ts')
const { HereProjection } = await import('../../tidemark/what-if/projection.ts')
const { dryRun } = await import('../../tidemark/what-if/rebuild.ts')

interface Live {
  readonly key: string
  readonly document: unknown
}

/**
 * A service with this log, which also answers with these documents.
 * @param listed what its lists answer with, if they are older.
 */
async function service(
  t: TestContext,
  log: readonly RecordedEvent[],
  live: readonly Live[] = [],
  listed: readonly Live[] = live,
) {
  const { address, asked } = await answering(t, ({ url, body, method }: ReceivedRequest, response) => {
    const path = url.pathname.replace('/api/ordering/', '')
    if (method === 'POST' && path === 'events/read') {
      const isFirst = JSON.parse(body).continuation === undefined
      const progress = { done: log.length, total: log.length }
      return { items: isFirst ? log : [], discarded: [], progress, continuation: 'end', more: false }
    }
    const key = url.searchParams.get('key')
    if (path === 'views/order/documents')
      return { items: key === null ? listed : live.filter((each) => each.key === key) }
    if (path === 'views/order/events') return { items: [{ stream: key, version: 1, type: 'OrderMoved' }] }
    const stream = path.match(/^streams\/([^/]+)\/events$/)?.[1]
    const items = log.filter((event) => event.stream === stream)
    return items.length > 0 ? { items } : problem(response, 404, 'view-not-found', `nothing at ${path}`)
  })
  const url = `ordering=${address}`
  return {
    asked,
    run: (...args: readonly string[]) =>
      new Command(
        join(root, 'packages/cli/tidemark.js'),
        [...args, '--url', url],
        { NO_COLOR: undefined, TIDEMARK_URL: undefined },
        project,
      ).ended,
    /** The same as `views rebuild --dry-run`, within this process, which is cheaper. */
    async dryRun(view: string, { json = false, limit = 20 } = {}) {
      const { context, out, err } = within(url, json)
      const code = await dryRun(context, 'ordering', view, limit)
      return { code, out: out.text, err: err.text }
    },
    /** What a dry run of the view compares with the live one. */
    project: (view: AnyView) => new HereProjection(within(url).context, 'ordering', view),
  }
}

/** The context of a command within this process. */
function within(url: string, json = false) {
  const asking = { addresses: readAddresses([url], ['ordering']), credentials: readCredentials({}, ['ordering']) }
  const [out, err] = [new Sunk(), new Sunk()]
  const context: Context = {
    ...{ output: new Output({ json, out, err, env: {} }), services: ['ordering'], remote: true, asking },
    ...{ signal: new AbortController().signal, api: (name) => new ServiceApi(name, asking) },
  }
  return { context, out, err }
}

class Sunk {
  text = ''
  write(text: string): void {
    this.text += text
  }
}

const v2 = { ...placed, schemaVersion: 2 }
const order = (id: string, ...events: readonly object[]): RecordedEvent[] =>
  recorded(`order-${id}`, ...(events as Parameters<typeof recorded>[1][]))
const log = [...order('2', v2), ...order('1', v2, cancelled), ...order('3', v2)]
const documentOf = (time: string, status = 'placed') => {
  const { atTheDoor: _, ...data } = placed.data
  return { status, ...data, placedAt: '2026-01-01T00:00:00.000Z', updatedAt: time }
}
const first = documentOf('2026-01-01T00:00:00.000Z')
const second = documentOf('2026-01-01T00:00:01.000Z', 'cancelled')

describe('a rebuild as a dry run', () => {
  it('finds nothing if this working copy makes the live documents, and writes nothing', async (t) => {
    const live = [
      { key: 'order-1', document: second },
      { key: 'order-2', document: first },
      { key: 'order-3', document: first },
    ]
    const { dryRun, asked } = await service(t, log, live)
    const { code, out, err } = await dryRun('order')
    assert.deepEqual([code, err], [0, 'ordering/order: 4 events of 3 streams, projected here; nothing was written\n'])
    assert.match(out, /^compared +changed +added +removed\n +3 +0 +0 +0\n$/)
    assert.deepEqual(
      [...new Set(asked.map(({ method, url }) => `${method} ${url.pathname}`))],
      ['POST /api/ordering/events/read', 'GET /api/ordering/views/order/documents'],
    )
  })

  it('reads again what differs, because the service goes on, and applies events once that come again', async (t) => {
    const live = [
      { key: 'order-1', document: second },
      { key: 'order-2', document: first },
      { key: 'order-3', document: first },
    ]
    const listed = [{ key: 'order-1', document: first }, ...live.slice(1, 2)]
    const { dryRun } = await service(t, [...log, ...log], live, listed)
    const { code, out } = await dryRun('order', { json: true })
    assert.partialDeepStrictEqual({ code, ...JSON.parse(out) }, { code: 0, events: 4, compared: 3, documents: [] })
  })

  it('names the documents that differ, their fields, and the events behind them', async (t) => {
    const moved = { ...second, shippingAddress: { ...address, city: 'Bruges' } }
    const live = [
      { key: 'order-1', document: moved },
      { key: 'order-2', document: first },
      { key: 'order-9', document: first },
    ]
    const { dryRun } = await service(t, log, live)
    const { code, out } = await dryRun('order', { limit: 2, json: true })
    const found = JSON.parse(out)
    assert.deepEqual(
      [code, found.compared, found.changed, found.added, found.removed, found.more],
      [1, 4, 1, 1, 1, true],
    )
    assert.deepEqual(found.documents[0], {
      key: 'order-1',
      difference: 'changed',
      differences: [{ path: 'shippingAddress.city', kind: 'changed', before: 'Bruges', after: 'Ghent' }],
      events: { count: 2, newest: ['order-1@1 OrderPlaced', 'order-1@2 OrderCancelled'] },
    })
    assert.deepEqual([found.documents[1].key, found.documents[1].difference], ['order-3', 'added'])
    const shown = await dryRun('order')
    assert.match(
      shown.out,
      /^changed order-1\n.*\nshippingAddress\.city +changed +"Bruges" +"Ghent"\nevents: order-1@1/m,
    )
    assert.match(shown.out, /^removed order-9\n\n*(?:.*\n)*?events: order-9@1 OrderMoved$/m)
  })

  it('reports every document of a view that the running build does not have as added', async (t) => {
    const { dryRun } = await service(t, log)
    const { code, out } = await dryRun('sales-by-product', { json: true })
    const { added, documents } = JSON.parse(out)
    assert.deepEqual([code, added, documents.map(({ key }: Live) => key)], [1, 2, ['cup', 'tea']])
  })

  it('ends with the event and the view whose code throws on it', async (t) => {
    const broken = { ...v2, data: { ...placed.data, lines: null } }
    const { run } = await service(t, [...log, ...order('4', broken)])
    const { code, out, err } = await run('rebuild', 'ordering', 'sales-by-product', '--dry-run')
    assert.deepEqual([code, out], [1, ''])
    assert.match(err, /^handler-failed: the view sales-by-product cannot apply order-4@1 \(OrderPlaced\): [^\n]+\n$/)
  })

  it('ends if this working copy is older than the log, and if the log has a gap', async (t) => {
    const newer = { ...v2, schemaVersion: 9, readableFrom: 9 }
    const older = await service(t, order('1', newer))
    await assert.rejects(older.dryRun('order'), {
      message: /^event-unknown: .*order-1@1.*OrderPlaced version 9.*older than the log: update it first$/,
    })
    const torn = await service(
      t,
      log.filter(({ stream, version }) => stream !== 'order-1' || version > 1),
    )
    await assert.rejects(torn.dryRun('order'), {
      message: 'the log of ordering gave order-1@2 after version 0: run tidemark verify',
    })
  })
})

describe('a dry run of a view over several services', () => {
  const placedOf = (order: string) => ({ type: 'Placed', data: { order, amount: 5 } })
  const its = recorded('shop/order-1', placedOf('1'), { type: '', data: {} }, { type: 'Closed', data: { order: '1' } })

  it('reads what the view follows, and skips what comes again and what it may not see', async (t) => {
    const { project, asked } = await service(t, [...its, ...its, ...recorded('books/order-1')])
    const here = project(trail)
    assert.equal(await here.catchUp(), 2)
    assert.deepEqual(here.document('1'), { order: '1', amount: 5, balance: 0, events: 2 })
    assert.deepEqual(here.behind('1')?.newest, ['shop/order-1@1 Placed', 'shop/order-1@3 Closed'])
    assert.deepEqual(
      asked.map(({ body }) => JSON.parse(body)),
      [{ view: 'trail' }],
    )
  })

  it('ends if neither the hub nor the archive has an event', async (t) => {
    const { project } = await service(t, [its[0], its[2]] as RecordedEvent[])
    await assert.rejects(project(trail).catchUp(), {
      message: 'shop/order-1@3 came after version 1: neither the hub nor the archive has what is between',
    })
  })
})

describe('a view as of a moment', () => {
  it('is all its documents by key, a line of JSON for each', async (t) => {
    const { run } = await service(t, log)
    const { code, out, err } = await run('views', 'show', 'ordering', 'order', '--at', '2026-01-01T01:00:00+01:00')
    assert.deepEqual([code, err], [0, 'ordering/order: 3 documents from 3 events of 3 streams\n'])
    assert.deepEqual(
      out
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line)),
      ['order-1', 'order-2', 'order-3'].map((key) => ({ key, version: 1, document: first })),
    )
  })
})

describe('a command as a dry run', () => {
  it('shows the events, and the refusal as of a version', async (t) => {
    const { run, asked } = await service(t, log)
    const decided = await run('decide', 'order-2', 'cancel', '{"reason":"late"}', '--dry-run')
    assert.deepEqual([decided.code, decided.err], [0, 'cancel on order-2@1; nothing was written\n'])
    assert.match(decided.out, /^version +type +data\n +2 +OrderCancelled +\{"orderId":"2","reason":"late"/)
    const refused = await run('decide', 'order-1', 'confirm', '--dry-run', '--json')
    const { version, refusal, events } = JSON.parse(refused.out)
    assert.deepEqual([refused.code, version, refusal.code, events], [1, 2, 'order-cancelled', []])
    assert.ok(asked.every(({ method }) => method === 'GET'))
  })

  it('is refused for a command or data that the service would refuse, and without --dry-run', async (t) => {
    const { run } = await service(t, log)
    for (const [args, line] of [
      [['order-1', 'cancel', '{}', '--dry-run'], /^invalid-command: the data does not fit cancel: \/reason: /],
      [
        ['order-1', 'cancel', '{'],
        /^tidemark sends no commands \(POST \/api\/ordering\/orders\/1\/cancel\); with --dry-run/,
      ],
    ] as const) {
      const { code, out, err } = await run('decide', ...args)
      assert.deepEqual([code, out], [2, ''], err)
      assert.match(err, line)
    }
  })
})
