import type { DomainEvent, Recorded, Service } from 'tidemark'
import type { AnyReaction, AnyView } from 'tidemark/tools'
import type { LogItem } from '../../core/commit.ts'
import type { Ground } from './ground.ts'

/** A handler or a change feed for which some events are poison until a time. */
interface Spoiled {
  readonly name: string
  readonly about: string
  readonly until: number
}

/** The share of poison among the events of a handler with a bug or of a damaged feed. */
const SHARE = 0.5

/** The events of a stream that a reaction has handled. */
interface Handled {
  readonly newest: number
  readonly versions: Set<number>
}

/**
 * Events that cannot be processed for a while: of handlers whose code throws, and of change feeds with
 * changed commits.
 */
export class Poison {
  readonly #ground: Ground
  readonly #bugs: Spoiled[] = []
  readonly #damages: Spoiled[] = []
  /** The streams that met poison, each with the handler. */
  readonly #met = new Set<string>()
  /**
   * Events that a reaction handled for the first time after a later one of their stream: a description, and
   * the stream.
   */
  readonly late: { readonly what: string; readonly stream: string }[] = []
  readonly #handled = new Map<string, Handled>()

  constructor(ground: Ground) {
    this.#ground = ground
  }

  /** Lets a handler's code throw for some events, for a while or until faults end. */
  addBug(name: string, about: string, milliseconds: number): void {
    this.#bugs.push({ name, about, until: this.#ground.now + milliseconds })
  }

  /** Lets a service's change feed show some commits changed. */
  addDamage(name: string, about: string, milliseconds: number): void {
    this.#damages.push({ name, about, until: this.#ground.now + milliseconds })
  }

  /** Whether a stream met poison at a view, a reaction or the relay. */
  met(handler: string, stream: string): boolean {
    return this.#met.has(`${handler} ${stream}`)
  }

  /** The same service with handlers that may have bugs. */
  spoilt(service: Service): Service {
    return {
      ...service,
      views: service.views.map((view) => this.#spoiltView(view)),
      reactions: service.reactions.map((reaction) => this.#spoiltReaction(service.name, reaction)),
      processes: (service.processes ?? []).map((process) => ({
        ...process,
        reactions: process.reactions.map((reaction) => this.#spoiltReaction(service.name, reaction)),
      })),
    }
  }

  /** Items of a service's log, as its change feed shows them now. */
  shown(service: string, handler: string, items: readonly LogItem[]): readonly LogItem[] {
    return items.map((item) => {
      const damage = 'text' in item && this.#findPoison(this.#damages, service, `${item.stream} ${item.id}`)
      if (!damage) return item
      this.#met.add(`${handler} ${item.stream}`)
      const isReadable = this.#ground.dice.chance(`${damage} readable`, 0.5)
      return { ...item, text: isReadable ? item.text.replace('"data":{', '"data":{"changed":true,') : '{' }
    })
  }

  #spoiltView(view: AnyView): AnyView {
    const { name } = view
    const evolve: (document: unknown, event: Recorded<DomainEvent>, key: string) => unknown = view.evolve
    return {
      ...view,
      evolve: (document: unknown, event: Recorded<DomainEvent>, key: string) => {
        this.#throwFor(name, event, key ?? '')
        return evolve(document, event, key)
      },
    } as AnyView
  }

  #spoiltReaction(service: string, reaction: AnyReaction): AnyReaction {
    const { name } = reaction
    const react: (event: Recorded<DomainEvent>, ...senders: never[]) => Promise<void> = reaction.react
    return {
      ...reaction,
      react: async (event: Recorded<DomainEvent>, ...senders: never[]) => {
        this.#throwFor(name, event, 'before it sends')
        await react(event, ...senders)
        this.#throwFor(name, event, 'after it has sent')
        this.#note(`${service} ${name}`, event)
      },
    } as AnyReaction
  }

  #note(reaction: string, { stream, version }: Recorded<DomainEvent>): void {
    const what = `${reaction} ${stream}`
    const { newest, versions } = this.#handled.get(what) ?? { newest: 0, versions: new Set() }
    if (version < newest && !versions.has(version))
      this.late.push({ what: `${reaction} handled ${stream}@${version} after ${stream}@${newest}`, stream })
    this.#handled.set(what, { newest: Math.max(newest, version), versions: versions.add(version) })
  }

  /** The number of events that reactions have handled. */
  get handled(): number {
    return [...this.#handled.values()].reduce((sum, { versions }) => sum + versions.size, 0)
  }

  #throwFor(handler: string, { stream, version }: Recorded<DomainEvent>, part: string): void {
    if (!this.#findPoison(this.#bugs, handler, `${stream}@${version} ${part}`)) return
    this.#met.add(`${handler} ${stream}`)
    throw new Error(`a bug of ${handler}`)
  }

  /** @returns the name of the poison that an item meets now, if any. */
  #findPoison(spoiled: readonly Spoiled[], name: string, item: string): string | undefined {
    const { now, dice, faults } = this.#ground
    if (faults.isOver) return undefined
    const found = spoiled.find(
      (each) => each.name === name && now < each.until && dice.chance(`${each.about} ${item}`, SHARE),
    )
    return found && `${found.about} ${item}`
  }
}
