import { buildChooser, seededSequences } from '../../kit/seeded-random.ts'
import { DELIVERY_RATES, type FaultSettings, SEND_RATES } from './fault-settings.ts'

export type { FaultSettings } from './fault-settings.ts'

export type SendFault =
  | 'server-busy'
  | 'drop-before-store'
  | 'drop-before-ack'
  | 'drop-after-ack'
  | 'half-close-before-ack'
  | 'half-close-after-ack'
type DeliveryFault = 'steal' | 'drop'

const SEND_FAULTS: Readonly<Record<(typeof SEND_RATES)[number], SendFault>> = {
  serverBusy: 'server-busy',
  dropBeforeStore: 'drop-before-store',
  dropBeforeAck: 'drop-before-ack',
  dropAfterAck: 'drop-after-ack',
  halfCloseBeforeAck: 'half-close-before-ack',
  halfCloseAfterAck: 'half-close-after-ack',
}

/**
 * Decides which faults to inject. Each kind of fault has its own random sequence: the faults of sends do not
 * depend on how many delivery turns come between them.
 */
export class Faults {
  /** Injects nothing, at no cost. */
  static readonly none: Faults = new Faults({ seed: 0 })

  readonly settings: FaultSettings
  readonly #counts: Record<string, number> = {}
  readonly #send: () => (typeof SEND_RATES)[number] | undefined
  readonly #deliver: () => DeliveryFault | undefined
  readonly #rewindDraw: () => number
  readonly #latencyDraw: () => number

  constructor(settings: FaultSettings) {
    this.settings = settings
    const nextRandom = seededSequences(settings.seed)
    this.#send = buildChooser(SEND_RATES, (name) => settings[name], nextRandom())
    this.#deliver = buildChooser(DELIVERY_RATES, (name) => settings[name], nextRandom())
    this.#rewindDraw = nextRandom()
    this.#latencyDraw = nextRandom()
    for (const name of [...SEND_RATES, ...DELIVERY_RATES, 'duplicates', 'latencyMs'] as const)
      if (settings[name] !== undefined) this.#counts[name] = 0
  }

  /** Number of injected faults, by setting name. */
  get counts(): Readonly<Record<string, number>> {
    return this.#counts
  }

  /** Called once for each complete delivery of a producer. */
  onSend(): SendFault | undefined {
    const name = this.#send()
    return name && this.#count(name, SEND_FAULTS[name])
  }

  /** Called before each turn of deliveries to a receiver. */
  onDeliver(): DeliveryFault | undefined {
    const name = this.#deliver()
    return name && this.#count(name, name)
  }

  /** Called when a receiver attaches. Returns how many events before its start position are sent again. */
  rewind(): number {
    const { duplicates } = this.settings
    return duplicates && this.#rewindDraw() < duplicates.rate ? this.#count('duplicates', duplicates.events) : 0
  }

  /** Returns the delay of an acknowledgement or a delivery turn, in milliseconds. */
  latencyMs(): number {
    const { latencyMs } = this.settings
    if (!latencyMs) return 0
    const { min, max } = latencyMs
    const held = min + Math.floor(this.#latencyDraw() * (max - min + 1))
    return held === 0 ? 0 : this.#count('latencyMs', held)
  }

  #count<Answer>(name: string, answer: Answer): Answer {
    this.#counts[name] = (this.#counts[name] ?? 0) + 1
    return answer
  }
}
