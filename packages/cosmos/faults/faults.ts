import { seededRandom } from '../../kit/seeded-random.ts'
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

/** What befalls one request. */
export interface Fault {
  /** It is held back so long before it is run. */
  readonly latencyMs: number
  readonly failing: { readonly kind: FailingKind; readonly retryAfterMs: number } | undefined
}

export const NO_FAULT: Fault = { latencyMs: 0, failing: undefined }

/** Told with a throttled request where nothing else was asked for. */
const RETRY_AFTER_MS = 20

/** A fault of the list, and how often it was done. */
interface Entry {
  readonly setting: FaultSetting
  done: number
}

interface Draws {
  readonly failing: () => Entry | undefined
  readonly latency: () => Entry | undefined
  readonly latencyMs: () => number
}

/** A fault that is of some containers, and what it draws for each operation. */
interface Lagging {
  readonly entry: Entry
  readonly draws: ReadonlyMap<OperationName, () => number>
}

/**
 * Which faults are done to requests, on request. Each operation has a sequence of its own: the answers to
 * creates do not depend on how many reads came between them.
 */
export class Faults {
  /** Does nothing, at no cost. */
  static readonly none: Faults = new Faults({ seed: 0, faults: [] })

  readonly settings: FaultSettings
  readonly #entries: readonly Entry[]
  readonly #draws: ReadonlyMap<OperationName, Draws>
  readonly #lagging: readonly Lagging[]

  constructor(settings: FaultSettings) {
    this.settings = settings
    this.#entries = settings.faults.map((setting) => ({ setting, done: 0 }))
    const seeds = seededRandom(settings.seed)
    const nextRandom = (): (() => number) => seededRandom(seeds() * 2 ** 32)
    this.#draws = new Map(
      OPERATIONS.map((operation): [OperationName, Draws] => {
        const entries = this.#entries.filter(({ setting }) => appliesTo(setting, operation))
        const latency = entries.filter(({ setting }) => setting.kind === 'latency')
        const failing = entries.filter(({ setting }) => isFailing(setting))
        return [
          operation,
          {
            failing: buildChooser(failing, nextRandom()),
            latency: buildChooser(latency, nextRandom()),
            latencyMs: nextRandom(),
          },
        ]
      }),
    )
    // After all others, whose sequences stay what they were.
    this.#lagging = this.#entries
      .filter(({ setting }) => setting.kind === 'lagging-replica')
      .map((entry) => ({ entry, draws: new Map(OPERATIONS.map((operation) => [operation, nextRandom()])) }))
  }

  /** How many of each were done, in the order of the settings. */
  get counts(): readonly number[] {
    return this.#entries.map(({ done }) => done)
  }

  /** Asked once for each request. */
  draw(operation: OperationName): Fault {
    const draws = this.#draws.get(operation)
    if (this.#entries.length === 0 || draws === undefined) return NO_FAULT
    const [latency, failing] = [draws.latency(), draws.failing()]
    return { latencyMs: latency ? this.#latencyMs(latency, draws) : 0, failing: failing && this.#failing(failing) }
  }

  get haveLaggingReplica(): boolean {
    return this.#lagging.length > 0
  }

  /** Asked once for each read that a replica which is behind may answer: whether it does. */
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

/**
 * Chooses one of them by its rate, or none; without a rate it draws nothing. One that was done as often as it
 * may be is none.
 */
function buildChooser(entries: readonly Entry[], draw: () => number): () => Entry | undefined {
  let sum = 0
  const limits = entries.flatMap((entry) => {
    sum += entry.setting.rate
    return entry.setting.rate > 0 ? [{ entry, below: sum }] : []
  })
  if (limits.length === 0) return () => undefined
  return () => {
    const drawn = draw()
    const entry = limits.find(({ below }) => drawn < below)?.entry
    return entry && entry.done < (entry.setting.times ?? Number.POSITIVE_INFINITY) ? entry : undefined
  }
}
