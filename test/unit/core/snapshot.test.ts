import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { hasSnapshots, SNAPSHOTS } from '../../../src/core/service.ts'
import { inventory } from '../../../src/services/inventory/service.ts'
import { ordering } from '../../../src/services/ordering/service.ts'
import { topologyOf } from '../../../src/topology.ts'

describe('the container of snapshots', () => {
  it('is there where a decider has a state version alone, is never queried, and forgets nothing by itself', () => {
    assert.deepEqual([hasSnapshots(inventory), hasSnapshots(ordering)], [true, false])
    const [of, none] = topologyOf([inventory, ordering]).databases.map(({ containers }) =>
      containers.find(({ name }) => name === SNAPSHOTS),
    )
    assert.deepEqual(of, { name: 'snapshots', partitionKey: '/stream', access: 'write', indexedPaths: [] })
    assert.equal(none, undefined)
  })
})
