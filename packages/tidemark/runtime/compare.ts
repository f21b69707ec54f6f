import { canonicalHash } from '../core/hash-chain.ts'
import type { Clock, ListedDocument, ViewStore } from '../core/ports.ts'
import type { Comparison } from '../core/rebuild.ts'
import { CONCURRENCY, forEachLimited } from './limited.ts'
import { retry } from './retry.ts'

const PAGE = 100
const MAX_EXAMPLES = 20
/**
 * Projections write one generation before the other, so a difference counts only after this many reads, with
 * these pauses between them. Milliseconds.
 */
const MAX_ATTEMPTS = 5
const PAUSE_MS = 250

/**
 * Compares the documents that queries would return from two generations of a view, while projections write
 * both. Both lists are read side by side, and documents at different places are read by key. Documents
 * written meanwhile may be missing.
 * @param onProgress receives the comparison so far.
 * @throws TidemarkError `unavailable`
 */
export async function compare(
  { built, live }: { readonly built: ViewStore; readonly live: ViewStore },
  clock: Pick<Clock, 'wait'>,
  onProgress: (comparison: Comparison) => void,
): Promise<Comparison> {
  const found = { compared: 0, changed: 0, added: 0, removed: 0 }
  const examples: Comparison['examples'][number][] = []
  const count = (key: string, difference: 'alike' | 'changed' | 'added' | 'removed'): void => {
    found.compared += 1
    if (difference === 'alike') return
    found[difference] += 1
    if (examples.length < MAX_EXAMPLES) examples.push({ key, difference })
  }
  const compareKey = async (key: string): Promise<'alike' | 'changed' | 'added' | 'removed' | 'gone'> => {
    for (let attempt = 1; ; attempt += 1) {
      const [one, other] = await Promise.all([built, live].map((store) => retry(clock, () => store.read(key))))
      if (isSameJson(one?.document, other?.document)) return one?.document === undefined ? 'gone' : 'alike'
      if (attempt === MAX_ATTEMPTS)
        return one?.document === undefined ? 'removed' : other?.document === undefined ? 'added' : 'changed'
      await clock.wait(PAUSE_MS)
    }
  }
  const comparison = (): Comparison => ({ ...found, examples: [...examples] })

  for await (const { alike, ofBuilt, ofLive } of sideBySide(new Lister(built, clock), new Lister(live, clock))) {
    for (const key of alike) count(key, 'alike')
    await forEachLimited(ofBuilt, CONCURRENCY, async (key) => {
      const difference = await compareKey(key)
      // A document that only the live generation has is found in its own list.
      if (difference !== 'removed' && difference !== 'gone') count(key, difference)
    })
    await forEachLimited(ofLive, CONCURRENCY, async (key) => {
      // Documents of both generations are counted in the other list.
      if ((await compareKey(key)) === 'removed') count(key, 'removed')
    })
    onProgress(comparison())
  }
  return comparison()
}

/** Whether two documents are equal as JSON, regardless of field order, or both are missing. */
function isSameJson(one: unknown, other: unknown): boolean {
  if (one === undefined || other === undefined) return one === other
  return canonicalHash(one) === canonicalHash(other)
}

interface Part {
  /** Equal documents at the same place in both lists. */
  readonly alike: readonly string[]
  readonly ofBuilt: readonly string[]
  readonly ofLive: readonly string[]
}

/** Merges both lists part by part. */
async function* sideBySide(one: Lister, other: Lister): AsyncGenerator<Part> {
  for (;;) {
    await Promise.all([one.fill(), other.fill()])
    if (one.isEmpty && other.isEmpty) return
    // A part ends when one list needs its next page.
    const part = { alike: [] as string[], ofBuilt: [] as string[], ofLive: [] as string[] }
    while (!one.mustFill && !other.mustFill && !(one.isEmpty && other.isEmpty)) {
      const [first, second] = [one.first, other.first]
      if (first?.place === second?.place) {
        if (first && isSameJson(first.document, second?.document)) part.alike.push(first.key)
        else if (first) part.ofBuilt.push(first.key)
        one.drop()
        other.drop()
      } else if (second === undefined || (first !== undefined && first.place > second.place)) {
        if (first) part.ofBuilt.push(first.key)
        one.drop()
      } else {
        part.ofLive.push(second.key)
        other.drop()
      }
    }
    yield part
  }
}

/** The documents of a generation by place, descending. It holds one page at a time. */
class Lister {
  readonly #store: ViewStore
  readonly #clock: Pick<Clock, 'wait'>
  #page: readonly ListedDocument[] = []
  #next = 0
  #isLast = false

  constructor(store: ViewStore, clock: Pick<Clock, 'wait'>) {
    this.#store = store
    this.#clock = clock
  }

  get first(): ListedDocument | undefined {
    return this.#page[this.#next]
  }

  get isEmpty(): boolean {
    return this.#isLast && this.first === undefined
  }

  get mustFill(): boolean {
    return !this.#isLast && this.first === undefined
  }

  drop(): void {
    this.#next += 1
  }

  async fill(): Promise<void> {
    if (!this.mustFill) return
    const after = this.#page.at(-1)
    const list = { filter: {}, limit: PAGE, ...(after === undefined ? {} : { after }) }
    this.#page = await retry(this.#clock, () => this.#store.list(list))
    this.#next = 0
    this.#isLast = this.#page.length < PAGE
  }
}
