import { MemoryEventStore } from '../../memory/event-store.ts'
import { MemoryKeys } from '../../memory/keys.ts'
import { MemoryLogBrowser } from '../../memory/log-browser.ts'
import { MemoryParking } from '../../memory/parking.ts'
import { MemoryProgress } from '../../memory/progress.ts'
import { MemoryRebuilds } from '../../memory/rebuilds.ts'
import { MemorySchedule } from '../../memory/schedule.ts'
import { MemorySnapshots } from '../../memory/snapshots.ts'
import { MemoryViewStore, MemoryViewStores } from '../../memory/view-store.ts'
import { ManualClock } from '../support/fakes.ts'
import { eventFeedSuite } from './event-feed-suite.ts'
import { eventStoreSuite } from './event-store-suite.ts'
import { keysSuite } from './keys-suite.ts'
import { logBrowserSuite } from './log-browser-suite.ts'
import { parkingSuite } from './parking-suite.ts'
import { progressSuite } from './progress-suite.ts'
import { rebuildsSuite } from './rebuilds-suite.ts'
import { scheduleSuite } from './schedule-suite.ts'
import { snapshotsSuite } from './snapshots-suite.ts'
import { viewGenerationsSuite } from './view-generations-suite.ts'
import { viewListsSuite } from './view-lists-suite.ts'
import { viewStoreSuite } from './view-store-suite.ts'

eventStoreSuite('memory', async () => new MemoryEventStore())
viewStoreSuite('memory', async () => new MemoryViewStore())
parkingSuite('memory', async () => new MemoryParking())
viewListsSuite('memory', async () => new MemoryViewStore(), 500)
progressSuite('memory', async () => new MemoryProgress(() => Date.now()))
scheduleSuite('memory', async () => {
  const clock = new ManualClock()
  return {
    schedule: new MemorySchedule(clock),
    now: async () => clock.elapsed(),
    pass: (milliseconds) => void clock.wait(milliseconds),
  }
})
keysSuite('memory', async () => new MemoryKeys())
snapshotsSuite('memory', async () => {
  const snapshots = new MemorySnapshots()
  return { snapshots, put: async (item) => snapshots.put(item) }
})
eventFeedSuite('memory', async () => {
  const log = new MemoryEventStore()
  return { log, feed: log }
})
rebuildsSuite('memory', async () => new MemoryRebuilds())
logBrowserSuite('memory', async () => {
  const log = new MemoryEventStore()
  return { log, browser: new MemoryLogBrowser(log) }
})
viewGenerationsSuite('memory', async () => new MemoryViewStores())
