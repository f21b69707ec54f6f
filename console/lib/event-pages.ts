import { useEffect, useRef, useState } from 'preact/hooks'
import { get, type Problem, type Service } from '../api/client.ts'
import type { EventPage, RecordedEvent } from '../api/contract.ts'
import { asProblem } from './load.ts'

const PAGE = 100
const MOST_PAGES_KEPT = 60

export interface EventPages {
  /** Undefined: not fetched yet. */
  event(version: number): RecordedEvent | undefined
  /** Fetches what is not there of these versions. */
  want(first: number, last: number): void
  readonly problem: Problem | undefined
}

/** The events of one stream by their versions, fetched in pages as they are wanted: versions have no gaps, so any page can be asked for. */
export function useEventPages(service: Service, stream: string, head: number): EventPages {
  const pages = useRef(new Map<number, readonly RecordedEvent[]>())
  const asked = useRef(new Set<number>())
  const [, redraw] = useState(0)
  const [problem, setProblem] = useState<Problem>()
  const controller = useRef<AbortController>(undefined)
  useEffect(() => {
    controller.current = new AbortController()
    return () => controller.current?.abort()
  }, [])
  const fetchPage = async (page: number): Promise<void> => {
    asked.current.add(page)
    try {
      const path = `/streams/${encodeURIComponent(stream)}/events`
      const query = { after: page * PAGE, limit: PAGE }
      const { items } = await get<EventPage>(service, path, query, controller.current?.signal)
      pages.current.set(page, items)
      for (const old of pages.current.keys()) {
        if (pages.current.size <= MOST_PAGES_KEPT) break
        pages.current.delete(old)
      }
      setProblem(undefined)
      redraw((before) => before + 1)
    } catch (error) {
      if (!controller.current?.signal.aborted) setProblem(asProblem(error))
    } finally {
      asked.current.delete(page)
    }
  }
  const pageOf = (version: number): number => Math.floor((version - 1) / PAGE)
  return {
    problem,
    event: (version) => pages.current.get(pageOf(version))?.[(version - 1) % PAGE],
    want(first, last) {
      const to = pageOf(Math.min(last, head))
      for (let page = Math.max(0, pageOf(first)); page <= to; page += 1) {
        const has = pages.current.get(page)?.length ?? -1
        const should = Math.min(PAGE, head - page * PAGE)
        if (has < should && !asked.current.has(page)) void fetchPage(page)
      }
    },
  }
}
