import { EMPTY_STREAM, type StreamHead } from '../core/hash-chain.ts'
import type { ItemIndex } from '../core/ports.ts'

/** The index of a restore in memory, for tests. */
export class MemoryItemIndex implements ItemIndex {
  readonly #contents = new Map<string, string>()
  readonly #seen = new Set<string>()
  readonly #ends = new Map<string, StreamHead>()

  get size(): number {
    return this.#contents.size
  }

  add(item: string, content: string): string {
    const first = this.#contents.get(item)
    if (first === undefined) this.#contents.set(item, content)
    return first ?? content
  }

  content(item: string): string | undefined {
    return this.#contents.get(item)
  }

  see(item: string): boolean {
    const isNew = !this.#seen.has(item)
    this.#seen.add(item)
    return isNew
  }

  isSeen(item: string): boolean {
    return this.#seen.has(item)
  }

  reach(stream: string, head: StreamHead): void {
    if (head.version > this.end(stream).version) this.#ends.set(stream, head)
  }

  end(stream: string): StreamHead {
    return this.#ends.get(stream) ?? EMPTY_STREAM
  }
}
