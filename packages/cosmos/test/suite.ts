import { after, before, describe } from 'node:test'
import { account } from './suite-account.ts'
import { batches } from './suite-batch.ts'
import { bulk } from './suite-bulk.ts'
import { catalog } from './suite-catalog.ts'
import { charges } from './suite-charges.ts'
import { faults } from './suite-faults.ts'
import { changeFeed } from './suite-feed.ts'
import { hierarchicalKeys } from './suite-hierarchical.ts'
import { items } from './suite-items.ts'
import { patches } from './suite-patch.ts'
import { queries } from './suite-queries.ts'
import { queryFeatures } from './suite-query-features.ts'
import { queryRefusals } from './suite-query-refusals.ts'
import { races } from './suite-races.ts'
import { refusals } from './suite-refusals.ts'
import { timeToLive } from './suite-ttl.ts'
import { uniqueKeys } from './suite-unique-keys.ts'
import type { CosmosTarget } from './support.ts'

/** What a Cosmos DB endpoint must do for the unmodified SDK, whatever serves its address. */
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
    bulk(target)
    hierarchicalKeys(target)
    uniqueKeys(target)
    account(target)
    charges(target)
    timeToLive(target)
    changeFeed(target)
    queries(target)
    races(target)
    queryFeatures(target)
    queryRefusals(target)
    faults(target)
  })
}
