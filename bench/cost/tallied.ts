import { readFileSync } from 'node:fs'
import { setTimeout as pause } from 'node:timers/promises'
import type { Note } from './note.ts'

const QUIET_MS = 2_000
const GIVE_UP_MS = 120_000

/** What is asked whether or not there is anything to do: it costs by time, not by event. */
export function isStanding(note: Note): boolean {
  if (note.kind !== 'cosmos') return note.kind === 'blob' && !note.operation.endsWith('checkpoint')
  if (note.container === 'leases' || note.container === '') return true
  if (['metadata', 'pointer', 'feed, empty', 'query plan'].includes(note.operation)) return true
  return note.container === 'schedule' && note.operation === 'query'
}

/** The notes of a functions' process, as it writes them. */
export class Tallied {
  readonly #file: string

  constructor(file: string) {
    this.#file = file
  }

  /** Those that were taken from one moment to another, in milliseconds since the epoch. */
  between(from: number, to: number): readonly Note[] {
    return readFileSync(this.#file, 'utf8')
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as Note)
      .filter(({ at }) => at >= from && at <= to)
  }

  /** Resolves once nothing but what is standing has happened for two seconds. */
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
