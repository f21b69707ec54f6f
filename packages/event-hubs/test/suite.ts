import { after, before, describe } from 'node:test'
import { unrefRenewals } from './sdk-timers.ts'
import { balancing } from './suite-balance.ts'
import { connections } from './suite-connection.ts'
import { crashes } from './suite-crash.ts'
import { crowd } from './suite-crowd.ts'
import { faults } from './suite-faults.ts'
import { flows } from './suite-flow.ts'
import { hostility } from './suite-hostile.ts'
import { idempotence } from './suite-idempotent.ts'
import { links } from './suite-links.ts'
import { protocol } from './suite-protocol.ts'
import { receiving } from './suite-receive.ts'
import { refusals } from './suite-refusals.ts'
import { requests } from './suite-requests.ts'
import { sending } from './suite-send.ts'
import type { EventHubsTarget } from './support.ts'

/** The tests that any Event Hubs server must pass with unmodified SDKs. */
export function eventHubsSuite(name: string, start: () => Promise<EventHubsTarget>): void {
  describe(name, () => {
    let running: EventHubsTarget
    const target = (): EventHubsTarget => running
    before(async () => {
      unrefRenewals()
      running = await start()
    })
    after(() => running?.stop())
    refusals(target)
    sending(target)
    receiving(target)
    idempotence(target)
    links(target)
    protocol(target)
    connections(target)
    flows(target)
    requests(target)
    // Before the tests that kill the server, because its witness must stay connected.
    hostility(target)
    balancing(target)
    faults(target)
    crashes(target)
    crowd(target)
  })
}
