import type { Clock, ViewGeneration, ViewGenerations, ViewState, ViewStores } from '../core/ports.ts'
import type { ViewPointer } from '../core/view-pointer.ts'
import { toViewState } from '../core/view-state.ts'

/** How long an instance uses a view's pointer before it reads it again. Milliseconds. */
export const POINTER_MS = 2_000

interface Known {
  readonly state: ViewState
  readonly generations: ReadonlyMap<number, ViewGeneration>
  readonly until: number
}

/** The stores of views, by pointers read at most POINTER_MS ago. */
export class LiveViews implements ViewStores {
  readonly #generations: ViewGenerations
  readonly #clock: Clock
  readonly #cursorsIn: (view: string) => string | undefined
  readonly #known = new Map<string, Known>()

  /** @param cursorsIn names the view whose documents store the cursors of a new view. */
  constructor(
    generations: ViewGenerations,
    clock: Clock,
    cursorsIn: (view: string) => string | undefined = () => undefined,
  ) {
    this.#generations = generations
    this.#clock = clock
    this.#cursorsIn = cursorsIn
  }

  async state(view: string): Promise<ViewState> {
    // Measured from before the read, because its answer may take long.
    const now = this.#clock.elapsed()
    const known = this.#known.get(view)
    if (known && now < known.until) return known.state
    const pointer = await readOrCreatePointer(this.#generations, view, this.#cursorsIn(view))
    const until = now + POINTER_MS
    const meanwhile = this.#known.get(view)
    if (meanwhile && meanwhile.until > until) return meanwhile.state
    const generations = new Map<number, ViewGeneration>()
    const state = toViewState(pointer, (number) => {
      const store = () => this.#generations.store(view, number)
      const generation = generations.get(number) ?? meanwhile?.generations.get(number) ?? { number, store: store() }
      generations.set(number, generation)
      return generation
    })
    this.#known.set(view, { state, generations, until })
    return state
  }
}

/**
 * Reads a view's pointer, or creates it. Where the cursors are stored is fixed before the first is written,
 * because a later build may have other views.
 */
async function readOrCreatePointer(
  generations: ViewGenerations,
  view: string,
  cursorsIn: string | undefined,
): Promise<ViewPointer> {
  const { pointer, etag } = await generations.readPointer(view)
  if (etag !== undefined || cursorsIn === undefined) return pointer
  await generations.writePointer(view, { ...pointer, cursorsIn }, undefined)
  // Another instance may have created it first.
  return (await generations.readPointer(view)).pointer
}
