import { buildChooser, seededSequences } from '../../kit/seeded-random.ts'
import { OPERATIONS, type OperationName } from '../api/operations.ts'
import type { Container } from '../resources/catalog.ts'
import {
  appliesTo,
  type FailingKind,
  type FaultSetting,
  type FaultSettings,
  isFailing,
  matchesContainer,
} from './fault-settings.ts'

export interface Fault {
  /** The delay before the request runs. */
  readonly latencyMs: number
  readonly failing: { readonly kind: FailingKind; readonly retryAfterMs: number } | undefined
}

export const NO_FAULT: Fault = { latencyMs: 0, failing: undefined }

/** The default `retryAfterMs` of a throttled request. */
const RETRY_AFTER_MS = 20

/** A fault of the settings, and how many requests had it. */
interface Entry {
  readonly setting: FaultSetting
  done: number
}

interface Draws {
  readonly failing: () => Entry | undefined
  readonly latency: () => Entry | undefined
  readonly latencyMs: () => number
}

/** A `lagging-replica` fault and its random sequence for each operation. */
interface Lagging {
  readonly entry: Entry
  readonly draws: ReadonlyMap<OperationName, () => number>
}

/**
 * Draws the injected faults of requests. Each operation has its own sequence: the answers to creates do not
 * depend on how many reads came between them.
 */
export class Faults {
  /** No faults, at no cost. */
  static readonly none: Faults = new Faults({ seed: 0, faults: [] })

  readonly settings: FaultSettings
  readonly #entries: readonly Entry[]
  readonly #draws: ReadonlyMap<OperationName, Draws>
  readonly #lagging: readonly Lagging[]

  constructor(settings: FaultSettings) {
    this.settings = settings
    this.#entries = settings.faults.map((setting) => ({ setting, done: 0 }))
    const nextRandom = seededSequences(settings.seed)
    this.#draws = new Map(
      OPERATIONS.map((operation): [OperationName, Draws] => {
        const entries = this.#entries.filter(({ setting }) => appliesTo(setting, operation))
        const latency = entries.filter(({ setting }) => setting.kind === 'latency')
        const failing = entries.filter(({ setting }) => isFailing(setting))
        return [
          operation,
          {
            failing: buildFaultChooser(failing, nextRandom()),
            latency: buildFaultChooser(latency, nextRandom()),
            latencyMs: nextRandom(),
          },
        ]
      }),
    )
    // Seeded after the others, so that their sequences stay the same.
    this.#lagging = this.#entries
      .filter(({ setting }) => setting.kind === 'lagging-replica')
      .map((entry) => ({ entry, draws: new Map(OPERATIONS.map((operation) => [operation, nextRandom()])) }))
  }

  /** How many requests had each fault, in the order of the settings. */
  get counts(): readonly number[] {
    return this.#entries.map(({ done }) => done)
  }

  /** Draws the faults of one request. Call it once per request. */
  draw(operation: OperationName): Fault {
    const draws = this.#draws.get(operation)
    if (this.#entries.length === 0 || draws === undefined) return NO_FAULT
    const [latency, failing] = [draws.latency(), draws.failing()]
    return { latencyMs: latency ? this.#latencyMs(latency, draws) : 0, failing: failing && this.#failing(failing) }
  }

  get haveLaggingReplica(): boolean {
    return this.#lagging.length > 0
  }

  /** Draws whether a lagging replica answers a read. Call it once per read that it may answer. */
  drawLag(operation: OperationName, container: Container): boolean {
    const found = this.#lagging.find(({ entry: { setting, done }, draws }) => {
      if (!appliesTo(setting, operation) || !matchesContainer(setting, container)) return false
      const drawn = draws.get(operation)?.() ?? 1
      return drawn < setting.rate && done < (setting.times ?? Number.POSITIVE_INFINITY)
    })
    if (found) found.entry.done += 1
    return found !== undefined
  }

  #latencyMs(entry: Entry, { latencyMs }: Draws): number {
    const { setting } = entry
    if (setting.kind !== 'latency') return 0
    entry.done += 1
    return setting.minMs + Math.floor(latencyMs() * (setting.maxMs - setting.minMs + 1))
  }

  #failing(entry: Entry): Fault['failing'] {
    const { setting } = entry
    if (!isFailing(setting)) return undefined
    entry.done += 1
    return { kind: setting.kind, retryAfterMs: setting.retryAfterMs ?? RETRY_AFTER_MS }
  }
}

/** Chooses one of the faults by its rate, or none. A fault that has used up its count does nothing. */
function buildFaultChooser(entries: readonly Entry[], draw: () => number): () => Entry | undefined {
  const choose = buildChooser(entries, ({ setting }) => setting.rate, draw)
  return () => {
    const entry = choose()
    return entry && entry.done < (entry.setting.times ?? Number.POSITIVE_INFINITY) ? entry : undefined
  }
}
