import type { StreamHead } from '../../core/hash-chain.ts'
import type { ConsumerPosition, WriteResult } from '../../core/ports.ts'

/** How far one consumer has come, in memory. */
export class MemoryPositions {
  readonly #positions = new Map<string, ConsumerPosition>()
  #writes = 0

  async readPosition(stream: string): Promise<ConsumerPosition | undefined> {
    return this.#positions.get(stream)
  }

  async writePosition(stream: string, tip: StreamHead, etag: string | undefined): Promise<WriteResult> {
    if (this.#positions.get(stream)?.etag !== etag) return { outcome: 'conflict' }
    this.#writes += 1
    const position = { tip, etag: String(this.#writes) }
    this.#positions.set(stream, position)
    return { outcome: 'written', etag: position.etag }
  }

  clear(): void {
    this.#positions.clear()
  }

  get isEmpty(): boolean {
    return this.#positions.size === 0
  }
}
