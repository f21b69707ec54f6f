import type { InstanceProgress, ProgressStore } from '../core/ports.ts'

/** The progress of a consumer's instances, in memory. */
export class MemoryProgress implements ProgressStore {
  readonly #items = new Map<string, { readonly progress: InstanceProgress; readonly written: number }>()
  readonly #now: () => number

  /** @param now milliseconds, to compute the age of an item. */
  constructor(now: () => number) {
    this.#now = now
  }

  async read(): Promise<readonly (InstanceProgress & { readonly age: number })[]> {
    return [...this.#items.values()].map(({ progress, written }) => ({
      ...progress,
      age: (this.#now() - written) / 1000,
    }))
  }

  async write(progress: InstanceProgress): Promise<void> {
    this.#items.set(progress.instance, { progress: structuredClone(progress), written: this.#now() })
  }

  async remove(instance: string): Promise<void> {
    this.#items.delete(instance)
  }

  /** Simulates an emptied container. */
  clear(): void {
    this.#items.clear()
  }
}
