import { isTidemarkError } from '../core/errors.ts'
import type { Clock } from '../core/ports.ts'

const FIRST_PAUSE_MS = 250
const LAST_PAUSE_MS = 8_000

/** Retries retriable errors with growing pauses, for up to half a minute in total. */
export async function retry<Result>(clock: Pick<Clock, 'wait'>, task: () => Promise<Result>): Promise<Result> {
  for (let pause = FIRST_PAUSE_MS; ; pause *= 2) {
    try {
      return await task()
    } catch (error) {
      if (!isTidemarkError(error) || !error.retriable || pause > LAST_PAUSE_MS) throw error
      await clock.wait(pause)
    }
  }
}
