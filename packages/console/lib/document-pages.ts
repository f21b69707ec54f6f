import { useEffect, useRef } from 'preact/hooks'
import { get, type Problem, type Query, type Service } from '../api/client.ts'
import type { DocumentPage, DocumentRow } from '../api/contract.ts'
import { usePages } from './pages.ts'

const PAGE = 100
/** The next page is fetched this many rows before the end of the known ones. */
const AHEAD = 20

/** The begin of a page: its first row, and the continuation for the service. */
interface Begin {
  readonly row: number
  readonly continuation: string | undefined
}

interface DocumentPages {
  /** The number of documents known so far. */
  readonly count: number
  readonly state: 'loading' | 'more' | 'all'
  readonly searched: number
  readonly problem: Problem | undefined
  retry(): void
  /** Undefined if it was dropped from the cache and not fetched again yet. */
  row(index: number): DocumentRow | undefined
  /** Fetches what is missing of these rows, and the next page if they are near the end. */
  want(first: number, last: number): void
  more(): void
}

/**
 * The documents of a view in its order. Each page has the continuation for the next, so pages become known
 * one after another. After that any page can be fetched again.
 */
export function useDocumentPages(service: Service, view: string, asked: Query): DocumentPages {
  const begins = useRef<Begin[]>([{ row: 0, continuation: undefined }])
  const known = useRef({ count: 0, searched: 0, all: false })
  const pages = usePages(async (page, signal) => {
    const { row, continuation } = begins.current[page] ?? { row: 0, continuation: undefined }
    const query = { ...asked, limit: PAGE, continuation }
    const answer = await get<DocumentPage>(service, `/views/${view}/documents`, query, signal)
    if (page === begins.current.length - 1 && !known.current.all) {
      const { continuation: next, items } = answer
      const count = row + items.length
      known.current = { count, searched: known.current.searched + answer.searched, all: next === undefined }
      if (next !== undefined) begins.current.push({ row: count, continuation: next })
    }
    return answer.items
  })
  const findPage = (row: number): number => {
    let [low, high] = [0, begins.current.length - 1]
    while (low < high) {
      const middle = Math.ceil((low + high) / 2)
      if ((begins.current[middle]?.row ?? 0) <= row) low = middle
      else high = middle - 1
    }
    return low
  }
  const { count, searched, all } = known.current
  const last = begins.current.length - 1
  useEffect(() => pages.want([0]), [])
  return {
    ...{ count, searched, problem: pages.problem, retry: pages.retry },
    state: all ? 'all' : pages.isAsked(last) ? 'loading' : 'more',
    row(index) {
      const page = findPage(index)
      return pages.page(page)?.[index - (begins.current[page]?.row ?? 0)]
    },
    want(first, end) {
      const from = findPage(first)
      const seen = Array.from({ length: findPage(Math.max(first, end - 1)) - from + 1 }, (_, index) => from + index)
      const missing = seen.filter((page) => pages.page(page) === undefined && (all || page < last))
      pages.want(!all && end >= count - AHEAD ? [...missing, last] : missing)
    },
    more: () => pages.want([last]),
  }
}
