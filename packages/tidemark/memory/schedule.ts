import { TidemarkError } from '../core/errors.ts'
import type { Clock, Schedule, ScheduleBrowser, ScheduledCommand, ScheduledPage } from '../core/ports.ts'

/** Scheduled commands, in memory. */
export class MemorySchedule implements Schedule, ScheduleBrowser {
  readonly #clock: Pick<Clock, 'now'>
  readonly #waiting = new Map<string, ScheduledCommand>()

  /** @param clock the store's clock, which decides what is due. */
  constructor(clock: Pick<Clock, 'now'>) {
    this.#clock = clock
  }

  async add(scheduled: ScheduledCommand): Promise<void> {
    const key = formatKey(scheduled)
    if (!this.#waiting.has(key)) this.#waiting.set(key, structuredClone(scheduled))
  }

  async *due(size: number): AsyncIterable<readonly ScheduledCommand[]> {
    let last = ''
    for (;;) {
      const now = this.#clock.now()
      const page = this.waiting.filter((each) => each.due <= now && formatPlace(each) > last).slice(0, size)
      const [end] = page.slice(-1)
      if (end === undefined) return
      yield page
      last = formatPlace(end)
    }
  }

  async list(limit: number, continuation?: string): Promise<ScheduledPage> {
    if (continuation !== undefined && !/^\d+$/.test(continuation))
      throw new TidemarkError('invalid-query', 'the continuation is invalid: send that of the previous page')
    const skip = Number(continuation ?? 0)
    const commands = this.waiting.slice(skip, skip + limit)
    return this.size > skip + limit ? { commands, continuation: String(skip + limit) } : { commands }
  }

  async remove(scheduled: ScheduledCommand): Promise<void> {
    this.#waiting.delete(formatKey(scheduled))
  }

  /** All scheduled commands, earliest first. */
  get waiting(): readonly ScheduledCommand[] {
    return [...this.#waiting.values()].sort((a, b) => (formatPlace(a) < formatPlace(b) ? -1 : 1))
  }

  get size(): number {
    return this.#waiting.size
  }
}

function formatKey({ stream, key }: ScheduledCommand): string {
  return JSON.stringify([stream, key])
}

function formatPlace(scheduled: ScheduledCommand): string {
  return `${scheduled.due} ${formatKey(scheduled)}`
}
