import type { Rebuild } from 'tidemark/tools'

/** The pace is measured over this time at least, because reports come once a second. Milliseconds. */
const LEAST_MS = 2_000

type Progress = Pick<Rebuild, 'stage' | 'commits' | 'events' | 'total' | 'startedAt' | 'updatedAt'>

/** Measures how fast a rebuild reads the log, by the times of its own reports. */
export class Pace {
  #first: Progress | undefined

  /** @returns such as `1200 events/s` and `1 min 5 s left`; nothing while it is unknown. */
  describe(now: Progress): readonly string[] {
    // One that was started again may have gone back.
    if (this.#first?.startedAt !== now.startedAt) this.#first = now
    const spent = Date.parse(now.updatedAt) - Date.parse(this.#first.updatedAt)
    const read = now.commits - this.#first.commits
    if (now.stage !== 'reading' || spent < LEAST_MS || read <= 0) return []
    const perSecond = (read * 1000) / spent
    const left = Math.max(0, now.total - now.commits) / perSecond
    return [this.#eventPace(now, spent) ?? `${round(perSecond)} commits/s`, `${duration(left)} left`]
  }

  /** Undefined if the service does not count events. */
  #eventPace({ events }: Progress, spent: number): string | undefined {
    const before = this.#first?.events
    return events === undefined || before === undefined
      ? undefined
      : `${round(((events - before) * 1000) / spent)} events/s`
  }
}

function round(perSecond: number): string {
  return perSecond < 10 ? perSecond.toFixed(1) : String(Math.round(perSecond))
}

function duration(seconds: number): string {
  const whole = Math.ceil(seconds)
  if (whole < 60) return `${whole} s`
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`
  return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`
}
