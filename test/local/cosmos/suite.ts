import { after, before, describe } from 'node:test'
import { batches } from './suite-batch.ts'
import { catalog } from './suite-catalog.ts'
import { faults } from './suite-faults.ts'
import { changeFeed } from './suite-feed.ts'
import { items } from './suite-items.ts'
import { patches } from './suite-patch.ts'
import { queries } from './suite-queries.ts'
import { queryFeatures } from './suite-query-features.ts'
import { queryRefusals } from './suite-query-refusals.ts'
import { refusals } from './suite-refusals.ts'
import { timeToLive } from './suite-ttl.ts'
import type { CosmosTarget } from './support.ts'

/** What any Cosmos DB endpoint must do for the unmodified SDK, whatever is behind its address. */
export function cosmosSuite(name: string, start: () => Promise<CosmosTarget>): void {
  describe(name, () => {
    let running: CosmosTarget
    const target = (): CosmosTarget => running
    before(async () => {
      running = await start()
    })
    after(() => running?.stop())
    refusals(target)
    catalog(target)
    items(target)
    patches(target)
    batches(target)
    timeToLive(target)
    changeFeed(target)
    queries(target)
    queryFeatures(target)
    queryRefusals(target)
    faults(target)
  })
}
