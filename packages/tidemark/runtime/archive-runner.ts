import { describeError } from '../core/errors.ts'
import type { Clock } from '../core/ports.ts'
import type { ArchiveRun } from './archive.ts'
import { DUE_AFTER } from './periodic.ts'

/** How long a run may take before it leaves the rest to the next one. Milliseconds. */
const RUN_MS = 10_000

export interface ArchiveRunnerDependencies {
  readonly writer: {
    write(milliseconds: number): Promise<ArchiveRun>
    /** When the newest archived item was written; undefined if there is none. */
    newest(): Promise<string | undefined>
  }
  readonly clock: Pick<Clock, 'elapsed' | 'now'>
  readonly intervalSeconds: number
  /** Logs a line about a failed run. */
  readonly warn: (line: string) => void
}

/**
 * Archives in the background, so that a slow or broken archive never holds up what else the timer does. If the
 * process ends meanwhile, the archive has whole segments only, and the next run goes on from there.
 */
export class ArchiveRunner {
  readonly #deps: ArchiveRunnerDependencies
  #dueAt = Number.NEGATIVE_INFINITY
  #isFirst = true
  #running: Promise<void> | undefined

  constructor(deps: ArchiveRunnerDependencies) {
    this.#deps = deps
  }

  /** Starts a run if one is due and none is running. */
  start(): void {
    const { clock, intervalSeconds } = this.#deps
    if (this.#running || clock.elapsed() < this.#dueAt) return
    this.#dueAt = clock.elapsed() + DUE_AFTER * 1000 * intervalSeconds
    this.#running = this.#run().finally(() => {
      this.#running = undefined
    })
  }

  /** Resolves when no run is in progress. */
  async close(): Promise<void> {
    await this.#running
  }

  async #run(): Promise<void> {
    const { writer, intervalSeconds, warn } = this.#deps
    try {
      if (this.#isFirst && (await this.#isEarly())) return
      const { atEnd } = await writer.write(RUN_MS)
      // The log has more: the timer's next call goes on at once.
      if (!atEnd) this.#dueAt = Number.NEGATIVE_INFINITY
    } catch (error) {
      warn(
        `the archive was not written: ${describeError(error)}. Nothing is lost: the log has it all. ` +
          `The next try is in ${intervalSeconds} s (docs/archive.md)`,
      )
    }
  }

  /**
   * A process that starts when an earlier one has just archived waits for the rest of the interval. Otherwise each
   * start would write a small segment. It does not wait for longer, because it may end before.
   */
  async #isEarly(): Promise<boolean> {
    const { writer, clock, intervalSeconds } = this.#deps
    const newest = await writer.newest()
    this.#isFirst = false
    if (newest === undefined) return false
    const interval = 1000 * intervalSeconds
    const left = Math.min(interval, Date.parse(newest) + interval - Date.parse(clock.now()))
    if (left > 0) this.#dueAt = clock.elapsed() + left
    return left > 0
  }
}
