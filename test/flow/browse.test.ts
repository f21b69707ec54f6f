import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, before, describe, it } from 'node:test'
import { hasLog, listReactions } from 'tidemark/tools'
import type { Answer } from '../../packages/cli/demo/client.ts'
import { type RawItem, readLog } from '../../packages/cli/demo/raw-fold.ts'
import { readRawLog } from '../../packages/cli/demo/reading.ts'
import { services } from '../../packages/cli/project/config.ts'
import { until } from '../../packages/test-support/wait.ts'
import { ordering } from '../../src/ordering/service.ts'
import { placeBody } from '../support/orders.ts'
import { call, System } from '../support/system.ts'

const recording = services.filter(hasLog)

/** The requests of the console and the command line over HTTP to running services, compared with the raw logs. */
describe('an operator of a running system', () => {
  let system: System
  let keyOfPlaced: string
  let placed: string
  before(async () => {
    system = await System.start()
    for (const { sku } of placeBody.lines)
      await system.createClient('inventory').post(`/stock/${sku}/receive`, { quantity: 100 }, {})
    const payment = { method: 'transfer', withinSeconds: 86_400 }
    keyOfPlaced = randomUUID()
    const answer = await system.client.post('/orders', { ...placeBody, payment }, { 'idempotency-key': keyOfPlaced })
    placed = answer.body.id
    for (let index = 0; index < 4; index += 1)
      await system.client.post('/orders', { ...placeBody, customerId: `buyer-${index}` }, {})
    await until('the payment to be open', async () => (await rawEvents('payments')).length > 0)
  })
  after(() => system.remove())

  const get = (service: string, path: string): Promise<Answer> =>
    call('GET', `${new URL(system.base).origin}/api/${service}/${path}`, {})
  const post = (service: string, path: string, body: object = {}): Promise<Answer> =>
    call('POST', `${new URL(system.base).origin}/api/${service}/${path}`, { body: JSON.stringify(body) })
  const rawEvents = async (service: string): Promise<RawItem[]> =>
    readLog(await readRawLog(system.openLog(service))).events
  const formatPosition = ({ stream, version }: RawItem): string => `${stream}@${version}`

  /** All pages of a list. */
  async function everyItem(service: string, path: string): Promise<RawItem[]> {
    const items: RawItem[] = []
    for (let continuation = ''; ; ) {
      const { status, body } = await get(service, path + continuation)
      assert.equal(status, 200, JSON.stringify(body))
      items.push(...body.items)
      if (body.continuation === undefined) return items
      continuation = `&continuation=${encodeURIComponent(body.continuation)}`
    }
  }

  it('sees what each service declares', async () => {
    for (const declared of recording) {
      const { status, body } = await get(declared.name, 'about')
      assert.equal(status, 200)
      assert.deepEqual(
        body.categories.map(({ name }: RawItem) => name),
        declared.deciders.map(({ category }) => category),
      )
      assert.deepEqual(
        body.views.map(({ name }: RawItem) => name),
        declared.views.map(({ name }) => name),
      )
      for (const { type, versions } of body.events) {
        assert.ok(versions.length > 0, type)
        for (const { schema } of versions) assert.equal(schema.type, 'object')
      }
    }
    const { body } = await get('ordering', 'about')
    assert.deepEqual(
      body.categories.filter(({ process }: RawItem) => process).map(({ name }: RawItem) => name),
      ['fulfilment'],
    )
    const changes = body.events.find(({ type }: RawItem) => type === 'OrderPlaced').versions
    assert.deepEqual(
      changes.map(({ change }: RawItem) => change),
      ['first', 'additive', 'additive', 'breaking', 'breaking', 'breaking'],
    )
    const consumers = body.consumers.map(({ name, hub, kind }: RawItem) => [name, hub, kind])
    assert.deepEqual(consumers[0], ['ordering-views', 'ordering', 'views'])
    assert.ok(consumers.some(([name]: string[]) => name === 'ordering-reactions-payments'))
  })

  it('finds every stream of the log by page, and a stream by the start of its name', async () => {
    const log = await until(
      'the log to stand still',
      async () => {
        const before = await rawEvents('ordering')
        const found = await everyItem('ordering', 'streams?limit=2')
        return { before, found, later: await rawEvents('ordering') }
      },
      ({ before, later }) => before.length === later.length,
    )
    const newest = new Map(log.before.map((event) => [event.stream, event.version]))
    assert.deepEqual(new Set(log.found.map(({ stream }) => stream)), new Set(newest.keys()))
    for (const [stream, version] of newest)
      assert.equal(Math.max(...log.found.filter((item) => item.stream === stream).map((item) => item.version)), version)

    const orders = await everyItem('ordering', 'streams?prefix=order-&limit=2')
    assert.deepEqual(
      orders.map(({ stream }) => stream),
      [...newest.keys()].filter((name) => name.startsWith('order-')).sort(),
    )
    for (const { stream, version } of orders) assert.equal(version, newest.get(stream))
    const one = await everyItem('ordering', `streams?prefix=order-${placed.slice(0, 8)}&category=order`)
    assert.deepEqual(
      one.map(({ stream }) => stream),
      [`order-${placed}`],
    )
    const fulfilments = await everyItem('ordering', 'streams?category=fulfilment')
    assert.ok(fulfilments.length > 0 && fulfilments.every(({ stream }) => stream.startsWith('fulfilment-')))
  })

  it('sees events once each, as they are recorded', async () => {
    const first = await get('ordering', 'events?limit=5&category=order')
    assert.equal(first.body.items.length, 5)
    const { body } = await system.client.post('/orders', { ...placeBody, customerId: 'tailed' }, {})
    await system.client.post(`/orders/${body.id}/cancel`, { reason: 'late' }, {})
    const seen: RawItem[] = []
    let { continuation } = first.body
    await until('both events to be seen', async () => {
      const page = await get('ordering', `events?category=order&after=${encodeURIComponent(continuation)}`)
      seen.push(...page.body.items)
      continuation = page.body.continuation
      return seen.some(({ type, stream }) => type === 'OrderCancelled' && stream === `order-${body.id}`)
    })
    const its = seen.filter(({ stream }) => stream === `order-${body.id}`)
    const log = (await rawEvents('ordering')).filter(({ stream }) => stream === `order-${body.id}`)
    assert.deepEqual(its.map(formatPosition), log.slice(0, its.length).map(formatPosition))
    assert.equal(its[0]?.hash, log[0]?.hash)
    const { body: ofType } = await get('ordering', 'events?type=OrderCancelled')
    assert.deepEqual([...new Set(ofType.items.map(({ type }: RawItem) => type))], ['OrderCancelled'])
  })

  it("finds everything that one request caused, in every service, and each event's cause", async () => {
    const correlation = `command:${keyOfPlaced}`
    const found: RawItem[] = []
    for (const { name } of recording) {
      const its = await everyItem(name, `traces/${encodeURIComponent(correlation)}?limit=2`)
      const log = (await rawEvents(name)).filter((event) => event.correlation === correlation)
      assert.deepEqual(its.map(formatPosition).sort(), log.map(formatPosition).sort())
      found.push(...its)
    }
    const places = new Set(found.map(formatPosition))
    assert.ok(
      ['ordering', 'inventory', 'payments'].every((name) => found.some(({ source }) => source.startsWith(`/${name}/`))),
    )
    for (const { causation } of found) assert.ok(causation === correlation || places.has(causation), causation)
    assert.deepEqual((await get('ordering', 'traces/command:none')).body, { items: [] })
  })

  it('sees the views, their documents, and which of them hold a text', async () => {
    const { body } = await get('ordering', 'views')
    const order = body.items.find(({ name }: RawItem) => name === 'order')
    assert.deepEqual([order.live, order.generations], [1, [{ number: 1, role: 'live' }]])
    const search = (text: string) => everyItem('ordering', `views/order/documents?limit=2&search=${text}`)
    await until('the order to be in its view', async () => (await search(placed)).length === 1)
    const [found] = await search(placed.toUpperCase())
    assert.deepEqual([found?.key, found?.document.orderId], [`order-${placed}`, placed])
    assert.ok(found?.version >= 1)
    assert.deepEqual(
      (await search('buyer-1')).map(({ document }) => document.customerId),
      ['buyer-1'],
    )
    assert.deepEqual(await search('nobody-has-this'), [])
    const all = await everyItem('ordering', 'views/order/documents?limit=2')
    assert.equal(new Set(all.map(({ key }) => key)).size, all.length)
    assert.ok(all.length > 5)
    const { key } = all[0] ?? {}
    const one = await get('ordering', `views/order/documents?key=${key}`)
    assert.deepEqual(one.body, { items: all.filter((each) => each.key === key), searched: 1 })
    assert.deepEqual((await get('ordering', 'views/order/documents?key=order-none')).body.items, [])
    const cancelled = await everyItem('ordering', 'views/order/documents?status=cancelled')
    assert.ok(cancelled.length > 0 && cancelled.every(({ document }) => document.status === 'cancelled'))
  })

  it('rebuilds a view and rolls back, with progress', async () => {
    const view = async () => (await get('ordering', 'views')).body.items.find(({ name }: RawItem) => name === 'order')
    const started = await post('ordering', 'views/order/rebuild')
    assert.equal(started.status, 202, JSON.stringify(started.body))
    assert.partialDeepStrictEqual(started.body, { action: 'rebuild', state: 'running', by: 'anonymous' })
    const rebuilt = await until('the rebuild to be done', view, ({ rebuild }) => rebuild.state !== 'running')
    assert.partialDeepStrictEqual(rebuilt, { live: 2, rebuild: { state: 'done', stage: 'live', target: 2 } })
    assert.ok(rebuilt.rebuild.total > 0 && rebuilt.rebuild.commits >= rebuilt.rebuild.total)
    assert.deepEqual(
      rebuilt.generations.map(({ number, role }: RawItem) => [number, role]),
      [
        [1, 'previous'],
        [2, 'live'],
      ],
    )
    assert.equal((await post('ordering', 'views/order/go-back')).status, 202)
    const back = await until('the way back to be done', view, ({ rebuild }) => rebuild.state !== 'running')
    assert.partialDeepStrictEqual(back, { live: 1, rebuild: { action: 'go-back', state: 'done' } })
  })

  it('builds a generation separately, compares it, and promotes or abandons it', async () => {
    const name = 'sales-by-product'
    const view = async () => (await get('ordering', 'views')).body.items.find((each: RawItem) => each.name === name)
    const did = async (action: string) => {
      const { status, body } = await post('ordering', `views/${name}/${action}`)
      assert.equal(status, 202, JSON.stringify(body))
      return until(
        `${action} to be done`,
        view,
        ({ rebuild }) => rebuild.action === action && rebuild.state !== 'running',
      )
    }
    const documents = async (generation: number) =>
      everyItem('ordering', `views/${name}/documents?generation=${generation}`)
    const before = await view()
    const built = await did('build')
    const target = before.live + 1
    const whole = await documents(before.live)
    assert.ok(whole.length > 0)
    const comparison = { compared: whole.length, changed: 0, added: 0, removed: 0, examples: [] }
    assert.partialDeepStrictEqual(built, { live: before.live, rebuild: { state: 'done', stage: 'built', target } })
    assert.deepEqual(built.rebuild.comparison, comparison)
    assert.ok(built.generations.some(({ number, role }: RawItem) => number === target && role === 'built'))
    assert.deepEqual(await documents(target), whole)
    assert.partialDeepStrictEqual(await did('abandon'), { live: before.live, generations: before.generations })
    assert.equal((await get('ordering', `views/${name}/documents?generation=${target}`)).body.code, 'invalid-query')
    assert.partialDeepStrictEqual(await did('promote'), { live: before.live, rebuild: { code: 'nothing-built' } })

    // A change that the log does not explain.
    const key = whole[0]?.key
    const item = system.openContainer('ordering', name).item('document', `${before.live}|document|${key}`)
    const { resource } = await item.read<RawItem>()
    assert.ok(resource)
    await item.replace({ ...resource, document: { ...resource.document, damaged: true } })
    const { rebuild } = await did('build')
    assert.deepEqual(rebuild.comparison, { ...comparison, changed: 1, examples: [{ key, difference: 'changed' }] })
    assert.equal((await view()).live, before.live)
    assert.partialDeepStrictEqual(await did('promote'), {
      live: rebuild.target,
      rebuild: { state: 'done', stage: 'live' },
    })
    assert.deepEqual(await documents(rebuild.target), whole)
  })

  it('sees the events behind a document of any view', async () => {
    const log = await rawEvents('ordering')
    const placed = log.filter(({ type }) => type === 'OrderPlaced')
    const order = placed[0]?.stream
    const orderEvents = await everyItem('ordering', `views/order/events?key=${order}&limit=1`)
    assert.deepEqual(orderEvents.map(formatPosition), log.filter(({ stream }) => stream === order).map(formatPosition))
    const [product] = (await get('ordering', 'views/sales-by-product/documents?limit=1')).body.items
    const productEvents = await everyItem('ordering', `views/sales-by-product/events?key=${product.key}&limit=2`)
    const sold = placed.filter(({ data }) => JSON.stringify(data).includes(`"${product.key}"`))
    assert.ok(sold.length > 0)
    for (const event of sold)
      assert.ok(
        productEvents.some((each) => formatPosition(each) === formatPosition(event)),
        formatPosition(event),
      )
    assert.equal(new Set(productEvents.map(formatPosition)).size, productEvents.length)
    assert.deepEqual((await get('ordering', 'views/order/events?key=order-none')).body, { items: [] })
  })

  it('sees a document of any view as of a moment', async () => {
    const asOf = (view: string, query: object): Promise<Answer> => post('ordering', `views/${view}/as-of`, query)
    const log = await rawEvents('ordering')
    const its = log.filter(({ stream }) => stream === `order-${placed}`)
    const { body: first } = await asOf('order', { key: `order-${placed}`, version: 1 })
    assert.deepEqual([first.events, first.items[0].version, first.items[0].document.status], [1, 1, 'placed'])
    assert.deepEqual(
      (await asOf('order', { key: `order-${placed}`, at: its[0]?.time })).body.items[0].key,
      its[0]?.stream,
    )
    assert.deepEqual((await asOf('order', { key: `order-${placed}`, at: '2026-01-01T00:00:00Z' })).body.items, [])
    for (const [view, key] of [
      ['order', `order-${placed}`],
      ['sales-by-product', placeBody.lines[0]?.sku],
    ]) {
      const live = async () => (await get('ordering', `views/${view}/documents?key=${key}`)).body.items
      const [now, then] = await until(
        `${view} ${key} to be the same`,
        () => Promise.all([asOf(`${view}`, { key }), live()]),
        ([{ body }, items]) => JSON.stringify(body.items) === JSON.stringify(items),
      )
      assert.ok(now.body.events > 0 && then.length === 1)
    }
  })

  it('sees a whole view as of a moment, page by page', async () => {
    const log = await rawEvents('ordering')
    const orders = new Set(log.filter(({ stream }) => stream.startsWith('order-')).map(({ stream }) => stream))
    const at = '2100-01-01T00:00:00Z'
    const found: string[] = []
    for (let continuation: string | undefined; ; ) {
      const { status, body } = await post('ordering', 'views/order/as-of', { at, limit: 2, continuation })
      assert.equal(status, 200, JSON.stringify(body))
      found.push(...body.items.map(({ key }: { key: string }) => key))
      continuation = body.continuation
      if (continuation === undefined) break
    }
    assert.deepEqual(found, [...orders].toSorted())
    const none = await post('ordering', 'views/order/as-of', { at: '2026-01-01T00:00:00Z' })
    assert.deepEqual(none.body, { items: [], events: 0 })
  })

  it('reads the events of a category from the first on', async () => {
    const log = (await rawEvents('inventory')).filter(({ stream }) => stream.startsWith('reservation-'))
    assert.ok(log.length > 0)
    const found: string[] = []
    for (let continuation: string | undefined; ; ) {
      const { status, body } = await post('inventory', 'events/read', {
        category: 'reservation',
        limit: 2,
        continuation,
      })
      assert.equal(status, 200, JSON.stringify(body))
      assert.ok(body.items.length <= 2)
      found.push(...body.items.map(formatPosition))
      continuation = body.continuation
      if (!body.more) break
    }
    for (const event of log) assert.ok(found.includes(formatPosition(event)), formatPosition(event))
    assert.equal(new Set(found).size, found.length)
  })

  it('sees the scheduled commands', async () => {
    const { body } = await get('payments', 'schedule')
    const waiting = body.items.find(({ stream }: RawItem) => stream === `payment-${placed}`)
    assert.ok(waiting, JSON.stringify(body))
    assert.ok(Date.parse(waiting.due) > Date.now())
    assert.equal(waiting.correlation, `command:${keyOfPlaced}`)
    assert.deepEqual((await get('shipping', 'schedule')).body, { items: [] })
  })

  it('verifies a log, and finds a tampered event', async () => {
    /** All parts of the verification. */
    const verified = async (service: string) => {
      const findings: RawItem[] = []
      let checked = 0
      for (let body = {}; ; ) {
        const part = await post(service, 'verification', body)
        assert.equal(part.status, 200, JSON.stringify(part.body))
        findings.push(...part.body.findings)
        checked += part.body.checked.commits
        if (part.body.continuation === undefined) return { findings, checked, progress: part.body.progress }
        body = { continuation: part.body.continuation }
      }
    }
    for (const { name } of recording) {
      const { findings, checked, progress } = await verified(name)
      assert.deepEqual(findings, [])
      assert.ok(checked > 0 && progress.done >= checked && progress.done === progress.total, name)
    }
    const stream = `reservation-${placed}`
    const log = system.openLog('inventory')
    const { resource } = await log.item('0000000000000001', stream).read<RawItem>()
    assert.ok(resource)
    await log
      .item(resource.id, stream)
      .replace({ ...resource, text: resource.text.replace('"quantity":2', '"quantity":3') })
    const { findings } = await verified('inventory')
    assert.deepEqual(
      findings.map(({ place, wrong }) => [place, wrong]),
      [[`${stream}@1`, 'changed']],
    )
    await log.item(resource.id, stream).replace(resource)
    assert.deepEqual((await verified('inventory')).findings, [])
    assert.equal((await post('inventory', 'verification', { continuation: 'x' })).body.code, 'invalid-query')
    assert.equal((await post('inventory', 'verification', { all: true })).body.code, 'invalid-command')
  })

  it('is refused an invalid request', async () => {
    for (const [method, path, status, code] of [
      ['GET', 'views/nothing/documents', 404, 'view-not-found'],
      ['POST', 'views/nothing/rebuild', 404, 'view-not-found'],
      ['GET', 'views/order/documents?status=lost', 400, 'invalid-query'],
      ['GET', 'views/order/documents?stattus=placed', 400, 'invalid-query'],
      ['GET', 'views/order/documents?generation=99', 400, 'invalid-query'],
      ['GET', 'views/order/documents?key=order-1&status=placed', 400, 'invalid-query'],
      ['GET', 'views/order/documents?key=', 400, 'invalid-query'],
      ['GET', 'views/order/documents?generation=0', 400, 'invalid-query'],
      ['GET', 'views/order/events', 400, 'invalid-query'],
      ['GET', 'views/order/events?key=a%2Fb', 400, 'invalid-query'],
      ['GET', 'views/order/events?key=order-1&continuation=!', 400, 'invalid-query'],
      ['GET', 'views/nothing/events?key=order-1', 404, 'view-not-found'],
      ['GET', 'views/order/documents?continuation=!', 400, 'invalid-query'],
      ['GET', 'views/sales-by-product/documents?status=placed', 400, 'invalid-query'],
      ['GET', 'streams?prefix=order-&category=fulfilment', 400, 'invalid-query'],
      ['GET', 'streams?continuation=!', 400, 'invalid-query'],
      ['GET', 'events?after=!', 400, 'invalid-query'],
      ['GET', 'events?limit=101', 400, 'invalid-query'],
      ['GET', 'schedule?continuation=!', 400, 'invalid-query'],
      ['GET', 'about?of=it', 400, 'invalid-query'],
      ['DELETE', 'views/order/rebuild', 405, 'method-not-allowed'],
    ] as const) {
      const service = path.startsWith('schedule') ? 'payments' : 'ordering'
      const url = `${new URL(system.base).origin}/api/${service}/${path}`
      const answer = await call(method, url, method === 'POST' ? { body: '{}' } : {})
      assert.deepEqual([path, answer.status, answer.body.code], [path, status, code])
    }
    const [reaction] = listReactions(ordering)
    for (const [path, body, code] of [
      ['views/order/rebuild', { now: true }, 'invalid-command'],
      ['views/order/as-of', {}, 'invalid-query'],
      ['views/order/as-of', { version: 1 }, 'invalid-query'],
      ['views/order/as-of', { key: 'order-1', limit: 1 }, 'invalid-query'],
      ['views/order/as-of', { at: '2026-01-01T00:00:00Z', maxEvents: 10_001 }, 'invalid-command'],
      ['views/order/as-of', { key: 'a/b' }, 'invalid-command'],
      ['views/order/as-of', { key: `order-${placed}`, version: 99 }, 'version-not-found'],
      ['views/order/as-of', { key: 'order-1', at: 'yesterday' }, 'invalid-time'],
      ['views/order/as-of', { key: 'order-1', continuation: '!' }, 'invalid-query'],
      ['views/sales-by-product/as-of', { key: 'tea', version: 1 }, 'invalid-query'],
      ['views/nothing/as-of', { key: 'tea' }, 'view-not-found'],
      ['events/read', {}, 'invalid-command'],
      ['events/read', { category: 'order', limit: 1001 }, 'invalid-command'],
      ['events/read', { category: 'order', continuation: '!' }, 'invalid-query'],
      [`views/${reaction?.name}/rebuild`, {}, 'view-not-found'],
      [`views/${reaction?.name}/as-of`, { key: 'tea' }, 'view-not-found'],
    ] as const)
      assert.deepEqual([path, (await post('ordering', path, body)).body.code], [path, code])
    const refused = await post('ordering', `views/${reaction?.name}/rebuild`)
    assert.match(refused.body.detail, / is a reaction: a rebuild would send its commands again$/)
  })
})
