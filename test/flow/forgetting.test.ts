import assert from 'node:assert/strict'
import { randomBytes, randomUUID } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { gunzipSync } from 'node:zlib'
import { EventHubProducerClient } from '@azure/event-hubs'
import { BlobServiceClient } from '@azure/storage-blob'
import { cloudEvent, toCloudEvent } from 'tidemark/tools'
import { readLog } from '../../packages/cli/demo/raw-fold.ts'
import { Command } from '../../packages/test-support/command.ts'
import { until } from '../../packages/test-support/wait.ts'
import { address, placeBody } from '../support/orders.ts'
import { System } from '../support/system.ts'

/** A text that nothing else contains. */
const unique = (): string => `Q${randomBytes(9).toString('hex')}z`

const [name, street, newName] = [unique(), unique(), unique()]
/** Not personal, so the same search must find it: otherwise it would find nothing anywhere. */
const city = unique()
const customerId = `customer-${unique()}`
const SECRETS = [name, street, newName]

let system: System
let output = ''
let orderId: string
before(async () => {
  system = await System.cloudAlone()
  await system.startHost({ preload: { env: { TIDEMARK_ARCHIVE_SECONDS: '1' } }, onOutput: (text) => (output += text) })
  await system.createClient('inventory').post('/stock/tea/receive', { quantity: 10 }, {})
  const shippingAddress = { ...address, name, street: `${street} 7`, city }
  const lines = [{ sku: 'tea', quantity: 2, unitPrice: 450 }]
  const { status, body } = await system.client.post('/orders', { ...placeBody, customerId, lines, shippingAddress }, {})
  assert.equal(status, 201)
  orderId = String(body.id)
  await system.untilStatus('shipping', `/shipments/${orderId}`, 'prepared')
})
after(() => system.remove())

/** A text in the forms in which a store could hold it: UTF-8, UTF-16, and base64 from any offset. */
function listForms(text: string): readonly Buffer[] {
  const base64 = [0, 1, 2].map((offset) => {
    const encoded = Buffer.concat([Buffer.alloc(offset), Buffer.from(text)]).toString('base64')
    // The first and the last characters depend on what is around the text.
    return Buffer.from(encoded.slice(offset === 0 ? 0 : 4, encoded.length - 4))
  })
  return [Buffer.from(text), Buffer.from(text, 'utf16le'), ...base64]
}

/** The places where the local cloud holds any of these texts, and how many files and segments were searched. */
async function search(
  texts: readonly string[],
): Promise<{ readonly places: ReadonlySet<string>; readonly searched: number }> {
  const forms = texts.flatMap(listForms)
  const places = new Set<string>()
  let searched = 0
  const look = (place: string, bytes: Buffer): void => {
    searched += 1
    if (forms.some((form) => bytes.includes(form))) places.add(place)
  }
  for (const entry of await readdir(system.dataDir, { recursive: true, withFileTypes: true }))
    if (entry.isFile()) {
      const folder = entry.parentPath.slice(system.dataDir.length + 1).split('/')[0] ?? ''
      look(folder === '' ? entry.name : folder, await readFile(join(entry.parentPath, entry.name)))
    }
  const blobs = BlobServiceClient.fromConnectionString(system.settings.AzureWebJobsStorage ?? '')
  for await (const { name: container } of blobs.listContainers())
    for await (const { name: blob } of blobs.getContainerClient(container).listBlobsFlat()) {
      const bytes = await blobs.getContainerClient(container).getBlobClient(blob).downloadToBuffer()
      look(container, bytes.subarray(0, 2).toString('hex') === '1f8b' ? gunzipSync(bytes) : bytes)
    }
  look('output', Buffer.from(output))
  return { places, searched }
}

/** Waits until the archives have everything, so that a search covers them. */
async function untilArchived(): Promise<void> {
  for (const service of ['ordering', 'shipping'])
    await until(`the archive of ${service}`, async () => {
      const { body } = await system.createClient(service).get('/status')
      return body.archive?.items === 0
    })
}

async function assertNoPlaintext(): Promise<void> {
  await untilArchived()
  const control = await search([city])
  const found = [...control.places].filter((place) => ['cosmos', 'eventhubs', 'archive-ordering'].includes(place))
  assert.deepEqual(
    found.toSorted(),
    ['archive-ordering', 'cosmos', 'eventhubs'],
    'the search finds what is not personal',
  )
  const { places, searched } = await search(SECRETS)
  console.log(`# ${searched} files, segments and outputs were searched for ${SECRETS.length} texts`)
  assert.deepEqual([...places], [])
}

const get = async (service: string, path: string) => (await system.createClient(service).get(path)).body

describe('personal texts', () => {
  it('are in answers, and nowhere in log, hubs, archive, views, what is parked and output', async () => {
    const moved = { ...address, name: newName, street, city }
    const path = `/orders/${orderId}/change-shipping-address`
    const refused = await system.client.post(path, { shippingAddress: { ...moved, name: '~personal:1:x~' } }, {})
    assert.deepEqual([refused.status, refused.body.code], [400, 'invalid-command'])
    const second = await system.client.post(
      '/orders',
      { ...placeBody, customerId, shippingAddress: moved },
      { 'idempotency-key': randomUUID() },
    )
    assert.equal(second.status, 201)
    await parkForged()
    const shipment = await get('shipping', `/shipments/${orderId}`)
    assert.deepEqual([shipment.address.name, shipment.address.street], [name, `${street} 7`])
    const order = await get(
      'ordering',
      `/orders/${second.body.id}?position=${encodeURIComponent(second.body.position)}`,
    )
    assert.equal(order.shippingAddress.name, newName)
    await assertNoPlaintext()
  })

  it('of a subject that is forgotten are in no answer either; all else goes on, and verifies', async () => {
    const plan = await cli('forget', customerId)
    assert.match(plan.out, /ordering +[0-9a-f]{32}\.1 +has a key/)
    assert.match(plan.out, /shipping +[0-9a-f]{32}\.1 +has a key/)
    assert.match(plan.err, /^nothing was changed/)
    assert.equal((await get('ordering', `/orders/${orderId}`)).shippingAddress.name, name)

    const done = await cli('forget', customerId, '--reason', 'ticket 12', '--yes')
    assert.match(
      done.out,
      /forgotten at .* by .*: ticket 12; in every process by .*; recorded as erasure-[0-9a-f]{32}@1/,
    )
    // Shipping reads the texts of ordering, so ordering is the first, and no process seals with its key any more.
    const times = ['ordering', 'shipping'].map((service) => {
      const [, time = ''] = new RegExp(`^${service} .* forgotten at (\\S+) by`, 'm').exec(done.out) ?? []
      return Date.parse(time)
    })
    assert.ok((times[1] ?? 0) - (times[0] ?? 0) >= 2_000, done.out)
    const { shippingAddress } = await get('ordering', `/orders/${orderId}`)
    assert.deepEqual([shippingAddress.name, shippingAddress.street], ['forgotten', 'forgotten -'])
    assert.equal(shippingAddress.city, city)
    assert.equal((await get('shipping', `/shipments/${orderId}`)).address.name, 'forgotten')
    for (const path of [`/streams/order-${orderId}/events`, `/streams/order-${orderId}/state`, '/orders'])
      assertNoSecret(path, await get('ordering', path))
    assertNoSecret('streams', await get('shipping', `/streams/shipment-${orderId}/events`))

    const dispatched = await system.createClient('shipping').post(`/shipments/${orderId}/dispatch`, {}, {})
    assert.equal(dispatched.status, 200)
    await system.untilStatus('ordering', `/orders/${orderId}`, 'completed')
    const rebuilt = await cli('rebuild', 'ordering', 'order', '--if-equal')
    assert.match(rebuilt.out, /done at .*, 0 of 2 documents differ/)
    const verified = await cli('verify', 'ordering', 'shipping')
    assert.match(verified.out, /^ordering( +[0-9]+){4} +0$/m)
    await assertNoPlaintext()
  })
})

function assertNoSecret(path: string, body: unknown): void {
  const text = JSON.stringify(body)
  assert.ok(text.includes(orderId), `${path} is about the order`)
  for (const secret of SECRETS) assert.ok(!text.includes(secret), `${path} has ${secret}`)
}

/** Sends a message to the hub that no consumer accepts, with an event's content. It is parked as it is. */
async function parkForged(): Promise<void> {
  const { resources } = await system.log.items.query('SELECT * FROM c').fetchAll()
  const event = readLog(resources).events.find(({ stream }) => stream === `order-${orderId}`)
  assert.ok(event)
  const forged = { ...cloudEvent.parse(toCloudEvent(event as never)), actor: 'another' }
  const producer = new EventHubProducerClient(system.settings.EventHubConnection ?? '', 'ordering')
  try {
    await producer.sendBatch([{ body: forged }], { partitionId: '0' })
  } finally {
    await producer.close()
  }
  await until('the message to be parked', async () => (await get('ordering', '/parked')).messages.length > 0)
}

/** Runs a command of the CLI that must succeed. */
async function cli(...args: readonly string[]): Promise<{ readonly out: string; readonly err: string }> {
  const { http, cosmos, blob } = system.ports
  const { code, out, err } = await new Command('packages/cli/tidemark.js', args, {
    ...process.env,
    TIDEMARK_HTTP_PORT: String(http),
    TIDEMARK_COSMOS_PORT: String(cosmos),
    TIDEMARK_BLOB_PORT: String(blob),
  }).ended
  assert.equal(code, 0, `${args.join(' ')}\n${out}\n${err}`)
  return { out, err }
}
