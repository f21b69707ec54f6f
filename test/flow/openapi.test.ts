import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { after, before, describe, it } from 'node:test'
import { Validator } from '@seriousme/openapi-schema-validator'
import { services } from '../../packages/cli/project/config.ts'
import { AnswerCheck, listOperations, type OpenApi } from '../support/openapi.ts'
import { placeBody } from '../support/orders.ts'
import { call, callOnceSeen, System } from '../support/system.ts'

let system: System
let address: string
let document: OpenApi
let answers: AnswerCheck
before(async () => {
  system = await System.start({ services: services.map(({ name }) => name) })
  address = system.host.address
  document = (await call('GET', `${address}/api/openapi.json`, {})).body
  answers = new AnswerCheck(document)
})
after(() => system.remove())

const listServices = ({ paths }: OpenApi): string[] => [
  ...new Set(Object.keys(paths).map((path) => path.split('/')[1] ?? '')),
]

describe('/api/openapi.json', () => {
  it('is OpenAPI 3.1 of every service that the host runs', async () => {
    const result = await new Validator().validate({ ...document })
    assert.deepEqual([result.valid, result.errors ?? []], [true, []])
    assert.deepEqual(listServices(document).toSorted(), services.map(({ name }) => name).toSorted())
  })

  it('equals the committed schemas/openapi.json', async () => {
    const committed = await readFile(new URL('../../schemas/openapi.json', import.meta.url), 'utf8')
    assert.deepEqual(document, JSON.parse(committed))
  })

  it('covers one service if a host runs only that', async () => {
    const host = await system.startHost({ services: ['ordering'] })
    const { status, body } = await call('GET', `${host.address}/api/openapi.json`, {})
    assert.deepEqual([status, listServices(body)], [200, ['ordering']])
    await host.stop()
  })

  it('accepts no parameter and no other method, like any route', async () => {
    const url = `${address}/api/openapi.json`
    assert.equal((await call('GET', `${url}?service=ordering`, {})).body.code, 'invalid-query')
    assert.equal((await call('POST', url, { body: '{}' })).body.code, 'method-not-allowed')
  })
})

describe('the OpenAPI document', () => {
  // The aggregate, the stream and the body are missing, so any documented answer is right.
  it('describes the answer of every operation', async () => {
    const operations = listOperations(document)
    for (const { path, method } of operations) {
      const url = `${address}/api${path.replace('{stream}', 'order-none').replaceAll(/\{[^}]+\}/g, 'none')}`
      const answer = await call(method, url, method === 'POST' ? { body: '{"unknown": 1}' } : {})
      assert.ok(!['method-not-allowed', 'unknown-command'].includes(answer.body.code), path)
      answers.check({ path, method }, answer)
    }
    console.log(`# ${operations.length} operations answered as documented`)
    assert.ok(operations.length > 10)
  })

  it('names exactly the accepted parameters', async () => {
    for (const { path, method, operation } of listOperations(document)) {
      if (method !== 'GET') continue
      const url = `${address}/api${path.replace('{stream}', 'order-none').replaceAll(/\{[^}]+\}/g, 'none')}`
      for (const parameter of operation.parameters.filter((each) => each.in === 'query')) {
        const { body } = await call('GET', `${url}?${parameter.name}=`, {})
        assert.doesNotMatch(body.detail ?? '', /there is no parameter/, `${path}?${parameter.name}`)
      }
      assert.match((await call('GET', `${url}?unheard-of=`, {})).body.detail, /there is no parameter unheard-of/)
    }
  })

  it('describes successful commands, documents, pages, events and states', async () => {
    const checked = async (method: string, path: string, url: string, body?: unknown) => {
      const whole = `${address}/api${url}`
      const answer =
        body === undefined
          ? await callOnceSeen(method, whole, (behind) => answers.check({ path, method }, behind))
          : await call(method, whole, { body: JSON.stringify(body) })
      assert.ok(answer.status < 300, `${url}: ${JSON.stringify(answer.body)}`)
      answers.check({ path, method }, answer)
      const declaredHeaders = document.paths[path]?.[method.toLowerCase()]?.responses[answer.status]?.headers ?? {}
      for (const header of Object.keys(declaredHeaders))
        assert.ok(answer.headers.has(header), `${url} has no ${header}`)
      return answer.body
    }
    const sku = `sku-${randomUUID().slice(0, 8)}`
    const stock = await checked('POST', '/inventory/stock/{id}/receive', `/inventory/stock/${sku}/receive`, {
      quantity: 5,
    })
    await checked('GET', '/inventory/stock/{id}', `/inventory/stock/${sku}?position=${stock.position}`)
    await checked('GET', '/inventory/stock', `/inventory/stock?status=in-stock&limit=1`)

    const lines = [{ sku, quantity: 2, unitPrice: 450 }]
    const { id, position } = await checked('POST', '/ordering/orders', '/ordering/orders', { ...placeBody, lines })
    const order = `/ordering/orders/${id}`
    await checked('GET', '/ordering/orders/{id}', `${order}?position=${position}`)
    const reason = 'too late'
    const cancelled = await checked('POST', '/ordering/orders/{id}/cancel', `${order}/cancel`, { reason })
    await checked('GET', '/ordering/orders/{id}', `${order}?position=${cancelled.position}`)
    await checked('GET', '/ordering/orders', `/ordering/orders?position=${cancelled.position}`)
    await checked('GET', '/ordering/sales-by-product', `/ordering/sales-by-product?position=${cancelled.position}`)
    const sales = '/ordering/sales-by-product/{sku}'
    await checked('GET', sales, `${sales.replace('{sku}', sku)}?position=${cancelled.position}`)
    for (const what of ['events', 'state'])
      await checked('GET', `/ordering/streams/{stream}/${what}`, `/ordering/streams/order-${id}/${what}`)

    const { items } = await checked('GET', '/ordering/events', '/ordering/events?limit=1')
    const [{ correlation }] = items
    await checked('GET', '/ordering/traces/{correlation}', `/ordering/traces/${encodeURIComponent(correlation)}`)
    for (const what of ['about', 'streams', 'schedule', 'views'])
      await checked('GET', `/ordering/${what}`, `/ordering/${what}`)
    await checked('GET', '/ordering/views/{view}/documents', '/ordering/views/order/documents?limit=1')
    await checked('POST', '/ordering/verification', '/ordering/verification', {})
    await checked('POST', '/ordering/views/{view}/rebuild', '/ordering/views/canary/rebuild', {})
    await checked('GET', '/ordering/views', '/ordering/views')
  })

  it('describes fulfilments, payments and shipments', async () => {
    const sku = `sku-${randomUUID().slice(0, 8)}`
    await call('POST', `${address}/api/inventory/stock/${sku}/receive`, { body: '{"quantity": 5}' })
    const order = { ...placeBody, lines: [{ sku, quantity: 2, unitPrice: 450 }] }
    const { id } = (await call('POST', `${address}/api/ordering/orders`, { body: JSON.stringify(order) })).body
    for (const [what, category] of [
      ['ordering/fulfilments', 'fulfilment'],
      ['payments/payments', 'payment'],
      ['shipping/shipments', 'shipment'],
    ] as const) {
      // The query waits for the first event of the stream, and reports a timeout.
      const url = `${address}/api/${what}/${id}?position=${category}-${id}@1`
      const answer = await callOnceSeen('GET', url, (behind) =>
        answers.check({ path: `/${what}/{id}`, method: 'GET' }, behind),
      )
      assert.equal(answer.status, 200, JSON.stringify(answer.body))
      answers.check({ path: `/${what}/{id}`, method: 'GET' }, answer)
      answers.check({ path: `/${what}`, method: 'GET' }, await call('GET', `${address}/api/${what}?limit=5`, {}))
    }
    const paymentTotals = '/payments/takings'
    answers.check({ path: paymentTotals, method: 'GET' }, await call('GET', `${address}/api${paymentTotals}`, {}))
  })

  it('is checked by a test that refuses an undocumented answer', () => {
    const headers = new Headers({ 'content-type': 'application/json' })
    const operation = { path: '/ordering/orders/{id}', method: 'GET' }
    assert.throws(() => answers.check(operation, { status: 200, headers, body: { orderId: 1 } }), /orderId/)
    assert.throws(() => answers.check(operation, { status: 418, headers, body: {} }), /no answer 418/)
  })
})
