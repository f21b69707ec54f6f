import { type Command, isTidemarkError, type RecordedEvent, type Service } from 'tidemark'
import { type AnyDecider, listReactions } from 'tidemark/tools'
import type { CommandResult } from '../../core/command.ts'
import { parseCategory } from '../../core/stream.ts'
import { MemoryEventStore } from '../../memory/event-store.ts'
import { MemorySchedule } from '../../memory/schedule.ts'
import { type CommandDependencies, handleCommand } from '../../runtime/command.ts'
import { type ReactDependencies, reaction } from '../../runtime/react.ts'
import { type ScheduleDependencies, sendDue } from '../../runtime/schedule.ts'
import { stateCache } from '../../runtime/state-cache.ts'
import { ManualClock, request } from './fakes.ts'
import { SteppedStore } from './stepped-store.ts'

class Dead extends Error {}

/**
 * Delivers events of one stream to the service's reactions that follow it. As with a trigger, it repeats
 * until they succeed or the process is dead.
 */
export type Instance = (events: readonly RecordedEvent[]) => Promise<void>

/** Decides whose step is next: fast-check's scheduler, or `IMMEDIATE`. */
export interface Turns {
  schedule(task: Promise<void>): Promise<unknown>
}

/** Every step runs at once. */
export const IMMEDIATE: Turns = { schedule: (task) => task }

/**
 * A service with reactions: processes with their own caches on one log, each step of which waits for its turn.
 */
export class Reacting {
  readonly log = new MemoryEventStore()
  readonly clock = new ManualClock()
  readonly schedule = new MemorySchedule(this.clock)
  readonly #service: Service
  /** Read at every step, so that a test can set up its start immediately. */
  turns: Turns

  constructor(service: Service, turns: Turns) {
    this.#service = service
    this.turns = turns
  }

  /**
   * A process.
   * @param diesAfter the number of steps after which it dies.
   */
  instance(diesAfter = Number.POSITIVE_INFINITY): Instance {
    let steps = 0
    const store = new SteppedStore(this.log, async () => {
      steps += 1
      if (steps > diesAfter) throw new Dead()
      await this.turns.schedule(Promise.resolve())
      if (steps > diesAfter) throw new Dead()
    })
    const own = { service: this.#service, store, cache: stateCache(100), clock: this.clock }
    const deps: ReactDependencies = {
      service: this.#service.name,
      deciders: this.#service.deciders,
      log: store,
      schedule: this.schedule,
      command: (decider, ...rest) => handleCommand(own, decider, ...rest),
    }
    const reacts = listReactions(this.#service).map((declared) => ({
      declared,
      react: reaction(deps, declared).handle,
    }))
    return async (events) => {
      const category = parseCategory(events[0]?.stream ?? '')
      for (const { declared, react } of reacts)
        if (declared.category === category) await untilDone(() => react(events, { trace: () => {} }))
    }
  }

  /** Runs a command from outside at once. */
  command(decider: AnyDecider, id: string, key: string, command: Command): Promise<CommandResult> {
    return handleCommand(this.#alone(), decider, request(key, command, { stream: `${decider.category}-${id}` }))
  }

  /** Sends the commands that are due. @returns their number. */
  sendDue(): Promise<number> {
    const { deciders } = this.#service
    const own = this.#alone()
    const command: ScheduleDependencies['command'] = (decider, sent) => handleCommand(own, decider, sent)
    return sendDue({ schedule: this.schedule, deciders, command }, () => {})
  }

  /** The dependencies of a process that runs alone. */
  #alone(): CommandDependencies {
    return { service: this.#service, store: this.log, cache: stateCache(1), clock: this.clock }
  }
}

/** Whether this is the error of a dead process, however wrapped. */
function isDead(error: unknown): boolean {
  return error instanceof Dead || (error instanceof Error && error.cause !== undefined && isDead(error.cause))
}

async function untilDone(task: () => Promise<void>): Promise<void> {
  for (;;)
    try {
      return await task()
    } catch (error) {
      if (isDead(error)) return
      if (!isTidemarkError(error) || !error.retriable) throw error
    }
}
