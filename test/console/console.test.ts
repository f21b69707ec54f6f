import assert from 'node:assert/strict'
import { after, afterEach, before, describe, it } from 'node:test'
import { EventHubProducerClient } from '@azure/event-hubs'
import type { Locator, Page } from 'playwright-core'
import type { Child } from '../../packages/kit/child.ts'
import type { Front } from '../../packages/local-cloud/front.ts'
import { until } from '../../packages/test-support/wait.ts'
import { ConsoleHarness } from '../support/console.ts'
import { placeBody } from '../support/orders.ts'
import type { System } from '../support/system.ts'

const SERVICES = ['ordering', 'inventory', 'payments', 'shipping']
const HIDDEN = 'nobody sees this text'
/** How every page is checked: in both colour schemes, on a narrow and on a wide screen. */
const LOOKS = [
  { theme: 'light', width: 360 },
  { theme: 'dark', width: 1280 },
] as const
/** How often a page with a barrier is checked at most. */
const MOST_LOOKS = 3

/**
 * Each test does the task of a page through the page alone, like a user who does not know the API. Each one
 * continues where the one before ended.
 */
describe('the console', () => {
  let harness: ConsoleHarness
  let ordering: Child

  before(async () => {
    harness = await ConsoleHarness.start(SERVICES, startHosts)
  })
  after(() => harness?.stop())
  afterEach(async () => {
    await harness.leave()
    assert.deepEqual(harness.complaints.splice(0), [])
  })

  async function startHosts(system: System, front: Front): Promise<void> {
    const others = SERVICES.filter((name) => name !== 'ordering')
    const [first, second] = await Promise.all([
      system.startHost({ services: ['ordering'] }),
      system.startHost({ services: others, port: 0 }),
    ])
    ordering = first
    front.serve('ordering', first.address)
    for (const name of others) front.serve(name, second.address)
  }

  const parkedIn = async (service: string) => (await harness.system.createClient(service).get('/parked')).body
  const readText = async (locator: Locator): Promise<string> => (await locator.textContent()) ?? ''
  /** A button of the page, by its accessible name. */
  const button = (page: Page, name: string) => page.getByRole('button', { name, exact: true })
  const find = async (page: Page, text: string): Promise<void> => {
    await page.getByRole('searchbox', { name: 'Find a stream, or any text in a view' }).fill(text)
    await button(page, 'Find').click()
  }
  /** Opens the stream that a search from the first page finds. */
  const openFound = async (text: string): Promise<Page> => {
    const page = await harness.open('')
    await find(page, text)
    await page
      .getByRole('region', { name: 'Matching documents' })
      .getByRole('link', { name: /^order-/ })
      .first()
      .click()
    await page.getByRole('heading', { name: 'Events' }).waitFor()
    return page
  }

  /** The accessibility barriers and overflows of the page in each of its looks. */
  async function findBarriers(page: Page): Promise<readonly string[]> {
    const barriers: string[] = []
    for (const look of LOOKS) {
      await harness.show(page, look)
      await page.waitForFunction('document.documentElement.scrollWidth <= innerWidth')
      barriers.push(...(await findLastingBarriers(page)))
    }
    return barriers
  }

  /** The barriers that remain in repeated checks, since a page may be in the middle of an update. */
  async function findLastingBarriers(page: Page): Promise<readonly string[]> {
    let barriers = await harness.findBarriers(page)
    for (let attempts = 1; barriers.length > 0 && attempts < MOST_LOOKS; attempts += 1) {
      console.log(`# checked again: ${barriers.join('; ')}`)
      await page.waitForLoadState('networkidle')
      barriers = await harness.findBarriers(page)
    }
    return barriers
  }

  it("follows the system's colours until the user chooses, and keeps the choice", async () => {
    const page = await harness.open('audit', { theme: 'dark' })
    const background = (): Promise<string> => page.evaluate('getComputedStyle(document.body).backgroundColor')
    const dark = await background()
    await page.getByLabel('Colours').selectOption('light')
    await page.waitForFunction(`getComputedStyle(document.body).backgroundColor !== ${JSON.stringify(dark)}`)
    const light = await background()
    await page.reload()
    await page.getByRole('heading', { name: 'Audit' }).waitFor()
    await page.waitForFunction(`getComputedStyle(document.body).backgroundColor === ${JSON.stringify(light)}`)
  })

  it('makes sample data at a button, and shows each step', async () => {
    const page = await harness.open('try')
    await button(page, 'Make sample data').click()
    await page.getByText('Done.').waitFor()
    const steps = page.getByRole('list', { name: 'Steps' })
    assert.match(await readText(steps), /linus ordered sextant/)
    assert.match(await readText(steps), /clerk-maria changed the address of grace/)
    // The address of an order could not be changed any more once it was decided.
    harness.forgive(409)
  })

  it('shows why an order was rejected', async () => {
    const page = await openFound('linus')
    const list = page.getByRole('region', { name: 'Events' })
    await list.getByText('OrderRejected').waitFor()
    await page.getByText('reason: 1 of sextant wanted, 0 available').first().waitFor()
    const trace = page.getByRole('region', { name: 'Causes and effects' })
    await trace.getByRole('link', { name: /^StockReservationRejected, .*, inventory$/ }).waitFor()
    await trace.getByRole('button', { name: 'Cause tree' }).click()
    await trace.getByRole('listitem').filter({ hasText: 'StockReservationRejected' }).waitFor()
  })

  it('shows who changed an address, its former value, and the order at any version', async () => {
    const page = await openFound('Harbour Road')
    await page
      .getByRole('region', { name: 'Events' })
      .getByRole('button', { name: /ShippingAddressChanged/ })
      .click()
    const state = page.getByRole('region', { name: 'State at version 2' })
    await state.getByText(/^clerk-maria$/).waitFor()
    assert.match(await readText(state), /shippingAddress\.streetName from Quay to Harbour Road/)
    const slider = page.getByRole('slider', { name: 'Version' })
    await slider.focus()
    await page.keyboard.press('Home')
    const first = page.getByRole('region', { name: 'State at version 1' })
    await first.getByText('started this stream').waitFor()
    assert.match(await readText(first), /streetNameQuay/)
    await page.keyboard.press('ArrowRight')
    await state.waitFor()
  })

  it('shows on the map what runs and its state, and moves by keys', async () => {
    const page = await harness.open('')
    for (const group of ['Services', 'Hubs'])
      for (const name of SERVICES)
        await page
          .getByRole('group', { name: group, exact: true })
          .getByRole('link', { name: new RegExp(`^${name} `) })
          .waitFor()
    await page.getByText(`${SERVICES.length} services of ${SERVICES.length} answer`).waitFor()
    await page.getByRole('row', { name: /^inventory-reactions-ordering ordering .* up to date/ }).waitFor()
    await page
      .getByRole('region', { name: 'Archives' })
      .getByRole('row', { name: /^ordering \d/ })
      .waitFor()
    const node = page.getByRole('group', { name: 'Views', exact: true }).getByRole('link', { name: 'sales-by-product' })
    await node.focus()
    await page.keyboard.press('Enter')
    await page.getByRole('heading', { name: 'sales-by-product', level: 1 }).waitFor()
    await page.waitForFunction('document.activeElement.id === "main"')
  })

  it('sends a command by a form, shows its consequences as they arrive, and reports a mistake', async () => {
    const page = await harness.open('try')
    await page.getByRole('combobox', { name: 'Command' }).selectOption('inventory: stock/{id}/receive')
    await page.getByLabel('Sent as').fill('tester')
    await page.getByLabel('id', { exact: true }).fill('compass')
    await page.getByLabel('quantity', { exact: true }).fill('3')
    await button(page, 'Send').click()
    await page.getByText('Accepted: HTTP 200').waitFor()
    const trace = page.getByRole('region', { name: 'Causes and effects' })
    await trace.getByRole('link', { name: /^StockReceived, stock-compass@1, inventory$/ }).waitFor()
    await page.getByRole('combobox', { name: 'Command' }).selectOption('inventory: stock/{id}/adjust')
    await page.getByLabel('id', { exact: true }).fill('compass')
    await page.getByLabel('change', { exact: true }).fill('-9')
    await page.getByLabel('reason', { exact: true }).fill('counted')
    await button(page, 'Send').click()
    await page.getByRole('alert').getByText('HTTP 409').waitFor()
    harness.forgive(409)
  })

  it('shows live events by filters, and holds them back while paused', async () => {
    const page = await harness.open('live?service=inventory')
    const list = page.getByRole('region', { name: 'Events' })
    await list.getByText('stock-compass@1').waitFor()
    await page.getByLabel('Category').selectOption('stock')
    await page.getByLabel('Text', { exact: true }).fill('anchor')
    await list.getByText(/None of \d+ events has/).waitFor()
    const receive = (id: string) =>
      harness.system.createClient('inventory').post(`/stock/${id}/receive`, { quantity: 1 }, {})
    await receive('anchor')
    await list.getByText('stock-anchor@1').waitFor()
    await button(page, 'Pause').click()
    await receive('anchor')
    await list.getByText('1 event, paused').waitFor()
    await button(page, 'Resume').click()
    await list.getByText('stock-anchor@2').waitFor()
  })

  it("shows a view's documents, and the events behind them", async () => {
    const page = await harness.open('views/ordering/order')
    await page.getByLabel('status').selectOption('rejected')
    await page
      .getByRole('region', { name: 'Documents' })
      .getByRole('button', { name: /^order-/ })
      .click()
    const document = page.getByRole('region', { name: 'Document', exact: true })
    await document.getByText('1 of sextant wanted, 0 available', { exact: true }).waitFor()
    await document.getByRole('listitem').filter({ hasText: 'OrderRejected' }).getByRole('link').waitFor()
    await document.getByRole('link', { name: 'Its stream' }).click()
    await page.getByRole('heading', { name: 'State at version 2' }).waitFor()

    await page.goto(`${harness.front.address}/#/views/ordering/sales-by-product?key=cup`)
    await button(page, 'Find its events').click()
    await document
      .getByRole('listitem')
      .filter({ hasText: 'OrderPlaced' })
      .getByRole('link', { name: /^order-.*@1$/ })
      .first()
      .click()
    await page.getByRole('heading', { name: 'State at version 1' }).waitFor()
  })

  it('builds a generation, compares it, promotes or abandons it, and rolls back', async () => {
    // A change that the log does not explain.
    const item = harness.system.openContainer('ordering', 'sales-by-product').item('document', '1|document|cup')
    const { resource } = await item.read()
    await item.replace({ ...resource, document: { ...resource.document, damaged: true } })
    const page = await harness.open('')
    const goTo = (view: string) => page.goto(`${harness.front.address}/#/views/ordering/${view}`)
    const generation = (text: string) => page.getByText(text, { exact: true })
    const does = async (ask: string, action: string): Promise<void> => {
      await button(page, ask).click()
      await button(page, action).click()
    }
    await goTo('order')
    await does('Rebuild…', 'Rebuild and promote')
    await goTo('sales-by-product')
    await does('Rebuild…', 'Build and compare')
    const comparison = page.getByRole('region', { name: 'Generation 2 compared with 1, the live one' })
    await comparison.getByRole('listitem').filter({ hasText: 'changed' }).getByRole('link', { name: 'cup' }).click()
    const beside = comparison.getByRole('group', { name: 'cup in both generations' })
    await beside.getByRole('row', { name: 'damaged removed true' }).waitFor()
    assert.deepEqual(await findBarriers(page), [])
    await does('Abandon…', 'Abandon')
    await page.getByText(/Removal of generation 2: done/).waitFor()
    await generation('2: built').waitFor({ state: 'detached' })
    await does('Rebuild…', 'Build and compare')

    await goTo('order')
    await page.getByText(/Rebuild to generation 2: done/).waitFor()
    await generation('2: live').waitFor()
    await does('Roll back…', 'Roll back')
    await goTo('sales-by-product')
    await generation('3: built').waitFor()
    await does('Promote…', 'Promote')
    await generation('3: live').waitFor()
    await page.getByText(/Promotion of generation 3: done/).waitFor()
    await goTo('order')
    await page.getByText(/Rollback to generation 1: done/).waitFor()
    await generation('1: live').waitFor()
  })

  it('shows the state of each process, and what is scheduled', async () => {
    const order = {
      ...placeBody,
      lines: [{ sku: 'cup', quantity: 1, unitPrice: 1250 }],
      payment: { method: 'transfer', withinSeconds: 900 },
    }
    const { body } = await harness.system.createClient('ordering').post('/orders', order, {})
    const page = await harness.open('processes')
    await page
      .getByRole('row', { name: new RegExp(`^fulfilment-${body.id} [^]*stock: reserved[^]*expire payment-${body.id}`) })
      .waitFor()
    await page
      .getByRole('region', { name: 'Schedule' })
      .getByRole('row', { name: new RegExp(`expire payment-${body.id}`) })
      .waitFor()
  })

  it('shows what changed between versions of an event', async () => {
    const page = await harness.open('audit')
    const events = page.getByRole('region', { name: 'Events of ordering' })
    await events.getByText('OrderPlaced', { exact: true }).click()
    await events.getByRole('list', { name: 'Changes from version 1' }).first().getByText('payment.method').waitFor()
  })

  it('shows an event type that has ended as such, also if the code has none of its versions any more', async () => {
    const page = await harness.open('')
    await page.route('**/api/ordering/about', async (route) => {
      const response = await route.fetch()
      const about = await response.json()
      const ended = [
        { type: 'OrderMoved', category: 'order', versions: [], ended: [] },
        { type: 'OrderSplit', category: 'order', versions: [], ended: ['OrderPlaced', 'OrderConfirmed'] },
      ]
      await route.fulfill({ response, json: { ...about, events: [...about.events, ...ended] } })
    })
    await page.reload()
    await harness.open('audit')
    const events = page.getByRole('region', { name: 'Events of ordering' })
    await events.getByText('ended, read as OrderPlaced, OrderConfirmed', { exact: true }).waitFor()
    await events.getByText('retired, read as nothing', { exact: true }).click()
    await events.getByText('Its versions are in the folder schemas of the project.').first().waitFor()
    assert.equal(await events.getByText(/\b0 versions/).count(), 0)
    await page.unroute('**/api/ordering/about')
    await page.reload()
  })

  it('is accessible on every page, in both colour schemes, and fits a narrow screen', async () => {
    const rejected = await harness.system.createClient('ordering').get('/orders?status=rejected')
    const { orderId } = rejected.body.items[0]
    const events = await harness.system.createClient('ordering').get(`/streams/order-${orderId}/events?limit=1`)
    const page = await harness.open('')
    const barriers: string[] = []
    for (const [hash, shown] of [
      ['', 'up to date'],
      ['streams', 'ShipmentPrepared'],
      ['streams?q=linus', 'view order, ordering'],
      [`stream/ordering/order-${orderId}`, 'StockAnswered'],
      [`trace/${encodeURIComponent(events.body.items[0].correlation)}`, 'StockAnswered'],
      ['live', 'by reaction:'],
      ['views', 'one for each order stream'],
      [`views/ordering/order?key=order-${orderId}`, 'Its stream'],
      ['parked', 'Nothing is parked'],
      ['processes', 'stock: reserved'],
      ['audit', 'Verify ordering'],
      ['try?command=ordering-orders-create', 'Add to lines'],
      ['nowhere', 'There is no page'],
    ] as const) {
      await page.goto(`${harness.front.address}/#/${hash}`)
      await page.locator('main').getByText(shown).first().waitFor()
      barriers.push(...(await findBarriers(page)))
    }
    assert.deepEqual(barriers, [])
  })

  it('verifies a log, finds a tampered event, and links to it', async () => {
    const page = await harness.open('audit')
    await button(page, 'Verify ordering').click()
    await page.getByRole('group', { name: 'Verification of ordering' }).getByText('The log is unchanged.').waitFor()

    const log = harness.system.openLog('inventory')
    const query = {
      query: 'SELECT * FROM c WHERE c.stream = @stream',
      parameters: [{ name: '@stream', value: 'stock-anchor' }],
    }
    const { resources } = await log.items.query(query).fetchAll()
    const [commit] = resources
    const text = commit.text.replace('"quantity":1', '"quantity":9')
    assert.notEqual(text, commit.text)
    await log.item(commit.id, 'stock-anchor').replace({ ...commit, text })
    await button(page, 'Verify inventory').click()
    const verification = page.getByRole('group', { name: 'Verification of inventory' })
    await verification
      .getByRole('link', { name: /^stock-anchor@\d$/ })
      .first()
      .waitFor()
    assert.deepEqual(await findBarriers(page), [])
    await verification
      .getByRole('link', { name: /^stock-anchor@\d$/ })
      .first()
      .click()
    await page.getByRole('heading', { name: 'stock-anchor' }).waitFor()
    // Its state can no longer be computed.
    harness.forgive(500)
  })

  it('redrives a parked stream, skips its event with a reason, and discards a foreign message', async () => {
    await ordering.stop()
    const main = 'test/support/faulty-functions.ts'
    ordering = await harness.system.startHost({
      services: ['ordering'],
      port: 0,
      preload: { env: { FUNCTIONS_HOST_MAIN: main } },
    })
    harness.front.serve('ordering', ordering.address)
    await harness.system.createClient('ordering').post('/orders/bad/place', { ...placeBody, customerId: 'throws' }, {})
    const producer = new EventHubProducerClient(harness.system.settings.EventHubConnection ?? '', 'payments')
    await producer.sendBatch([{ body: HIDDEN }])
    await producer.close()
    await until('both to be parked', async () => {
      const [first, second] = await Promise.all([parkedIn('ordering'), parkedIn('payments')])
      return first.streams.length > 0 && second.messages.length > 0
    })

    const page = await harness.open('parked')
    const stream = page.getByRole('article', { name: /^order-bad@1 for order@/ })
    await stream.getByText('the view has a fault').waitFor()
    await stream.getByRole('button', { name: 'Try again now' }).click()
    await stream.getByText('It still cannot be processed').waitFor()
    await stream.getByRole('button', { name: 'Skip this event…' }).click()
    const dialog = page.getByRole('dialog')
    assert.ok(await dialog.getByRole('button', { name: 'Skip it' }).isDisabled(), 'a reason is needed')
    await dialog.getByLabel('Reason').fill('the view has a fault')
    assert.deepEqual(await findBarriers(page), [])
    await dialog.getByRole('button', { name: 'Skip it' }).click()
    await stream.waitFor({ state: 'detached' })

    const message = page
      .getByRole('region', { name: 'Parked in payments' })
      .getByRole('article', { name: /^Message / })
      .filter({ hasText: HIDDEN })
    await message.getByRole('button', { name: 'Discard it…' }).click()
    await dialog.getByLabel('Reason').fill('of a stranger')
    await dialog.getByRole('button', { name: 'Discard it' }).click()
    await message.waitFor({ state: 'detached' })
  })

  it('explains that a service is unavailable, or open to operators only', async () => {
    harness.front.serve('shipping', undefined)
    const guarded = await harness.system.startHost({
      services: ['payments'],
      port: 0,
      preload: { env: { WEBSITE_AUTH_ENABLED: 'True' } },
    })
    harness.front.serve('payments', guarded.address)
    const page = await harness.open('parked')
    await page.getByRole('alert').getByText('The service is not available: shipping').waitFor()
    await page.getByRole('alert').getByText('Only operators may see this: payments').waitFor()
    assert.deepEqual(await findBarriers(page), [])
    await page.goto(`${harness.front.address}/#/nowhere`)
    await page.getByText('There is no page').waitFor()
    await page.goto(`${harness.front.address}/#/stream/inventory/stock-none`)
    await page.getByRole('alert').getByText('stream-not-found').waitFor()
    for (const status of [403, 404, 503]) harness.forgive(status)
    assert.deepEqual(harness.complaints, [])
    await harness.front.stop()
    await page.goto(`${harness.front.address}/#/parked`).catch(() => {})
    await page.evaluate(`location.hash = '#/audit'`)
    await button(page, 'Verify inventory').click()
    await page.getByRole('alert').getByText('No answer').first().waitFor()
    harness.complaints.splice(0)
  })
})
