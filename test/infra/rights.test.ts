import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { CosmosClient } from '@azure/cosmos'
import { type Cloud, startCloud } from '../../packages/local-cloud/cloud.ts'
import { guardAs } from './support/guard.ts'

const path = (relative: string): string => fileURLToPath(new URL(`../../${relative}`, import.meta.url))

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

  it('do not allow changing or deleting an event, or access to another service’s data', async () => {
    const ordering = await guardAs('ordering', cloud.settings.CosmosConnection ?? '')
    ends.unshift(() => ordering.stop())
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

  it('do not allow deleting or listing keys of people, and a grant allows only reading one', async () => {
    const connect = async (service: string) => {
      const guard = await guardAs(service, cloud.settings.CosmosConnection ?? '')
      ends.unshift(() => guard.stop())
      const { connectionString } = guard
      const client = new CosmosClient({ connectionString, connectionPolicy: { enableEndpointDiscovery: false } })
      ends.unshift(async () => client.dispose())
      return client.database('ordering')
    }
    const refused = /does not have required RBAC permissions/
    const key = { id: 'somebody', generation: 1, wrapped: 'text' }
    const own = (await connect('ordering')).container('keys')
    await own.items.create(key)
    await own.item(key.id, key.id).replace({ ...key, generation: 2 })
    assert.equal((await own.item(key.id, key.id).read()).resource?.generation, 2)
    await assert.rejects(own.item(key.id, key.id).delete(), refused)
    await assert.rejects(own.items.upsert(key), refused)
    await assert.rejects(own.items.readAll().fetchAll(), refused)

    const granted = await connect('shipping')
    const keys = granted.container('keys')
    assert.equal((await keys.item(key.id, key.id).read()).resource?.generation, 2)
    await assert.rejects(keys.items.create({ ...key, id: 'other' }), refused)
    await assert.rejects(keys.item(key.id, key.id).replace(key), refused)
    await assert.rejects(keys.items.readAll().fetchAll(), refused)
    await assert.rejects(granted.container('events').item('0', 'order-1').read(), refused)

    const without = (await connect('payments')).container('keys')
    await assert.rejects(without.item(key.id, key.id).read(), refused)
  })
})
