import assert from 'node:assert/strict'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { CosmosClient } from '@azure/cosmos'
import { EventHubProducerClient } from '@azure/event-hubs'
import { BlobServiceClient, StorageSharedKeyCredential } from '@azure/storage-blob'
import type { Browser, Page } from 'playwright-core'
import { Command } from '../../packages/test-support/command.ts'
import { EMULATOR_KEY } from '../../packages/test-support/cosmos.ts'
import { nobodyListens, ownSettings } from '../../packages/test-support/ports.ts'
import { WAIT_MS } from '../../packages/test-support/wait.ts'
import { startBrowser } from '../support/browser.ts'

const BLOB_ACCOUNT = 'devstoreaccount1'
const BLOB_KEY = 'Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=='

/** `npm start` on a machine that several people use. */
/** Waits until the page lists orders, so its token was accepted. */
function ordersShown(page: Page): Promise<void> {
  return page
    .getByRole('link', { name: /^order-/ })
    .first()
    .waitFor()
}

describe('a system with a token', () => {
  let folder: string
  let env: Record<string, string>
  let system: Command
  let token: string
  let browser: Browser

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'tidemark-token-'))
    env = { ...(await ownSettings(join(folder, 'data'))), TIDEMARK_REQUIRE_TOKEN: '1' }
    system = new Command('packages/cli/start.ts', ['--one-process'], env)
    await system.prints('ready: ')
    token = await readFile(join(folder, 'data/token'), 'utf8')
    browser = await startBrowser()
  })
  after(async () => {
    await browser?.close()
    system.kill('SIGINT')
    await system.ended
    await nobodyListens(env)
    await rm(folder, { recursive: true, force: true })
  })
  const consoleAddress = (): string => /^console +(\S+)$/m.exec(system.output)?.[1] ?? ''

  it('refuses requests without it, at the front and at the host behind it', async () => {
    const [front, host] = [new URL(consoleAddress()).origin, /^functions +(http:\/\/[^/]+)/m.exec(system.output)?.[1]]
    const readStatus = async (url: string, shown?: string): Promise<number> =>
      (await fetch(url, { headers: shown === undefined ? {} : { authorization: `Bearer ${shown}` } })).status
    for (const address of [front, host])
      for (const path of ['about', 'orders', 'status', 'views', 'streams']) {
        const url = `${address}/api/ordering/${path}`
        const statuses = [
          await readStatus(url),
          await readStatus(url, `${token.slice(1)}x`),
          await readStatus(url, token),
        ]
        assert.deepEqual(statuses, [401, 401, 200], url)
      }
  })

  it('accepts the commands of the user who started it, who can read the token', async () => {
    const asked = await new Command('packages/cli/tidemark.js', ['views', '--json'], env).ended
    assert.deepEqual([asked.code, asked.err], [0, ''])
    const demo = await new Command('packages/cli/demo.ts', ['--orders', '20'], env).ended
    assert.equal(demo.code, 0, demo.output)
    const stranger = await new Command('packages/cli/tidemark.js', ['views'], {
      ...env,
      TIDEMARK_DATA: join(folder, 'other'),
    }).ended
    assert.equal(stranger.code, 3)
    assert.match(stranger.err, /requires a token: is TIDEMARK_DATA the folder of the system that runs there\?/)
  })

  it("refuses the published keys of the vendor's emulators", async () => {
    const at = (name: string): string => `127.0.0.1:${env[name]}`
    const cosmos = new CosmosClient({ endpoint: `http://${at('TIDEMARK_COSMOS_PORT')}`, key: EMULATOR_KEY })
    await assert.rejects(cosmos.database('ordering').container('events').items.readAll().fetchAll(), { code: 401 })
    cosmos.dispose()
    const sas =
      'SharedAccessKeyName=RootManageSharedAccessKey;SharedAccessKey=SAS_KEY_VALUE;UseDevelopmentEmulator=true'
    const port = env.TIDEMARK_EVENTHUBS_PORT
    const hub = new EventHubProducerClient(`Endpoint=sb://localhost:${port};${sas}`, 'ordering', {
      retryOptions: { maxRetries: 0 },
    })
    await assert.rejects(hub.getPartitionIds(), /invalid signature|unauthorized/i)
    await hub.close()
    const blobs = new BlobServiceClient(
      `http://${at('TIDEMARK_BLOB_PORT')}/${BLOB_ACCOUNT}`,
      new StorageSharedKeyCredential(BLOB_ACCOUNT, BLOB_KEY),
      { retryOptions: { maxTries: 1 } },
    )
    await assert.rejects(blobs.listContainers().next(), { statusCode: 403 })
    const verified = await new Command('packages/cli/verify.ts', ['ordering'], env).ended
    assert.equal(verified.code, 0, verified.output)
  })

  it('accepts the console at the printed address, from which the token is removed', async () => {
    const page = await (await browser.newContext()).newPage()
    page.setDefaultTimeout(WAIT_MS)
    const asked: string[] = []
    page.on('request', (request) => asked.push(request.url()))
    await page.goto(consoleAddress())
    await page.getByRole('link', { name: 'Streams', exact: true }).click()
    await ordersShown(page)
    assert.equal(page.url().includes(token), false)
    assert.deepEqual(
      asked.filter((url) => url.includes(token)),
      [],
    )
    // For as long as the tab is open.
    await page.reload()
    await ordersShown(page)
  })

  it('says what to do without the token, and accepts it in the same tab', async () => {
    const page = await (await browser.newContext()).newPage()
    page.setDefaultTimeout(WAIT_MS)
    await page.goto(`${new URL(consoleAddress()).origin}/#/streams`)
    await page.getByText('token-required').first().waitFor()
    await page.getByText('Open the address that was printed').first().waitFor()
    await page.goto(consoleAddress())
    await page.getByRole('link', { name: 'Streams', exact: true }).click()
    await ordersShown(page)
  })

  it('is open to `tidemark console` from elsewhere, whose page never sees the credentials', async () => {
    // Azure requires a bearer token that its host checks, in place of this system's token.
    const url = new URL(consoleAddress()).origin
    const served = new Command('packages/cli/tidemark.js', ['console', '--port', '0', '--url', url], {
      ...env,
      TIDEMARK_TOKEN: token,
    })
    try {
      await served.prints('ready: ')
      const [, address = ''] = /^console +(\S+)$/m.exec(served.out) ?? []
      const page = await (await browser.newContext()).newPage()
      page.setDefaultTimeout(WAIT_MS)
      const seen: string[] = []
      page.on('response', async (response) => {
        seen.push(JSON.stringify([response.url(), response.headers(), await response.request().allHeaders()]))
        if (response.url().includes('/api/')) seen.push(await response.text().catch(() => ''))
      })
      await page.goto(address)
      await page.getByRole('searchbox').fill('order-')
      await page.getByRole('button', { name: 'Find', exact: true }).click()
      await page
        .getByRole('link', { name: /^order-/ })
        .first()
        .click()
      await page.getByRole('heading', { name: 'Events' }).waitFor()
      await page.getByRole('link', { name: 'Try it', exact: true }).click()
      await page.getByRole('button', { name: 'Make sample data', exact: true }).click()
      await page.getByText('the warehouse dispatched a shipment').first().waitFor()
      assert.ok(seen.length > 20)
      assert.equal(seen.join('\n').includes(token), false)
      assert.equal((await fetch(`${new URL(address).origin}/api/ordering/about`)).status, 401)
      served.kill('SIGINT')
      assert.equal((await served.ended).code, 130)
      assert.equal(served.output.includes(token), false)
    } finally {
      served.kill('SIGKILL')
    }
  })

  it('prints the token where it is started, and nowhere else', () => {
    assert.equal(system.output.split(token).length, 2)
    assert.equal(system.err.includes(token), false)
  })
})
