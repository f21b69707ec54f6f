import { AssertionError } from 'node:assert'
import type { CommandRequest, CommandResult } from '../core/command.ts'
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

/** The maximum number of deliveries before the reactions count as an endless loop. */
const MAX_DELIVERIES = 1_000

/** A reaction and the batches delivered to it. */
interface Consumer {
  readonly reaction: AnyReaction
  readonly delivered: (readonly RecordedEvent[])[]
  deliver(batch: readonly RecordedEvent[]): Promise<void>
}

/** A message that is not delivered yet. */
interface Waiting {
  readonly consumer: Consumer
  readonly event: RecordedEvent
}

/** A domain refusal of a command that a reaction or the schedule sent. */
interface Refused {
  readonly stream: string
  readonly code: string
}

interface DeliveryOptions {
  /**
   * Whether every batch and every scheduled command is delivered again, in every way that a hub and a crash
   * can repeat it.
   */
  readonly twice: boolean
  /** Absent: messages are delivered one by one, in the order they were recorded. */
  readonly random: Random | undefined
}

/** A service's reactions on a log and a schedule in memory. Its clock moves only when told to. */
export class Harness {
  readonly #service: Service
  readonly #deliveryOptions: DeliveryOptions
  readonly #consumers: readonly Consumer[]
  readonly #log = new MemoryEventStore()
  readonly #schedule: MemorySchedule
  readonly #foreign = new Map<string, RecordedEvent>()
  readonly #clock: Clock & { time: string }
  /** In the order they were recorded. */
  #waiting: readonly Waiting[] = []
  /** How many of the log's events are published. */
  #published = 0
  readonly refused: Refused[] = []
  /** A line for each time a reaction did not await a command it sent. */
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

  /** The events the service recorded or was given. */
  get recorded(): readonly RecordedEvent[] {
    return this.#log.all()
  }

  /** The scheduled commands, earliest first. */
  get scheduled(): readonly ScheduledCommand[] {
    return this.#schedule.waiting
  }

  /**
   * Moves the clock.
   * @throws RangeError for an earlier time or an invalid one
   */
  moveTo(time: string): void {
    const moved = new Date(time).toISOString()
    if (moved < this.now) throw new RangeError(`the clock is at ${this.now} and cannot go back to ${moved}`)
    this.#clock.time = moved
  }

  /**
   * Records an event of the service or of another one, and publishes it to the reactions that follow it.
   * @throws AssertionError for an event that cannot be recorded
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
        message:
          `${stream} cannot be given: ` +
          (source ? `it may belong to ${[...sources].join(' or ')}` : 'no reaction under test follows it'),
      })
    const { now } = this
    if (own) {
      const before = this.recorded.findLast((event) => event.stream === stream)
      const event = recordGiven({ ...this.#service, events: own.events }, given, { stream, before, now })
      await appendGiven(this.#log, event)
      this.#publish()
      return event
    }
    const events = following.flatMap((consumer) => consumer.reaction.events)
    const before = this.#foreign.get(stream)
    const event = recordGiven({ name: source, publishes: [], events }, given, { stream, before, now })
    this.#foreign.set(stream, event)
    this.#enqueue(event, following)
    return event
  }

  /**
   * Delivers all messages and what they lead to, and sends what is due, until nothing is left.
   * @throws AssertionError if that never ends, or a reaction did not await a command it sent.
   */
  async settle(): Promise<void> {
    let deliveries = 0
    let restartedAt = 0
    do {
      this.#publish()
      for (let batch = this.#takeBatch(); batch.length > 0; batch = this.#takeBatch()) {
        deliveries += 1
        if (deliveries > MAX_DELIVERIES)
          throw new AssertionError({ message: `the reactions never settle: ${MAX_DELIVERIES} deliveries so far` })
        await this.#deliver(batch)
        this.#publish()
      }
      // The restart schedules some commands again. They are sent again, and that leads to nothing new.
      if (this.#deliveryOptions.twice && deliveries > restartedAt) {
        restartedAt = deliveries
        await this.#restart()
      }
    } while ((await this.#sendDue()) > 0)
    // Lets work that nobody awaits run, so that it is detected.
    await new Promise((resolve) => setImmediate(resolve))
    const [unawaited] = this.#unawaited
    if (unawaited !== undefined) throw new AssertionError({ message: unawaited })
  }

  /** Publishes the log's new events to the reactions that follow them. */
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
   * Takes the next messages: the one that was recorded first; or, out of order, a random batch for one
   * consumer.
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
      // An instance that dies after its commands, and two at once.
      await this.#instance(consumer.reaction)(batch)
      await Promise.all([consumer.deliver(batch), this.#instance(consumer.reaction)(batch)])
    }
    await consumer.deliver(batch)
  }

  /** Delivers every earlier batch again, to fresh instances. */
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
      // An instance that dies after it sent the commands and before it removes them.
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

  /** Executes commands as an instance does, with its own cache of stream states. */
  #commands() {
    const deps = { service: this.#service, store: this.#log, cache: stateCache(1_000), clock: this.#clock }
    return async (decider: AnyDecider, request: CommandRequest, onAppended?: OnAppended): Promise<CommandResult> => {
      const result = await handleCommand(deps, decider, request, onAppended)
      if (result.outcome === 'refused') this.refused.push({ stream: request.stream, code: result.code })
      return result
    }
  }
}

/** A random batch for one consumer: the first messages of some of its streams, shuffled. */
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
