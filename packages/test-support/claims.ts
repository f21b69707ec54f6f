import assert from 'node:assert/strict'
import type { Container } from '@azure/cosmos'
import type { ContainerClient } from '@azure/storage-blob'
import { until } from './wait.ts'

/** A claim that only one host can have: a partition of a hub, or a lease. */
interface Claim {
  readonly id: string
  /** Empty if it is free. */
  readonly owner: string
  /** Changes each time the owner renews it. */
  readonly written: string
}

/** A consumer group's claim of a partition, as hosts write them into blobs. */
interface PartitionClaim extends Claim {
  /** `<hub>/<group>` */
  readonly group: string
}

/** The claims of all hubs. @param container `azure-webjobs-eventhub` */
export async function partitionClaims(container: ContainerClient): Promise<readonly PartitionClaim[]> {
  const found: PartitionClaim[] = []
  for await (const { name, metadata, properties } of container.listBlobsFlat({ includeMetadata: true })) {
    const [, hub, group, kind] = name.split('/')
    if (kind === 'ownership')
      found.push({ id: name, group: `${hub}/${group}`, owner: metadata?.ownerid ?? '', written: properties.etag })
  }
  return found
}

/** The leases of relays. @param container `leases` */
export async function leaseClaims(container: Container): Promise<readonly Claim[]> {
  const { resources } = await container.items.readAll<{ id: string; owner: string | null; _etag: string }>().fetchAll()
  return resources.map(({ id, owner, _etag }) => ({ id, owner: owner ?? '', written: _etag }))
}

/**
 * Settles once every claim was renewed this often.
 * @throws AssertionError as soon as one changes its owner.
 */
export async function staysWithOwners(claims: () => Promise<readonly Claim[]>, renewals: number): Promise<void> {
  const owners = new Map((await claims()).map(({ id, owner }) => [id, owner]))
  const writes = new Map<string, Set<string>>()
  assert.ok(owners.size > 0)
  await until('all claims to be renewed', async () => {
    for (const { id, owner, written } of await claims()) {
      assert.equal(owner, owners.get(id), `${id} has another owner`)
      writes.set(id, (writes.get(id) ?? new Set()).add(written))
    }
    return [...owners.keys()].every((id) => (writes.get(id)?.size ?? 0) > renewals)
  })
}
