import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import type { CheckedLog } from './checked-log.ts'
import { checkCommit, formatEventId, isCommitId } from './commit-item.ts'
import type { DeclaredMultiService } from './declared.ts'
import { hashEnvelope, type RawItem } from './event-hash.ts'
import { isObject, isVersion } from './fields.ts'
import { formatSegment, parseLeaf, parseObject, type StoredSegment, unpackSegment } from './segment.ts'
import type { ViewsWatch } from './source.ts'

/**
 * The history of a service that a view follows. Each call reads only what the calls before have not read.
 * @example
 * ```ts
 * import { readFile } from 'node:fs/promises'
 * import type { SourceHistory } from 'tidemark/verify'
 *
 * // An archive of one segment, whose hub has nothing newer.
 * function fromFile(file: string): SourceHistory {
 *   let isRead = false
 *   return {
 *     async *segments() {
 *       if (!isRead) yield { number: 1, bytes: await readFile(file) }
 *       isRead = true
 *     },
 *     messages: async () => {},
 *   }
 * }
 * ```
 */
export interface SourceHistory {
  /** The segments of its archive, as they are stored, by ascending number. */
  segments(): AsyncIterable<StoredSegment>
  /** Passes on the messages of its hub up to the newest, those of each partition in order: parsed JSON. */
  messages(take: (body: unknown) => void): Promise<void>
}

/** How many items make a page. */
const PAGE = 1_000

/**
 * The events that a view follows, by stream, in a file of the temporary folder: archives and hubs have them in the
 * order of time. A stream is named with its service: `ordering/order-1`.
 */
export class SourceLog implements CheckedLog {
  readonly #folder = mkdtempSync(join(tmpdir(), 'tidemark-verify-'))
  readonly #sql = new DatabaseSync(join(this.#folder, 'sources.sqlite'))
  readonly #histories: ReadonlyMap<string, SourceHistory>
  readonly #view: DeclaredMultiService
  readonly #on: Pick<ViewsWatch, 'fault'>
  readonly #insert
  readonly #has

  constructor(
    view: DeclaredMultiService,
    histories: ReadonlyMap<string, SourceHistory>,
    on: Pick<ViewsWatch, 'fault'>,
  ) {
    this.#view = view
    this.#histories = histories
    this.#on = on
    this.#sql.exec(`
      PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA temp_store = FILE;
      CREATE TABLE items (stream TEXT NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL, text TEXT NOT NULL);
      CREATE INDEX by_stream ON items (stream, first);`)
    this.#insert = this.#sql.prepare('INSERT INTO items VALUES (?, ?, ?, ?)')
    this.#has = this.#sql.prepare('SELECT 1 FROM items WHERE stream = ? AND first <= ? AND last >= ? LIMIT 1')
  }

  /** First the archives and then the hubs, so that there is nothing between. */
  async refresh(): Promise<void> {
    for (const [service, history] of this.#histories) {
      for await (const segment of history.segments()) this.#write(() => this.#addSegment(service, segment))
      this.#sql.exec('BEGIN')
      await history.messages((body) => this.#addMessage(service, body)).finally(() => this.#sql.exec('COMMIT'))
    }
  }

  async count(): Promise<number> {
    return Number(this.#sql.prepare('SELECT count(*) AS items FROM items').get()?.items)
  }

  items(): AsyncIterable<readonly RawItem[]> {
    return this.#pages(this.#sql.prepare('SELECT * FROM items ORDER BY stream, first, rowid').iterate())
  }

  itemsOf(stream: string): AsyncIterable<readonly RawItem[]> {
    return this.#pages(this.#sql.prepare('SELECT * FROM items WHERE stream = ? ORDER BY first, rowid').iterate(stream))
  }

  close(): void {
    this.#sql.close()
    rmSync(this.#folder, { recursive: true, force: true })
  }

  async *#pages(rows: Iterable<Readonly<Record<string, unknown>>>): AsyncIterable<readonly RawItem[]> {
    let page: RawItem[] = []
    for (const { stream, first, text } of rows) {
      page.push({ id: formatEventId(Number(first)), stream, text })
      if (page.length < PAGE) continue
      yield page
      page = []
    }
    if (page.length > 0) yield page
  }

  #write(work: () => void): void {
    this.#sql.exec('BEGIN')
    work()
    this.#sql.exec('COMMIT')
  }

  #addSegment(service: string, { number, bytes }: StoredSegment): void {
    const { leaves } = unpackSegment(bytes)
    if (leaves.length === 0) this.#fault(`${service}, ${formatSegment(number)}`, 'it has no items')
    for (const leaf of leaves) {
      const item = parseLeaf(leaf)
      if (item && isCommitId(String(item.id)) && follows(this.#view, service, item.stream))
        this.#addCommit(service, item)
    }
  }

  #addCommit(service: string, item: RawItem): void {
    const { from, to = from, events } = checkCommit(item)
    const changed = events.find(({ state }) => state === 'changed')
    if (events.length === 0 || changed)
      this.#fault(`${service}, ${item.stream}@${changed?.version ?? from}`, 'in the archive it does not match its hash')
    else this.#insert.run(`${service}/${item.stream}`, from, to, String(item.text))
  }

  #addMessage(service: string, body: unknown): void {
    const event = parseMessage(body)
    if (event === undefined) return
    const { stream, version, hash, previousHash, envelope } = event
    // Consumers park what another service has sent to the hub.
    if (String(envelope.source).split('/')[1] !== service) return
    if (!follows(this.#view, service, stream) || this.#has.get(`${service}/${stream}`, version, version)) return
    if (hash !== hashEnvelope({ ...envelope, id: formatEventId(version), stream, version, previousHash }))
      this.#fault(`${service}, ${stream}@${version}`, 'in the hub it does not match its hash')
    else {
      // As the text of a commit with this event alone.
      const text = JSON.stringify({ previousHash, events: [{ ...envelope, hash }] })
      this.#insert.run(`${service}/${stream}`, version, version, text)
    }
  }

  #fault(place: string, detail: string): void {
    this.#on.fault({ place: `${this.#view.name}: ${place}`, wrong: 'changed', detail })
  }
}

/** Whether a view follows a stream of a service. */
export function follows({ sources }: DeclaredMultiService, service: string, stream: unknown): stream is string {
  if (typeof stream !== 'string') return false
  return sources.some((source) => source.service === service && stream.startsWith(`${source.category}-`))
}

interface Message {
  readonly stream: string
  readonly version: number
  readonly hash: unknown
  readonly previousHash: unknown
  /** The other fields that the hash covers. */
  readonly envelope: RawItem
}

/** Reads an event from a CloudEvent (docs/contract.md). @returns undefined if it is none. */
function parseMessage(body: unknown): Message | undefined {
  if (!isObject(body)) return undefined
  const { subject, streamversion: version, type, dataschema, readablefrom, data, recorded } = body
  if (typeof subject !== 'string' || !isVersion(version)) return undefined
  const shown = content({
    ...{ type, schemaVersion: Number(String(dataschema).split(':').at(-1)), readableFrom: readablefrom, data },
  })
  const own = typeof recorded === 'string' ? parseObject(Buffer.from(recorded)) : undefined
  const { source, time, correlationid, causationid, actor, traceparent, previoushash, hash } = body
  const envelope = {
    ...(own ? { ...content(own), published: shown } : shown),
    ...{ source, time, correlation: correlationid, causation: causationid, actor },
    ...(traceparent === undefined ? {} : { traceparent }),
  }
  return { stream: subject, version, hash, previousHash: previoushash, envelope }
}

function content({ type, schemaVersion, readableFrom, data }: RawItem): RawItem {
  return { type, schemaVersion, ...(readableFrom === undefined ? {} : { readableFrom }), data }
}
