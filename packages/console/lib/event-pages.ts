import { useEffect, useRef } from 'preact/hooks'
import { get, type Problem, type Service } from '../api/client.ts'
import type { EventPage, RecordedEvent } from '../api/contract.ts'
import { usePages } from './pages.ts'

const PAGE = 100

export interface EventPages {
  /** Undefined: not fetched yet. */
  event(version: number): RecordedEvent | undefined
  /** Says which versions can be seen: what is not there of them is fetched. */
  see(first: number, last: number): void
  retry(): void
  readonly problem: Problem | undefined
}

/**
 * The events of one stream by their versions, which have no gaps: any page can be asked for.
 * @param chosen is fetched, seen or not.
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
