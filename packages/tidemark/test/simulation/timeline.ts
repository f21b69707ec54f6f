/** What happens at a moment. */
interface Moment {
  readonly time: number
  /** Of two at the same time, the one that was planned first comes first. */
  readonly order: number
  readonly happens: () => void
}

/**
 * So many moments pass without a turn of the event loop: what waits for one, such as a snapshot that is to be
 * written, gets it.
 */
const MOMENTS_A_TURN = 64

/**
 * Virtual time: moments in their order, each of which begins when all that the one before led to has come to
 * rest. Nothing else runs meanwhile, so the same moments lead to the same history.
 */
export class Timeline {
  /** Milliseconds since 1970. */
  now = Date.UTC(2026, 0, 1)
  /** How many moments have passed. */
  passed = 0
  readonly #heap: Moment[] = []
  #planned = 0

  /** @param milliseconds from now; 0 is still after all that runs. */
  after(milliseconds: number, happens: () => void): void {
    this.#planned += 1
    this.#push({ time: this.now + milliseconds, order: this.#planned, happens })
  }

  /** Lets time pass until it is over, or nothing is left that could happen. @param isOver asked before each moment. */
  async run(isOver: () => boolean): Promise<void> {
    for (;;) {
      await (this.passed % MOMENTS_A_TURN === 0 ? turn() : rest())
      if (isOver()) return
      let next = this.#pop()
      if (next === undefined) {
        await turn()
        next = this.#pop()
        if (next === undefined) return
      }
      this.passed += 1
      this.now = next.time
      next.happens()
    }
  }

  #push(moment: Moment): void {
    const heap = this.#heap
    let at = heap.length
    heap.push(moment)
    while (at > 0) {
      const above = (at - 1) >> 1
      const parent = heap[above] as Moment
      if (!isBefore(moment, parent)) break
      heap[at] = parent
      at = above
    }
    heap[at] = moment
  }

  #pop(): Moment | undefined {
    const heap = this.#heap
    const [first] = heap
    const last = heap.pop()
    if (first === undefined || last === undefined || heap.length === 0) return first
    let at = 0
    for (;;) {
      let below = 2 * at + 1
      if (below >= heap.length) break
      if (below + 1 < heap.length && isBefore(heap[below + 1] as Moment, heap[below] as Moment)) below += 1
      if (!isBefore(heap[below] as Moment, last)) break
      heap[at] = heap[below] as Moment
      at = below
    }
    heap[at] = last
    return first
  }
}

function isBefore(one: Moment, other: Moment): boolean {
  return one.time < other.time || (one.time === other.time && one.order < other.order)
}

/**
 * Settles when no promise leads on any more: ticks come after all microtasks, however many of these make
 * further ones.
 */
function rest(): Promise<void> {
  return new Promise((resolve) => queueMicrotask(() => process.nextTick(resolve)))
}

/** The same, and what was left for the event loop's next turn has run too. */
function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(() => setImmediate(resolve)))
}
