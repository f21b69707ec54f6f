import { useEffect, useRef } from 'preact/hooks'
import { get, type Problem, type Service } from '../api/client.ts'
import type { EventPage, RecordedEvent } from '../api/contract.ts'
import { usePages } from './pages.ts'

const PAGE = 100

export interface EventPages {
  /** Undefined if it was not fetched yet. */
  event(version: number): RecordedEvent | undefined
  /** Tells which versions are visible. Fetches the missing ones. */
  see(first: number, last: number): void
  retry(): void
  readonly problem: Problem | undefined
}

/**
 * The events of one stream by their versions. These have no gaps, so any page can be fetched.
 * @param chosen a version that is always fetched, visible or not.
 */
export function useEventPages(service: Service, stream: string, head: number, chosen: number): EventPages {
  const pages = usePages(async (page, signal) => {
    const path = `/streams/${encodeURIComponent(stream)}/events`
    return (await get<EventPage>(service, path, { after: page * PAGE, limit: PAGE }, signal)).items
  })
  const seen = useRef({ first: chosen, last: chosen })
  const findPage = (version: number): number => Math.floor((version - 1) / PAGE)
  const isMissing = (page: number): boolean => (pages.page(page)?.length ?? -1) < Math.min(PAGE, head - page * PAGE)
  const fetchMissing = (): void => {
    const { first, last } = seen.current
    const wanted = new Set([findPage(chosen)])
    for (let page = Math.max(0, findPage(first)); page <= findPage(Math.min(last, head)); page += 1) wanted.add(page)
    pages.want([...wanted].filter(isMissing))
  }
  useEffect(fetchMissing, [chosen, head])
  return {
    problem: pages.problem,
    retry: pages.retry,
    event: (version) => pages.page(findPage(version))?.[(version - 1) % PAGE],
    see(first, last) {
      seen.current = { first, last }
      fetchMissing()
    },
  }
}
