import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { CosmosClient } from '@azure/cosmos'
import { services } from '../../packages/cli/project/config.ts'
import { buildFunctionsGlob } from '../../packages/cli/project/local-settings.ts'
import { type Cloud, startCloud } from '../../packages/local-cloud/cloud.ts'
import { Apps } from '../support/apps.ts'
import { type DataAction, RightsGuard } from '../support/rights-guard.ts'
import { deployed } from './support/deployed.ts'
import { cell, roleMatrix } from './support/role-matrix.ts'

const path = (relative: string): string => fileURLToPath(new URL(`../../${relative}`, import.meta.url))

const { allowed } = roleMatrix(deployed('prod'), 'nobody')
const mayAs =
  (service: string) =>
  ({ action, what }: DataAction): boolean =>
    allowed.has(cell(service, action, what))

describe('the rights that the template assigns', () => {
  const ends: (() => Promise<unknown>)[] = []
  let cloud: Cloud
  let folder: string
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'tidemark-rights-'))
    ends.unshift(() => rm(folder, { recursive: true, force: true }))
    cloud = await startCloud({
      dataDir: folder,
      topologyFile: path('infra/topology.json'),
      ports: { blob: 0, eventHubs: 0, cosmos: 0 },
      fresh: false,
    })
    ends.unshift(cloud.stop)
  })
  after(async () => {
    for (const end of ends) await end()
  })

  const guarded = async (service: string): Promise<RightsGuard> => {
    const guard = await RightsGuard.start(cloud.settings.CosmosConnection ?? '', mayAs(service))
    ends.unshift(() => guard.stop())
    return guard
  }

  it('do not allow changing or deleting an event, or access to another service’s data', async () => {
    const ordering = await guarded('ordering')
    const client = new CosmosClient({
      connectionString: ordering.connectionString,
      connectionPolicy: { enableEndpointDiscovery: false },
    })
    ends.unshift(async () => client.dispose())
    const own = client.database('ordering').container('events')
    // The relay skips receipts, so attempts on one block nothing.
    const receipt = { id: '~tried', stream: 'order-0', key: 'tried', fingerprint: '', version: 0, said: 1 }
    await own.items.create(receipt)
    assert.equal((await own.item(receipt.id, receipt.stream).read()).resource?.said, 1)
    const refused = /does not have required RBAC permissions/
    await assert.rejects(own.item(receipt.id, receipt.stream).replace({ ...receipt, said: 2 }), refused)
    await assert.rejects(own.items.upsert(receipt), refused)
    await assert.rejects(own.item(receipt.id, receipt.stream).patch([{ op: 'set', path: '/said', value: 2 }]), refused)
    await assert.rejects(own.item(receipt.id, receipt.stream).delete(), refused)
    await assert.rejects(own.items.batch([{ operationType: 'Delete', id: receipt.id }], receipt.stream), refused)
    await assert.rejects(own.delete(), refused)
    const other = client.database('payments').container('events')
    await assert.rejects(other.items.create(receipt), refused)
    await assert.rejects(other.item(receipt.id, receipt.stream).read(), refused)
    await assert.rejects(client.database('payments').container('payment').items.readAll().fetchAll(), refused)
    assert.equal((await own.item(receipt.id, receipt.stream).read()).resource?.said, 1)
    assert.ok(ordering.refused.length >= 9)
  })

  it('are enough to complete an order, with each app limited to its own', async (t) => {
    const guards = new Map<string, RightsGuard>()
    const apps = new Apps()
    for (const { name } of services) {
      const guard = await guarded(name)
      guards.set(name, guard)
      const settings = {
        ...cloud.settings,
        FUNCTIONS_HOST_MAIN: buildFunctionsGlob([name]),
        CosmosConnection: guard.connectionString,
      }
      const host = await apps.start(name, settings)
      ends.unshift(() => host.stop())
    }
    await apps.completeAnOrder()
    // A list of a view, and the events of a stream.
    const listed = await apps.at('ordering').get('/orders?status=completed')
    assert.equal(listed.body.items.length, 1, JSON.stringify(listed.body))
    const stream = `order-${listed.body.items[0].orderId}`
    assert.equal((await apps.at('ordering').get(`/streams/${stream}/events`)).body.items.length, 3)
    for (const [service, { refused, allowed: done }] of guards) {
      assert.deepEqual(refused, [], service)
      assert.ok(done.size > 10, `${service} did ${done.size} things`)
      t.diagnostic(
        `${service}: ${done.size} of its rights used, ${[...done.values()].reduce((sum, n) => sum + n, 0)} times`,
      )
    }
  })
})
