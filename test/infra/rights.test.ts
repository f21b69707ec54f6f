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
})
