import { readFileSync } from 'node:fs'
import { setTimeout as pause } from 'node:timers/promises'
import type { Note } from './note.ts'

const QUIET_MS = 2_000
const GIVE_UP_MS = 120_000

/** Whether the request is made at all times. It costs by time, not by event. */
export function isStanding(note: Note): boolean {
  if (note.kind !== 'cosmos') return note.kind === 'blob' && !note.operation.endsWith('checkpoint')
  if (note.container === 'leases' || note.container === '') return true
  if (['metadata', 'pointer', 'feed, empty', 'query plan'].includes(note.operation)) return true
  return note.container === 'schedule' && note.operation === 'query'
}

/** The notes of a functions' process, as they are written. */
export class Tallied {
  readonly #file: string

  constructor(file: string) {
    this.#file = file
  }

  /** The notes between two times, in milliseconds since the epoch. */
  between(from: number, to: number): readonly Note[] {
    return readFileSync(this.#file, 'utf8')
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as Note)
      .filter(({ at }) => at >= from && at <= to)
  }

  /** Resolves once there was nothing but standing requests for two seconds. */
  async quiet(): Promise<void> {
    const giveUp = Date.now() + GIVE_UP_MS
    for (;;) {
      await pause(QUIET_MS / 4)
      const last = this.between(0, Date.now()).findLast((note) => !isStanding(note))?.at ?? 0
      if (Date.now() - last > QUIET_MS) return
      if (Date.now() > giveUp) throw new Error('the services do not come to rest')
    }
  }
}
