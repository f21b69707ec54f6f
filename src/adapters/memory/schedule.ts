import type { Schedule, ScheduledCommand } from '../../core/ports.ts'

/** Commands that wait for their time, in memory. */
export class MemorySchedule implements Schedule {
  readonly #waiting = new Map<string, ScheduledCommand>()

  async add(scheduled: ScheduledCommand): Promise<void> {
    const key = keyOf(scheduled)
    if (!this.#waiting.has(key)) this.#waiting.set(key, structuredClone(scheduled))
  }

  async due(now: string, limit: number, after?: ScheduledCommand): Promise<readonly ScheduledCommand[]> {
    return [...this.#waiting.values()]
      .filter(({ due }) => due <= now)
      .sort((a, b) => (placeOf(a) < placeOf(b) ? -1 : 1))
      .filter((scheduled) => after === undefined || placeOf(scheduled) > placeOf(after))
      .slice(0, limit)
  }

  async remove(scheduled: ScheduledCommand): Promise<void> {
    this.#waiting.delete(keyOf(scheduled))
  }

  get size(): number {
    return this.#waiting.size
  }
}

function keyOf({ stream, key }: ScheduledCommand): string {
  return JSON.stringify([stream, key])
}

function placeOf(scheduled: ScheduledCommand): string {
  return `${scheduled.due} ${keyOf(scheduled)}`
}
