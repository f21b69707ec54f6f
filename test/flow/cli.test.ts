import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, before, describe, it } from 'node:test'
import { listReactions } from 'tidemark/tools'
import { services } from '../../packages/cli/project/config.ts'
import { Command } from '../../packages/test-support/command.ts'
import { until } from '../../packages/test-support/wait.ts'
import { ordering } from '../../src/ordering/service.ts'
import { address, placeBody } from '../support/orders.ts'
import { System } from '../support/system.ts'

let system: System
let stream: string
let id: string
const correlation = `visit-${randomUUID()}`
before(async () => {
  system = await System.cloudAlone()
  // No other service may answer before the address is changed, since a rejected order cannot be.
  const alone = await system.startHost({ services: ['ordering'] })
  const headers = { 'x-correlation-id': correlation, 'x-actor': 'ada' }
  const placed = await system.client.post('/orders', placeBody, { 'idempotency-key': randomUUID(), ...headers })
  assert.equal(placed.status, 201, JSON.stringify(placed.body))
  id = placed.body.id
  stream = `order-${id}`
  await moveTo('Bruges')
  await alone.stop()
  // The commands ask every service of the project, also one that only follows others.
  await system.startHost({ services: services.map(({ name }) => name) })
})
after(() => system.remove())

async function moveTo(city: string): Promise<void> {
  const body = { shippingAddress: { ...address, city } }
  const key = { 'idempotency-key': randomUUID() }
  const answer = await system.client.post(`/orders/${id}/change-shipping-address`, body, key)
  assert.equal(answer.status, 200, JSON.stringify(answer.body))
}

/** Runs `tidemark` against the system under test. */
function command(...args: readonly string[]): Command {
  const { http, blob, eventHubs, cosmos } = system.ports
  return new Command('packages/cli/tidemark.js', args, {
    TIDEMARK_HTTP_PORT: String(http),
    TIDEMARK_BLOB_PORT: String(blob),
    TIDEMARK_EVENTHUBS_PORT: String(eventHubs),
    TIDEMARK_COSMOS_PORT: String(cosmos),
    TIDEMARK_DATA: system.dataDir,
  })
}

interface Item {
  readonly service: string
  readonly stream: string
  readonly version: number
}

/** Its JSON output. */
async function json(...args: readonly string[]) {
  const { code, out, err } = await command(...args, '--json').ended
  return { code, err, value: out === '' ? undefined : JSON.parse(out) }
}

describe('tidemark, against the running system', () => {
  it('shows a stream with its state and events, now and in the past', async () => {
    const { code, value } = await json('show', stream, '--version', '2', '--events')
    assert.equal(code, 0)
    assert.deepEqual([value.stream, value.version, value.state.shippingAddress.city], [stream, 2, 'Bruges'])
    assert.deepEqual(
      value.events.map(({ version, type }: { version: number; type: string }) => `${version} ${type}`),
      ['1 OrderPlaced', '2 ShippingAddressChanged'],
    )
    const { out } = await command('show', stream, '--version', '1', '--events').ended
    assert.match(out, /^version +time +type +actor +causation +data$/m)
    assert.match(out, /^ +1 +\S+ +OrderPlaced +ada +command:\S+ +\{"orderId":/m)
    assert.doesNotMatch(out, /ShippingAddressChanged/)
  })

  it('shows what changed between two versions, by path', async () => {
    const { value } = await json('diff', stream, '1', '2')
    assert.deepEqual(value.differences, [
      { path: 'shippingAddress.city', kind: 'changed', before: address.city, after: 'Bruges' },
    ])
    assert.deepEqual([value.from, value.to], [1, 2])
    const first = await json('diff', stream, '1', '1')
    assert.deepEqual(first.value.differences, [])
    const { code, err } = await command('diff', stream, '2', '1').ended
    assert.equal(code, 2)
    assert.match(err, /^order-\S+: version 2 is after .*\n$/)
  })

  it('finds streams by the start of their names, and the newest of all services', async () => {
    const { value } = await json('streams', '--prefix', stream.slice(0, 14))
    assert.deepEqual(
      [value.more, value.items.map((item: Item) => [item.service, item.stream, item.version >= 2])],
      [false, [['ordering', stream, true]]],
    )
    const newest = await json('streams', '--limit', '1')
    assert.deepEqual([newest.value.items.length, newest.value.more], [1, true])
    const { out } = await command('streams', '--category', 'order').ended
    assert.match(out, new RegExp(`^ordering +${stream} +\\d +\\S+ +(ShippingAddressChanged|OrderRejected)$`, 'm'))
  })

  it('draws everything that one request caused, across services', async () => {
    const placed = `${stream}@1`
    const { value } = await until(
      'the reservation to be refused, and the order with it',
      () => json('cause', placed),
      ({ value }) => JSON.stringify(value).includes('OrderRejected'),
    )
    const { code, out, err } = await command('cause', correlation).ended
    assert.deepEqual([code, err], [0, `correlation ${correlation}\n`])
    assert.match(out, new RegExp(`^command:.*\n└─ ${placed} OrderPlaced +ordering +\\S+ +ada\n`))
    assert.match(out, /^ +[├└]─ reservation-\S+@1 \w+ +inventory +/m)
    const [tree, ...others] = value.trees
    assert.deepEqual([value.correlation, others, tree.effects.length], [correlation, [], 1])
    assert.equal(tree.effects[0].id, placed)
  })

  it('tails new events, each once, until Ctrl-C', async () => {
    const tail = command('tail', '--category', 'order', '--type', 'OrderPlaced', '--json')
    await tail.prints(stream)
    for (const customerId of ['second', 'third']) {
      const body = { ...placeBody, customerId }
      const answer = await system.client.post('/orders', body, { 'idempotency-key': randomUUID() })
      assert.equal(answer.status, 201, JSON.stringify(answer.body))
    }
    await tail.prints('third')
    tail.kill('SIGINT')
    const { code, out, err } = await tail.ended
    assert.deepEqual([code, err, out.at(-1)], [130, '', '\n'])
    const placed = out
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line))
      .map(({ service, data }) => `${service} ${data.customerId}`)
    assert.deepEqual(
      placed,
      [placeBody.customerId, 'second', 'third'].map((customer) => `ordering ${customer}`),
    )
  })

  it('rebuilds a view, waits for it, and rolls back', async () => {
    const rebuilt = await command('rebuild', 'ordering', 'order').ended
    assert.deepEqual([rebuilt.code, rebuilt.err], [0, ''])
    assert.match(rebuilt.out, /^ordering\/order: rebuild of generation 2: done at \S+\n$/)
    const { value } = await json('views', '--service', 'ordering')
    const order = value.find(({ name }: { name: string }) => name === 'order')
    assert.deepEqual([order.service, order.live, order.rebuild.state], ['ordering', 2, 'done'])
    const back = await json('views', 'go-back', 'ordering', 'order')
    assert.deepEqual([back.code, back.value.action, back.value.state], [0, 'go-back', 'done'])
    const again = await command('views', 'go-back', 'ordering', 'sales-by-product').ended
    assert.equal(again.code, 1)
    assert.match(again.out, /^ordering\/sales-by-product: rollback to a generation: failed: no-way-back: /)
    assert.match((await command('views').ended).out, /^ordering +order +one-stream +order +1 +/m)
  })

  it('shows a view as of a moment, and tries the view and the decider of today on the real history', async () => {
    const shown = await json('views', 'show', 'ordering', 'order', stream, '--version', '1')
    assert.deepEqual([shown.code, shown.value.version, shown.value.document.shippingAddress.city], [0, 1, address.city])
    const key = placeBody.lines[0]?.sku
    const item = system.openContainer('ordering', 'sales-by-product').item('document', `1|document|${key}`)
    const { resource } = await item.read()
    await item.replace({ ...resource, document: { ...resource.document, damaged: true } })
    const dry = await json('rebuild', 'ordering', 'sales-by-product', '--dry-run')
    await item.replace(resource)
    assert.deepEqual([dry.code, dry.value.changed, dry.value.added, dry.value.removed], [1, 1, 0, 0], dry.err)
    const [{ differences, events }] = dry.value.documents
    assert.deepEqual(differences, [{ path: 'damaged', kind: 'removed', before: true }])
    assert.ok(events.newest.some((event: string) => event.endsWith(' OrderPlaced')))
    const tried = await json('decide', stream, 'cancel', '{"reason":"late"}', '--dry-run', '--version', '2')
    assert.deepEqual([tried.code, tried.value.version, tried.value.events[0].type], [0, 2, 'OrderCancelled'])
    const [reaction] = listReactions(ordering)
    const refused = await command('rebuild', 'ordering', `${reaction?.name}`, '--dry-run').ended
    assert.equal(refused.code, 2)
    assert.match(
      refused.err,
      / is a reaction, not a view: it cannot be rebuilt or tried out, .*parked redrive ordering/,
    )
  })

  it('builds a generation separately, shows the differences, and promotes or abandons it', async () => {
    const none = await command('views', 'promote', 'ordering', 'order').ended
    assert.equal(none.code, 1)
    assert.match(none.out, /^ordering\/order: promotion of a generation: failed: nothing-built: /)
    const built = await command('views', 'rebuild', 'ordering', 'order', '--no-promote').ended
    assert.deepEqual([built.code, built.err], [0, ''])
    assert.match(built.out, /^ordering\/order: build of generation 3: done at \S+, 0 of [1-9]\d* documents differ\n/)
    assert.match(built.out, /^compared +changed +added +removed\n +[1-9]\d* +0 +0 +0\n$/m)
    assert.match((await command('views').ended).out, /^ordering +order +one-stream +order +1 +.*3 built/m)
    const abandoned = await json('views', 'abandon', 'ordering', 'order')
    assert.deepEqual([abandoned.code, abandoned.value.action, abandoned.value.target], [0, 'abandon', 3])
    const again = await json('views', 'rebuild', 'ordering', 'order', '--no-promote')
    assert.deepEqual([again.code, again.value.action, again.value.comparison.changed], [0, 'build', 0])
    const promoted = await command('views', 'promote', 'ordering', 'order', '--if-equal').ended
    assert.deepEqual([promoted.code, promoted.err], [0, ''])
    const { value } = await json('views', '--service', 'ordering')
    const order = value.find(({ name }: { name: string }) => name === 'order')
    assert.deepEqual(
      [order.live, order.rebuild.action, order.rebuild.state],
      [again.value.target, 'promote-if-equal', 'done'],
    )
  })

  it('lists the scheduled commands', async () => {
    assert.deepEqual((await json('schedule', '--service', 'shipping')).value, { items: [], more: false })
    const stocked = placeBody.lines.map(({ sku }) => `/stock/${sku}/receive`)
    for (const path of stocked) await system.createClient('inventory').post(path, { quantity: 100 }, {})
    const payment = { method: 'transfer', withinSeconds: 86_400 }
    const { body } = await system.client.post('/orders', { ...placeBody, payment }, { 'idempotency-key': randomUUID() })
    const { value } = await until(
      'the payment to be open',
      () => json('schedule'),
      ({ value }) => value.items.length > 0,
    )
    const [item] = value.items
    assert.deepEqual([item.service, item.stream], ['payments', `payment-${body.id}`])
    const { out } = await command('schedule').ended
    assert.match(out, new RegExp(`^${item.due} +payments +payment-${body.id} +${item.type} +`, 'm'))
  })

  it('shows the lag of all parts, and what is parked', async () => {
    const { value } = await until(
      'all to be handled',
      () => json('lag'),
      ({ code }) => code === 0,
    )
    assert.deepEqual(
      value.map(({ service }: { service: string }) => service),
      ['ordering', 'inventory', 'payments', 'shipping', 'customers'],
    )
    assert.deepEqual((await json('parked')).value, { streams: [], messages: [] })
    const { code, err } = await command('parked', 'redrive', 'ordering', '--stream', 'order-none').ended
    assert.equal(code, 1)
    assert.match(err, /^not-parked: .*order-none\n$/)
  })

  it('finds nothing wrong by doctor, which lists what it could not check', async () => {
    type Found = { readonly area: string; readonly what: string; readonly result: string; readonly detail: string }
    const { code, value } = await json('doctor')
    const findings: readonly Found[] = value
    assert.deepEqual(
      findings.filter(({ result }) => result === 'wrong'),
      [],
    )
    assert.equal(code, 0)
    for (const area of ['versions', 'build', 'declarations', 'settings', 'ports', 'connections', 'services', 'roles'])
      assert.ok(
        findings.some((finding) => finding.area === area && finding.result === 'ok'),
        area,
      )
    const connected = findings.filter(({ area }) => area === 'connections')
    assert.deepEqual(
      connected.map(({ what, result }) => `${what} ${result}`),
      ['cosmos db ok', 'event hubs ok', 'storage ok'],
    )
    assert.equal(findings.filter(({ area }) => area === 'clocks').length, services.length)
    assert.equal(findings.filter(({ area }) => area === 'consumers').length, 15)
  })

  // After the tests of the lag: the relay receives the changed commit, and parks its stream.
  it('lets the services verify their logs, and names what was changed', async () => {
    const { code, out } = await command('verify').ended
    assert.equal(code, 0, out)
    assert.match(out, /^ordering +[1-9]\d* +[1-9]\d* +[1-9]\d* +\d+ +0$/m)
    const { resource: commit } = await system.log.item('0000000000000001', stream).read()
    await system.log.items.upsert({ ...commit, text: commit.text.replace(placeBody.customerId, 'somebody else') })
    const found = await json('verify', 'ordering')
    await system.log.items.upsert(commit)
    assert.equal(found.code, 1)
    const [{ findings }] = found.value
    assert.equal(findings[0].place, `${stream}@1`)
    assert.equal((await command('verify', 'ordering').ended).code, 0)
  })
})

// Last, because it ends the system.
describe('tidemark, with a part down', () => {
  it('reports what is wrong and the remedy by doctor, and exits with 1', async () => {
    system.part('cosmos db').kill('SIGKILL')
    await system.part('cosmos db').exited
    const { code, out } = await command('doctor').ended
    assert.equal(code, 1)
    assert.match(
      out,
      /^ports +cosmos db, \d+ +wrong\n {2}the local cloud runs, process \d+, but nothing listens\n {2}do: restart it/m,
    )
    assert.match(out, /^connections +cosmos db +wrong\n/m)
  })

  it('exits with 3 when nothing answers', async () => {
    await system.stop()
    for (const args of [['lag'], ['show', stream], ['doctor', '--url', system.base.replace('/api/ordering', '')]]) {
      const { code, output } = await command(...args).ended
      assert.equal(code, args[0] === 'doctor' ? 1 : 3, output)
      assert.match(output, /nothing answers at port|gave no answer/)
    }
  })
})
