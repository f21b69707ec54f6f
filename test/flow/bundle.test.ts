import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { bundleService } from '../../cli/bundle/service-bundle.ts'
import { Client } from '../../cli/demo/client.ts'
import { localSettings } from '../../cli/local-settings.ts'
import { startCloud } from '../../local/cloud.ts'
import { startChild } from '../../local/kit/child.ts'
import { placeBody } from '../support/orders.ts'
import { call } from '../support/system.ts'

const path = (relative: string): string => fileURLToPath(new URL(`../../${relative}`, import.meta.url))

describe('the bundles', () => {
  // Outside the repository: no package of its node_modules can be found from there.
  it('serve apart: an order is placed, seen, and decided through the hubs', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'tidemark-bundles-'))
    const ends: (() => Promise<void>)[] = [() => rm(folder, { recursive: true, force: true })]
    try {
      const cloud = await startCloud({
        dataDir: join(folder, 'data'),
        topologyFile: path('infra/topology.json'),
        ports: { blob: 0, eventHubs: 0, cosmos: 0 },
        fresh: false,
      })
      ends.unshift(cloud.stop)
      const start = async (service: string): Promise<Client> => {
        const root = join(folder, service)
        await bundleService(service, root)
        const host = await startChild(service, path('local/host/main.ts'), {
          ...localSettings(),
          ...cloud.settings,
          TIDEMARK_FUNCTIONS_ROOT: root,
          TIDEMARK_HTTP_PORT: '0',
        })
        ends.unshift(() => host.stop())
        const { body } = await call('GET', `${host.address}/api/openapi.json`, {})
        assert.deepEqual([...new Set(Object.keys(body.paths).map((each) => each.split('/')[1]))], [service])
        return new Client(`${host.address}/api/${service}`)
      }
      const ordering = await start('ordering')
      const placed = await ordering.post('/orders', placeBody, {})
      assert.equal(placed.status, 201, JSON.stringify(placed.body))
      const order = async (version: number) =>
        (await ordering.get(`/orders/${placed.body.id}?position=order-${placed.body.id}@${version}`)).body.status
      assert.equal(await order(1), 'placed')
      // Nothing is in stock.
      await start('inventory')
      assert.equal(await order(2), 'rejected')
    } finally {
      for (const end of ends) await end()
    }
  })
})
