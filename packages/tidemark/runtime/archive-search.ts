import { parseCommit, readCommitPosition } from '../core/commit.ts'
import type { RecordedEvent } from '../core/event.ts'
import type { Archive } from '../core/ports.ts'
import { parseSourceStream } from '../core/stream.ts'
import { NewestSegment, readSegment } from './archive.ts'
import type { GapSource } from './unseen-events.ts'
import { toSourceEvent } from './view-events.ts'

/** Events of one stream that are searched for. */
interface Search {
  readonly stream: string
  readonly from: number
  readonly to: number
  readonly found: RecordedEvent[]
  readonly resolve: (events: readonly RecordedEvent[]) => void
  readonly reject: (error: unknown) => void
}

/**
 * Finds events of single streams in the archive of a service. Nothing indexes an archive, so it is read from its
 * newest segment back, one segment at a time. All searches that wait share one such read.
 */
class ArchiveSearch {
  readonly #service: string
  readonly #archive: Archive
  readonly #newest: NewestSegment
  #waiting: Search[] = []
  #isReading = false

  constructor(service: string, archive: Archive) {
    this.#service = service
    this.#archive = archive
    this.#newest = new NewestSegment(service, archive)
  }

  /** The events from one version to another, as far as the archive has them. */
  find(stream: string, from: number, to: number): Promise<readonly RecordedEvent[]> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ stream, from, to, found: [], resolve, reject })
      if (this.#isReading) return
      this.#isReading = true
      // The streams of one batch ask at the same time.
      setImmediate(() => void this.#readAll())
    })
  }

  async #readAll(): Promise<void> {
    for (let searches = this.#take(); searches.length > 0; searches = this.#take())
      try {
        await this.#read(searches)
        for (const { found, resolve } of searches) resolve(found.toSorted((a, b) => a.version - b.version))
      } catch (error) {
        for (const { reject } of searches) reject(error)
      }
    this.#isReading = false
  }

  #take(): readonly Search[] {
    const searches = this.#waiting
    this.#waiting = []
    return searches
  }

  async #read(searches: readonly Search[]): Promise<void> {
    const { number: newest } = await this.#newest.refresh()
    const byStream = Map.groupBy(searches, ({ stream }) => stream)
    const isDone = ({ from, to, found }: Search): boolean => found.length === to - from + 1
    for (let number = newest; number > 0 && !searches.every(isDone); number -= 1) {
      const { lines } = await readSegment(this.#service, this.#archive, number)
      for (const line of lines) {
        const item: unknown = JSON.parse(line.toString('utf8'))
        const wanted = byStream.get(readCommitPosition(item)?.stream ?? '')
        if (wanted === undefined) continue
        const { events = [] } = parseCommit(item) ?? {}
        for (const { from, to, found } of wanted)
          found.push(...events.filter(({ version }) => version >= from && version <= to))
      }
    }
  }
}

/**
 * Reads the streams of several services, each named with its service, from the archives of these services. Fills
 * the gaps of a view that follows them: the log of another service is never read.
 * @param archiveOf the archive of a service
 */
export function sourceHistory(archiveOf: (service: string) => Archive): GapSource {
  const searches = new Map<string, ArchiveSearch>()
  return {
    isArchive: true,
    async readRange(name, { after = 0, limit }) {
      const { service = '', stream } = parseSourceStream(name)
      const search = searches.get(service) ?? new ArchiveSearch(service, archiveOf(service))
      searches.set(service, search)
      const events = await search.find(stream, after + 1, after + limit)
      return events.map((event) => toSourceEvent(service, event))
    },
  }
}
