import { setTimeout as delay } from 'node:timers/promises'
import type { Child } from '../../kit/child.ts'

const POLL_MS = 200

/** The user's request to end the command: Ctrl-C, a closed terminal, or a SIGTERM. */
export interface Interruption {
  /** Settles when it happens. */
  readonly happened: Promise<void>
  /** Is aborted when it happens. */
  readonly signal: AbortSignal
}

/** Listens for an interruption from this call on. */
export function interruption(): Interruption {
  const controller = new AbortController()
  const happened = new Promise<void>((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
      process.once(signal, () => {
        controller.abort()
        resolve()
      })
  })
  return { happened, signal: controller.signal }
}

/** Prints each part with its address. */
export function showParts(parts: readonly Pick<Child, 'name' | 'address'>[]): void {
  for (const part of parts) console.log(`${part.name.padEnd(12)} ${part.address}`)
}

/**
 * Settles on the interruption. If a part ends on its own, prints that and sets exit code 1, because all parts
 * end together.
 * @param givenUp settles with another reason to end.
 */
export async function untilEnded(
  parts: readonly Child[],
  interrupted: Promise<void>,
  givenUp?: Promise<string>,
): Promise<void> {
  const others = parts.length > 1 || givenUp ? ': ending the others' : ''
  const ends = parts.map(async (part) => `${part.name} ${await part.exited}`)
  const ended = Promise.race([...ends, ...(givenUp ? [givenUp] : [])]).then((why) => `${why}${others}`)
  const why = await Promise.race([interrupted, ended])
  if (typeof why !== 'string') return
  console.error(why)
  process.exitCode = 1
}

/** Asks until there is an answer. @returns undefined if `over` settles first. */
export async function until<Value>(
  ask: () => Promise<Value | undefined>,
  over: Promise<unknown>,
): Promise<Value | undefined> {
  let isOver = false
  const ended = over.then(() => {
    isOver = true
  })
  while (!isOver) {
    const value = await ask()
    if (value !== undefined) return value
    await Promise.race([ended, delay(POLL_MS)])
  }
  return undefined
}
