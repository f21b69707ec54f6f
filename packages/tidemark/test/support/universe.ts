import {
  type Command,
  type DomainEvent,
  isRefusal,
  refuse,
  type Send,
  type SendLater,
  type Sent,
  type Service,
} from 'tidemark'
import { type AnyDecider, type AnyReaction, listReactions } from 'tidemark/tools'
import { formatConsumerName } from '../../core/reaction.ts'
import { toPublicEvent } from '../../core/service.ts'
import { parseCategory, parseId } from '../../core/stream.ts'

/** A stream: its recorded events, and the state that they lead to. */
interface Stream {
  readonly events: readonly DomainEvent[]
  readonly state: unknown
}

interface Consumer {
  readonly service: Service
  readonly reaction: AnyReaction
  readonly name: string
}

const NOW = '2026-01-01T00:00:00.000Z'

/** The instance died. */
class Dead extends Error {}

interface Scheduled {
  readonly due: string
  readonly stream: string
  readonly key: string
  readonly command: Command
}

/** A command from outside, which is sent at most once. */
export interface Happening {
  readonly name: string
  readonly stream: string
  readonly command: Command
}

/**
 * Services that communicate by events, as one value that a test steps by hand. Every undelivered message,
 * every scheduled command and every possible command from outside is a step of its own. So a test can take
 * them in every possible order. It knows deciders and reactions only, no stores or hubs. Time stands still,
 * but a scheduled command is sent as of its time, whenever the test sends it.
 */
export class Universe {
  readonly #services: readonly Service[]
  readonly #consumers: readonly Consumer[]
  #streams: ReadonlyMap<string, Stream> = new Map()
  #answered: ReadonlyMap<string, Sent<DomainEvent>> = new Map()
  #checkpoints: ReadonlyMap<string, number> = new Map()
  #scheduled: readonly Scheduled[] = []
  #happenings: readonly Happening[]

  constructor(services: readonly Service[], happenings: readonly Happening[]) {
    this.#services = services
    this.#happenings = happenings
    this.#consumers = services.flatMap((service) =>
      listReactions(service).map((reaction) => ({
        service,
        reaction,
        name: formatConsumerName(service.name, reaction),
      })),
    )
  }

  copy(): Universe {
    const copy = new Universe(this.#services, this.#happenings)
    copy.#streams = this.#streams
    copy.#answered = this.#answered
    copy.#checkpoints = this.#checkpoints
    copy.#scheduled = this.#scheduled
    return copy
  }

  events(stream: string): readonly DomainEvent[] {
    return this.#streams.get(stream)?.events ?? []
  }

  get happenings(): readonly Happening[] {
    return this.#happenings
  }

  /**
   * Undelivered messages as `<consumer> <stream>`, the next one of each stream. Events that the reaction does
   * not handle are skipped.
   */
  deliverable(): string[] {
    return this.#consumers.flatMap(({ service, reaction, name }) =>
      [...this.#streams.keys()]
        .filter((stream) => parseCategory(stream) === reaction.category)
        .map((stream) => `${name} ${stream}`)
        .filter((key) => this.#pending(service, reaction, key).length > 0),
    )
  }

  get scheduled(): readonly Scheduled[] {
    return this.#scheduled
  }

  /**
   * Delivers the next message.
   * @param dies the number of commands after which the consumer dies, before its checkpoint is stored. The
   * message is redelivered then.
   * @returns whether it died.
   */
  async deliver(key: string, dies = Number.POSITIVE_INFINITY): Promise<boolean> {
    const [name = '', stream = ''] = key.split(' ')
    const consumer = this.#consumers.find((candidate) => candidate.name === name)
    if (consumer === undefined) throw new Error(`no consumer ${name}`)
    const { service, reaction } = consumer
    const [next] = this.#pending(service, reaction, key)
    if (next === undefined) throw new Error(`nothing for ${key}`)
    let commands = 0
    const live = (): void => {
      commands += 1
      if (commands > dies) throw new Dead()
    }
    try {
      await reaction.react(
        { ...next.event, stream, version: next.at + 1 },
        this.#sender(service, name, live),
        this.#sendLater(name, live),
      )
    } catch (error) {
      if (error instanceof Dead || (error as Error).cause instanceof Dead) return true
      throw error
    }
    // It sent all its commands, and dies before it stores its checkpoint.
    if (commands === dies) return true
    this.#checkpoints = new Map(this.#checkpoints).set(key, next.at + 1)
    return false
  }

  fire(scheduled: Scheduled): void {
    this.#command(scheduled.stream, scheduled.key, scheduled.command, scheduled.due)
    this.#scheduled = this.#scheduled.filter((other) => other !== scheduled)
  }

  /** @returns whether the command appended an event. */
  happen(happening: Happening): boolean {
    this.#happenings = this.#happenings.filter((other) => other !== happening)
    return this.#command(happening.stream, happening.name, happening.command).events.length > 0
  }

  /** Equal for universes that behave the same from here on. */
  fingerprint(): string {
    const pending = this.#consumers.map(({ service, reaction, name }) =>
      [...this.#streams.keys()]
        .filter((stream) => parseCategory(stream) === reaction.category)
        .sort()
        .map((stream) => this.#pending(service, reaction, `${name} ${stream}`).map(({ event }) => event)),
    )
    const states = [...this.#streams].sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, { state }]) => [name, state])
    const answered = [...this.#answered.keys()].sort()
    return JSON.stringify([states, pending, answered, this.#scheduled, this.#happenings.map(({ name }) => name)])
  }

  #pending(service: Service, reaction: AnyReaction, key: string): { event: DomainEvent; at: number }[] {
    const stream = key.slice(key.indexOf(' ') + 1)
    const owner = this.#services.find(({ name }) => name === reaction.service)
    const from = this.#checkpoints.get(key) ?? 0
    return this.events(stream)
      .map((event, at) => ({ event: (service !== owner && owner && toPublicEvent(owner, event)) || event, at }))
      .filter(({ event, at }) => at >= from && reaction.events.some(({ name }) => name === event.type))
  }

  #sender(service: Service, consumer: string, live: () => void): Send {
    return async (decider, id, commandId, command) => {
      live()
      if (!service.deciders.includes(decider)) throw new Error(`${service.name} has no ${decider.category}`)
      return this.#command(`${decider.category}-${id}`, `${consumer} ${commandId}`, command) as never
    }
  }

  #sendLater(consumer: string, live: () => void): SendLater {
    return async (decider, id, { commandId, due }, command) => {
      live()
      const scheduled = { due, stream: `${decider.category}-${id}`, key: `${consumer} ${commandId}`, command }
      if (!this.#scheduled.some(({ stream, key }) => stream === scheduled.stream && key === scheduled.key))
        this.#scheduled = [...this.#scheduled, scheduled]
    }
  }

  #command(stream: string, key: string, command: Command, now = NOW): Sent<DomainEvent> {
    const earlier = this.#answered.get(`${stream} ${key}`)
    if (earlier) return earlier
    const decider = this.#services
      .flatMap(({ deciders }) => deciders)
      .find((each) => each.category === parseCategory(stream))
    if (decider === undefined) throw new Error(`no decider for ${stream}`)
    const { events, state } = this.#streams.get(stream) ?? { events: [], state: decider.initial }
    if (events.length === 0 && !createsWith(decider, command))
      return { ...refuse('stream-not-found', `there is no ${stream}`), events: [] }
    const decision = decider.decide(state, command, { id: parseId(stream), now })
    if (isRefusal(decision)) return { ...decision, events: [] }
    if (decision.length === 0) return { outcome: 'done', events: [] }
    this.#answered = new Map(this.#answered).set(`${stream} ${key}`, { outcome: 'done', events: decision })
    this.#streams = new Map(this.#streams).set(stream, {
      events: [...events, ...decision],
      state: decision.reduce((before: unknown, event) => decider.evolve(before, event), state),
    })
    return { outcome: 'done', events: decision }
  }
}

function createsWith(decider: AnyDecider, command: Command): boolean {
  return decider.commands.some(({ name, creates }) => name === command.type && creates)
}
