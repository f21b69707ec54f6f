import { MemoryEventStore } from '../../src/adapters/memory/event-store.ts'
import { MemoryPositions } from '../../src/adapters/memory/positions.ts'
import { MemoryViewStore } from '../../src/adapters/memory/view-store.ts'
import { eventStoreSuite } from './event-store-suite.ts'
import { positionsSuite } from './positions-suite.ts'
import { viewStoreSuite } from './view-store-suite.ts'

eventStoreSuite('memory', async () => new MemoryEventStore())
viewStoreSuite('memory', async () => new MemoryViewStore())
positionsSuite('memory', async () => new MemoryPositions())
