import type { Clock, ViewGenerations, ViewStore, ViewStores } from '../core/ports.ts'
import { writtenOf } from '../core/view-pointer.ts'

/** How long an instance takes a view's pointer for the current one before it reads it again. Milliseconds. */
export const POINTER_MS = 2_000

interface Known {
  readonly live: ViewStore
  readonly written: readonly ViewStore[]
  readonly stores: ReadonlyMap<number, ViewStore>
  readonly until: number
}

/** The stores of views, by pointers that were read at most POINTER_MS ago. */
export class LiveViews implements ViewStores {
  readonly #generations: ViewGenerations
  readonly #clock: Clock
  readonly #known = new Map<string, Known>()

  constructor(generations: ViewGenerations, clock: Clock) {
    this.#generations = generations
    this.#clock = clock
  }

  async live(view: string): Promise<ViewStore> {
    return (await this.#look(view)).live
  }

  async written(view: string): Promise<readonly ViewStore[]> {
    return (await this.#look(view)).written
  }

  async #look(view: string): Promise<Known> {
    // Counted from before the read: its answer may be on its way for long.
    const now = this.#clock.elapsed()
    const known = this.#known.get(view)
    if (known && now < known.until) return known
    const { pointer } = await this.#generations.readPointer(view)
    const until = now + POINTER_MS
    const meanwhile = this.#known.get(view)
    if (meanwhile && meanwhile.until > until) return meanwhile
    const stores = new Map<number, ViewStore>()
    const storeOf = (generation: number): ViewStore => {
      const store =
        stores.get(generation) ?? meanwhile?.stores.get(generation) ?? this.#generations.store(view, generation)
      stores.set(generation, store)
      return store
    }
    const read = { live: storeOf(pointer.live), written: writtenOf(pointer).map(storeOf), stores, until }
    this.#known.set(view, read)
    return read
  }
}
