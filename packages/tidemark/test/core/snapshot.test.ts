import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { hasSnapshots, SNAPSHOTS } from '../../core/service.ts'
import { buildTopology } from '../../topology.ts'
import { ordering } from '../domain/orders.ts'
import { inventory } from '../domain/stock.ts'

describe('the container of snapshots', () => {
  it('exists only for a decider with a state version, has no index and never expires items', () => {
    assert.deepEqual([hasSnapshots(inventory), hasSnapshots(ordering)], [true, false])
    const [of, none] = buildTopology([inventory, ordering]).databases.map(({ containers }) =>
      containers.find(({ name }) => name === SNAPSHOTS),
    )
    assert.deepEqual(of, { name: 'snapshots', partitionKey: '/stream', access: 'write', indexedPaths: [] })
    assert.equal(none, undefined)
  })
})
