/** Collects durations in milliseconds, and computes percentiles. */
export class Latency {
  readonly #samples: number[] = []

  add(milliseconds: number): void {
    this.#samples.push(milliseconds)
  }

  get count(): number {
    return this.#samples.length
  }

  /** The duration that this share of the samples did not exceed. */
  percentile(share: number): number {
    const sorted = this.#samples.toSorted((a, b) => a - b)
    return sorted[Math.min(sorted.length - 1, Math.ceil(sorted.length * share) - 1)] ?? Number.NaN
  }

  toString(): string {
    const shown = [0.5, 0.95, 0.99].map((share) => `p${share * 100} ${this.percentile(share).toFixed(1)} ms`)
    return `${shown.join(', ')} (${this.count})`
  }
}
