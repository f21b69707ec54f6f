import { AssertionError } from 'node:assert'
import type { CommandOutcome, CommandRequest } from '../core/command.ts'
import type { AnyDecider } from '../core/decider.ts'
import type { RecordedEvent } from '../core/event.ts'
import type { Clock, Schedule, ScheduledCommand } from '../core/ports.ts'
import type { AnyReaction } from '../core/reaction.ts'
import type { Service } from '../core/service.ts'
import { parseCategory } from '../core/stream.ts'
import { MemoryEventStore } from '../memory/event-store.ts'
import { MemorySchedule } from '../memory/schedule.ts'
import { handleCommand, type OnAppended } from '../runtime/command.ts'
import { thrownBy } from '../runtime/parking.ts'
import { reaction } from '../runtime/react.ts'
import { sendDue } from '../runtime/schedule.ts'
import { stateCache } from '../runtime/state-cache.ts'
import { appendGiven } from './append-given.ts'
import { moment } from './moment.ts'
import { recordGiven } from './record-given.ts'
import type { Given } from './recorded-as.ts'
import { type Random, randomBelow, shuffled } from './shuffle.ts'

/** How often something may be delivered before it counts as a conversation that never ends. */
const MAX_DELIVERIES = 1_000

/** A reaction, and what came to it. */
interface Consumer {
  readonly reaction: AnyReaction
  readonly delivered: (readonly RecordedEvent[])[]
  deliver(batch: readonly RecordedEvent[]): Promise<void>
}

/** A message on its way. */
interface Waiting {
  readonly consumer: Consumer
  readonly event: RecordedEvent
}

/** A domain's no to a command that a reaction or the schedule sent. */
interface Refused {
  readonly stream: string
  readonly code: string
}

interface DeliveryOptions {
  /**
   * Whether every batch and every scheduled command comes again, in every way that a hub and a crash bring it
   * again.
   */
  readonly twice: boolean
  /** Absent: messages come in the order in which they were recorded, one by one. */
  readonly random: Random | undefined
}

/** A service's reactions on a log and a schedule in memory, and a clock that stands still until it is moved. */
export class Harness {
  readonly #service: Service
  readonly #deliveryOptions: DeliveryOptions
  readonly #consumers: readonly Consumer[]
  readonly #log = new MemoryEventStore()
  readonly #schedule: MemorySchedule
  readonly #foreign = new Map<string, RecordedEvent>()
  readonly #clock: Clock & { time: string }
  /** In the order in which they were recorded. */
  #waiting: readonly Waiting[] = []
  /** How many of the log's events are on their way or came. */
  #published = 0
  readonly refused: Refused[] = []
  /** A line for each time that a reaction did not wait for what it sent. */
  readonly #unawaited: string[] = []

  constructor(service: Service, reactions: readonly AnyReaction[], deliveryOptions: DeliveryOptions) {
    this.#service = service
    this.#deliveryOptions = deliveryOptions
    this.#clock = clockAt(moment())
    this.#schedule = new MemorySchedule(this.#clock)
    this.#consumers = reactions.map((declared) => {
      return { reaction: declared, delivered: [], deliver: this.#instance(declared) }
    })
  }

  get now(): string {
    return this.#clock.time
  }

  /** What the service recorded, and was given. */
  get recorded(): readonly RecordedEvent[] {
    return this.#log.all()
  }

  /** What waits for its time, the earliest first. */
  get scheduled(): readonly ScheduledCommand[] {
    return this.#schedule.waiting
  }

  /** Moves the clock. @throws RangeError where that is back, or no time */
  moveTo(time: string): void {
    const moved = new Date(time).toISOString()
    if (moved < this.now) throw new RangeError(`the clock stands at ${this.now} and does not go back to ${moved}`)
    this.#clock.time = moved
  }

  /**
   * Records an event, the service's own or another's, and sends it on its way to those who follow it.
   * @throws AssertionError for what could not be recorded
   */
  async record(stream: string, given: Given): Promise<RecordedEvent> {
    const category = parseCategory(stream)
    const own = this.#service.deciders.find((decider) => decider.category === category)
    const following = this.#consumers.filter(({ reaction: { service, ...its } }) => {
      return its.category === category && service !== this.#service.name
    })
    const sources = new Set(following.map((consumer) => consumer.reaction.service))
    if (own) sources.add(this.#service.name)
    const [source, ...others] = sources
    if (source === undefined || others.length > 0)
      throw new AssertionError({
        message: `${stream} cannot be given: ${source ? `it may be of ${[...sources].join(' or ')}` : 'nobody here follows it'}`,
      })
    if (own) {
      const before = this.recorded.findLast((event) => event.stream === stream)
      const event = recordGiven({ ...this.#service, events: own.events }, stream, before, given, this.now)
      await appendGiven(this.#log, event)
      this.#publish()
      return event
    }
    const events = following.flatMap((consumer) => consumer.reaction.events)
    const event = recordGiven(
      { name: source, publishes: [], events },
      stream,
      this.#foreign.get(stream),
      given,
      this.now,
    )
    this.#foreign.set(stream, event)
    this.#enqueue(event, following)
    return event
  }

  /**
   * Delivers what is on its way, and what that leads to, and sends what is due, until there is nothing left.
   * @throws AssertionError where that does not end, or a reaction did not wait for what it sent.
   */
  async settle(): Promise<void> {
    let deliveries = 0
    let restartedAt = 0
    do {
      this.#publish()
      for (let batch = this.#takeBatch(); batch.length > 0; batch = this.#takeBatch()) {
        deliveries += 1
        if (deliveries > MAX_DELIVERIES)
          throw new AssertionError({ message: `it does not come to rest in ${MAX_DELIVERIES} deliveries` })
        await this.#deliver(batch)
        this.#publish()
      }
      // What is due again because of it is sent again, and that leads to nothing new.
      if (this.#deliveryOptions.twice && deliveries > restartedAt) {
        restartedAt = deliveries
        await this.#restart()
      }
    } while ((await this.#sendDue()) > 0)
    // What nobody waits for has its turn, and shows.
    await new Promise((resolve) => setImmediate(resolve))
    const [unawaited] = this.#unawaited
    if (unawaited !== undefined) throw new AssertionError({ message: unawaited })
  }

  /** Sends the log's new events on their way to those who follow them. */
  #publish(): void {
    const events = this.recorded.slice(this.#published)
    this.#published += events.length
    const own = this.#consumers.filter((consumer) => consumer.reaction.service === this.#service.name)
    for (const event of events)
      this.#enqueue(
        event,
        own.filter((consumer) => consumer.reaction.category === parseCategory(event.stream)),
      )
  }

  #enqueue(event: RecordedEvent, consumers: readonly Consumer[]): void {
    this.#waiting = [...this.#waiting, ...consumers.map((consumer) => ({ consumer, event }))]
  }

  /**
   * Takes what comes next: the message that was recorded first, or for one of the consumers the next ones of
   * some of its streams, mixed.
   */
  #takeBatch(): readonly Waiting[] {
    const { random } = this.#deliveryOptions
    const batch = random ? pickBatch(random, this.#waiting) : this.#waiting.slice(0, 1)
    this.#waiting = this.#waiting.filter((waiting) => !batch.includes(waiting))
    return batch
  }

  async #deliver(waiting: readonly Waiting[]): Promise<void> {
    const [{ consumer } = {}] = waiting
    if (consumer === undefined) return
    const batch = waiting.map(({ event }) => event)
    consumer.delivered.push(batch)
    if (this.#deliveryOptions.twice) {
      // An instance that ends after its commands, and two at once.
      await this.#instance(consumer.reaction)(batch)
      await Promise.all([consumer.deliver(batch), this.#instance(consumer.reaction)(batch)])
    }
    await consumer.deliver(batch)
  }

  /** Every batch that ever came comes to instances that remember nothing. */
  async #restart(): Promise<void> {
    for (const { reaction: declared, delivered } of this.#consumers) {
      const restarted = this.#instance(declared)
      for (const batch of delivered) await restarted(batch)
    }
  }

  async #sendDue(): Promise<number> {
    const { deciders } = this.#service
    const send = (schedule: Schedule) => sendDue({ schedule, deciders, command: this.#commands() }, () => {})
    if (this.#deliveryOptions.twice) {
      const schedule = this.#schedule
      // An instance that ends after the commands, and before it forgot them.
      await send({ add: (one) => schedule.add(one), due: (size) => schedule.due(size), remove: async () => {} })
    }
    return send(this.#schedule)
  }

  #instance(declared: AnyReaction): (batch: readonly RecordedEvent[]) => Promise<void> {
    const { name: service, deciders } = this.#service
    const deps = {
      service,
      deciders,
      log: this.#log,
      schedule: this.#schedule,
      command: this.#commands(),
      onUnawaited: (line: string) => this.#unawaited.push(line),
    }
    const { handle } = reaction(deps, declared)
    return async (batch) => {
      try {
        await handle(batch, { trace: () => {} })
      } catch (error) {
        throw thrownBy(error)
      }
    }
  }

  /** As an instance carries them out, which remembers the states of streams. */
  #commands() {
    const deps = { service: this.#service, store: this.#log, cache: stateCache(1_000), clock: this.#clock }
    return async (decider: AnyDecider, request: CommandRequest, onAppended?: OnAppended): Promise<CommandOutcome> => {
      const outcome = await handleCommand(deps, decider, request, onAppended)
      if (!outcome.done) this.refused.push({ stream: request.stream, code: outcome.code })
      return outcome
    }
  }
}

/**
 * A batch for one of the consumers: of each of some streams the first messages, one or more, and all of these
 * mixed.
 */
function pickBatch(random: Random, all: readonly Waiting[]): readonly Waiting[] {
  const consumer = all[randomBelow(random, all.length)]?.consumer
  const its = Map.groupBy(
    all.filter((waiting) => waiting.consumer === consumer),
    ({ event }) => event.stream,
  )
  const streams = shuffled(random, [...its.values()]).slice(0, 1 + randomBelow(random, its.size))
  return shuffled(
    random,
    streams.flatMap((messages) => messages.slice(0, 1 + randomBelow(random, messages.length))),
  )
}

function clockAt(time: string): Clock & { time: string } {
  return {
    time,
    now() {
      return this.time
    },
    elapsed: () => 0,
    wait: async () => {},
  }
}
