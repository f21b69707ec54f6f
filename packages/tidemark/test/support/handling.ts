import type { Container } from '@azure/cosmos'
import type { CommandRequest, CommandResult } from '../../core/command.ts'
import type { AnyDecider } from '../../core/decider.ts'
import type { RecordedEvent } from '../../core/event.ts'
import type { EventStore } from '../../core/ports.ts'
import type { Service } from '../../core/service.ts'
import { CosmosEventStore } from '../../cosmos/event-store.ts'
import { handleCommand } from '../../runtime/command.ts'
import { emptyState, fold } from '../../runtime/fold.ts'
import { stateCache } from '../../runtime/state-cache.ts'
import { ManualClock } from './fakes.ts'

/** The log of a service in Cosmos DB. */
export function cosmosLog(container: Container): EventStore {
  return new CosmosEventStore(container)
}

/** An instance of a service that handles commands on a log, without any knowledge of other instances. */
export function handlingOn(
  service: Service,
  store: EventStore,
): (decider: AnyDecider, request: CommandRequest) => Promise<CommandResult> {
  const instance = { service, store, cache: stateCache(1), clock: new ManualClock() }
  return (decider, request) => handleCommand(instance, decider, request)
}

/** The state that the events lead to. */
export function foldState(decider: AnyDecider, events: readonly RecordedEvent[]): unknown {
  return fold(decider, emptyState(decider), events).state
}
