import { useEffect, useRef, useState } from 'preact/hooks'
import type { Problem } from '../api/client.ts'
import { asProblem } from './load.ts'

const MAX_CACHED = 60
const CONCURRENCY = 2

/** Pages of a list of any length. Visible pages are fetched, and those farthest away are dropped. */
interface Pages<Item> {
  /** Undefined if it was not fetched yet, or dropped. */
  page(number: number): readonly Item[] | undefined
  /** Fetches these pages. Drops earlier requests that have not begun, such as pages scrolled past. */
  want(pages: readonly number[]): void
  isAsked(page: number): boolean
  readonly problem: Problem | undefined
  retry(): void
}

export function usePages<Item>(
  fetchPage: (page: number, signal: AbortSignal) => Promise<readonly Item[]>,
): Pages<Item> {
  const cached = useRef(new Map<number, readonly Item[]>())
  const asked = useRef(new Set<number>())
  const requested = useRef<readonly number[]>([])
  const controller = useRef(new AbortController())
  const [, redraw] = useState(0)
  const [problem, setProblem] = useState<Problem>()
  useEffect(() => () => controller.current.abort(), [])

  const fetchOne = async (page: number): Promise<void> => {
    const { signal } = controller.current
    asked.current.add(page)
    redraw((before) => before + 1)
    try {
      const items = await fetchPage(page, signal)
      cached.current.set(page, items)
      forgetFarthest(cached.current, page)
      setProblem(undefined)
    } catch (error) {
      asked.current.delete(page)
      if (signal.aborted) return
      requested.current = [page, ...requested.current]
      setProblem(asProblem(error))
      return
    }
    asked.current.delete(page)
    fetchWanted()
    redraw((before) => before + 1)
  }
  const fetchWanted = (): void => {
    for (const page of requested.current) {
      if (asked.current.size >= CONCURRENCY) return
      requested.current = requested.current.filter((each) => each !== page)
      if (!asked.current.has(page)) void fetchOne(page)
    }
  }
  return {
    problem,
    retry: fetchWanted,
    page: (number) => cached.current.get(number),
    isAsked: (page) => asked.current.has(page),
    want(pages) {
      requested.current = pages
      fetchWanted()
    },
  }
}

function forgetFarthest(cached: Map<number, unknown>, from: number): void {
  if (cached.size <= MAX_CACHED) return
  const byDistance = [...cached.keys()].toSorted((a, b) => Math.abs(b - from) - Math.abs(a - from))
  for (const page of byDistance.slice(0, cached.size - MAX_CACHED)) cached.delete(page)
}
