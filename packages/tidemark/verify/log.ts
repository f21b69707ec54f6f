import type { Container } from '@azure/cosmos'
import type { RawItem } from './event-hash.ts'
import { queryPages } from './rows.ts'
import { type Fault, StreamCheck } from './stream-check.ts'

export interface LogWatch {
  readonly progress: (items: number) => void
  readonly fault: (fault: Fault) => void
  /** Gets each item of a stream, in any order. */
  readonly item?: (item: RawItem) => void
  /** Called after the last item of a stream. */
  readonly stream?: (stream: string) => void
}

/** How much was checked. */
export interface Counted {
  streams: number
  commits: number
  events: number
  receipts: number
}

/** A part of a log: the streams after a given one, by name, until `isEnough`. */
export interface LogPart {
  readonly after?: string
  /** Called after each stream. Default: all streams are checked. */
  readonly isEnough?: () => boolean
}

/**
 * Checks every stream of a log, or of a part of it. The items are ordered by stream and read page by page. So
 * memory holds one page, and two hashes for each event of the current stream.
 *
 * Commands append meanwhile: a page may contain a receipt although the page before did not yet contain the
 * commit that the receipt points to. So a stream that looks wrong is read twice more, on its own. A fault is
 * reported if both reads find it.
 * @example
 * ```ts
 * import { CosmosClient } from '@azure/cosmos'
 * import { verifyLog } from 'tidemark/verify'
 *
 * export async function check(connection: string): Promise<void> {
 *   const log = new CosmosClient(connection).database('entries').container('events')
 *   const { events } = await verifyLog(log, {
 *     progress: (items) => console.log(`${items} items`),
 *     fault: ({ place, wrong, detail }) => console.error(`${place} ${wrong}: ${detail}`),
 *   })
 *   console.log(`${events} events are checked`)
 * }
 * ```
 */
export async function verifyLog(
  log: Container,
  on: LogWatch,
  { after, isEnough = () => false }: LogPart = {},
): Promise<Counted & { readonly next?: string }> {
  const counted: Counted = { streams: 0, commits: 0, events: 0, receipts: 0 }
  let check: StreamCheck | undefined
  const judge = async (): Promise<void> => {
    if (check === undefined) return
    counted.streams += 1
    counted.commits += check.commits
    counted.events += check.events
    counted.receipts += check.receipts
    if (check.finish().length > 0) for (const fault of await recheckStream(log, check.stream)) on.fault(fault)
    on.stream?.(check.stream)
  }
  const query = {
    query: `SELECT * FROM c ${after === undefined ? '' : 'WHERE c.stream > @after'} ORDER BY c.stream`,
    parameters: after === undefined ? [] : [{ name: '@after', value: after }],
  }
  for await (const page of queryPages<RawItem>(log, query)) {
    for (const item of page) {
      const { stream } = item
      if (typeof stream !== 'string') {
        on.fault({ place: String(item.id), wrong: 'inserted', detail: 'it belongs to no stream' })
        continue
      }
      if (stream !== check?.stream) {
        await judge()
        if (check && isEnough()) return { ...counted, next: check.stream }
        check = new StreamCheck(stream)
      }
      check.add(item)
      on.item?.(item)
    }
    on.progress(page.length)
  }
  await judge()
  return counted
}

async function recheckStream(log: Container, stream: string): Promise<Fault[]> {
  const read = async (): Promise<Fault[]> => {
    const check = new StreamCheck(stream)
    for await (const page of queryPages<RawItem>(log, 'SELECT * FROM c', stream))
      for (const item of page) check.add(item)
    return check.finish()
  }
  const first = new Set((await read()).map(({ place, wrong }) => `${place} ${wrong}`))
  return (await read()).filter(({ place, wrong }) => first.has(`${place} ${wrong}`))
}
