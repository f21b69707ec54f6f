import { useCallback, useEffect, useRef, useState } from 'preact/hooks'
import { Problem } from '../api/client.ts'

/** A value that is being fetched: the last value, and the problem since then. */
export interface Loaded<Value> {
  readonly value?: Value
  readonly problem?: Problem
  readonly loading: boolean
  readonly reload: () => void
}

interface Held<Value> {
  readonly key: string
  readonly value?: Value
  readonly problem?: Problem
}

type Load<Value> = (signal: AbortSignal) => Promise<Value>

/** Fetches once, and again when the key changes. A value for another key is dropped. */
export function useLoad<Value>(key: string, load: Load<Value>): Loaded<Value> {
  return useFetched(key, load, undefined)
}

/**
 * Fetches repeatedly while the page is visible, with a pause after each answer. Without `everyMs` fetches
 * once.
 */
export function usePoll<Value>(key: string, load: Load<Value>, everyMs: number | undefined): Loaded<Value> {
  return useFetched(key, load, everyMs)
}

function useFetched<Value>(key: string, load: Load<Value>, everyMs: number | undefined): Loaded<Value> {
  const [round, setRound] = useState(0)
  const [held, setHeld] = useState<Held<Value>>({ key: '' })
  const latest = useRef(load)
  latest.current = load
  useEffect(() => {
    const controller = new AbortController()
    const { signal } = controller
    const run = async (): Promise<void> => {
      for (let failures = 0; !signal.aborted; ) {
        try {
          const value = await latest.current(signal)
          if (signal.aborted) return
          failures = 0
          setHeld({ key, value })
        } catch (error) {
          if (signal.aborted) return
          failures += 1
          const problem = asProblem(error)
          setHeld((before) =>
            before.key === key && before.value !== undefined ? { key, value: before.value, problem } : { key, problem },
          )
        }
        if (everyMs === undefined) return
        await pause(everyMs * Math.min(2 ** failures, 8), signal)
        await visible(signal)
      }
    }
    void run()
    return () => controller.abort()
  }, [key, round, everyMs])
  const reload = useCallback(() => setRound((before) => before + 1), [])
  const { value, problem }: Omit<Held<Value>, 'key'> = held.key === key ? held : {}
  return {
    ...(value === undefined ? {} : { value }),
    ...(problem === undefined ? {} : { problem }),
    loading: held.key !== key,
    reload,
  }
}

export function asProblem(error: unknown): Problem {
  if (error instanceof Problem) return error
  return new Problem(0, 'console-fault', error instanceof Error ? error.message : String(error))
}

/** Ends early when aborted. */
export function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve()
    const done = (): void => {
      clearTimeout(timer)
      signal.removeEventListener('abort', done)
      resolve()
    }
    const timer = setTimeout(done, ms)
    signal.addEventListener('abort', done)
  })
}

/** Waits until the page is visible. A hidden page sends no requests. */
function visible(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const look = (): void => {
      if (document.hidden && !signal.aborted) return
      document.removeEventListener('visibilitychange', look)
      signal.removeEventListener('abort', look)
      resolve()
    }
    document.addEventListener('visibilitychange', look)
    signal.addEventListener('abort', look)
    look()
  })
}
