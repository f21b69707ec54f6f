import type { Container } from '@azure/cosmos'
import type { RawItem } from './event-hash.ts'
import { queryPages } from './rows.ts'
import { type Fault, StreamCheck } from './stream-check.ts'

/** What was looked at. */
export interface Counted {
  streams: number
  commits: number
  events: number
  receipts: number
}

/** A part of a log: the streams after one, by name, until it is enough. */
export interface LogPart {
  readonly after?: string
  /** Asked after each stream. Absent: all that there are. */
  readonly isEnough?: () => boolean
}

/**
 * Checks every stream of a log, or of a part of it. The items come ordered by stream, page by page, so what
 * is in memory is a page and two hashes an event of the one stream at hand.
 *
 * Commands append meanwhile: a page may show a receipt, when the page before did not yet show the commit that
 * the receipt points at. So a stream that looks wrong is read twice more, that stream alone. What both
 * readings find is a fault.
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
 *   console.log(`${events} events are looked at`)
 * }
 * ```
 */
export async function verifyLog(
  log: Container,
  on: { readonly progress: (items: number) => void; readonly fault: (fault: Fault) => void },
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
  }
  const query = {
    query: `SELECT * FROM c ${after === undefined ? '' : 'WHERE c.stream > @after'} ORDER BY c.stream`,
    parameters: after === undefined ? [] : [{ name: '@after', value: after }],
  }
  for await (const page of queryPages<RawItem>(log, query)) {
    for (const item of page) {
      const { stream } = item
      if (typeof stream !== 'string') {
        on.fault({ place: String(item.id), wrong: 'inserted', detail: 'it is of no stream' })
        continue
      }
      if (stream !== check?.stream) {
        await judge()
        if (check && isEnough()) return { ...counted, next: check.stream }
        check = new StreamCheck(stream)
      }
      check.add(item)
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
