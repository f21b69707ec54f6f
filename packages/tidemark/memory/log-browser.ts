import type { RecordedCommit } from '../core/commit.ts'
import { TidemarkError } from '../core/errors.ts'
import type { CommitFilter, CommitPage, LogBrowser } from '../core/ports.ts'
import { parseCategory } from '../core/stream.ts'
import type { MemoryEventStore } from './event-store.ts'

/** Browses an in-memory log. A continuation has the log's number of commits and how many of them to skip. */
export class MemoryLogBrowser implements LogBrowser {
  readonly #log: MemoryEventStore

  constructor(log: MemoryEventStore) {
    this.#log = log
  }

  async newest({ category, type }: CommitFilter, limit: number, continuation?: string): Promise<CommitPage> {
    const matches = ({ stream, events }: RecordedCommit): boolean =>
      (category === undefined || parseCategory(stream) === category) &&
      (type === undefined || events.some((event) => event.type === type))
    return this.#page((commits) => commits.filter(matches).reverse(), limit, continuation)
  }

  async correlated(correlation: string, limit: number, continuation?: string): Promise<CommitPage> {
    const its = (commits: readonly RecordedCommit[]) =>
      commits.filter(({ events }) => events[0]?.correlation === correlation)
    return this.#page(its, limit, continuation)
  }

  async streams(prefix: string, limit: number, after = ''): Promise<readonly string[]> {
    const names = new Set(this.#log.commits.map(({ stream }) => stream))
    return [...names]
      .filter((name) => name.startsWith(prefix) && name > after)
      .sort()
      .slice(0, limit)
  }

  async end(): Promise<string> {
    return `${this.#log.commits.length}:0`
  }

  async since(continuation: string, limit: number): Promise<Required<CommitPage>> {
    const [from] = readContinuation(continuation)
    const commits = this.#log.commits.slice(from, from + limit)
    return { commits, continuation: `${from + commits.length}:0` }
  }

  #page(
    choose: (commits: readonly RecordedCommit[]) => readonly RecordedCommit[],
    limit: number,
    continuation: string | undefined,
  ): CommitPage {
    const [until, skip] = continuation === undefined ? [this.#log.commits.length, 0] : readContinuation(continuation)
    const chosen = choose(this.#log.commits.slice(0, until))
    const commits = chosen.slice(skip, skip + limit)
    return skip + limit < chosen.length ? { commits, continuation: `${until}:${skip + limit}` } : { commits }
  }
}

function readContinuation(text: string): readonly [number, number] {
  if (!/^\d+:\d+$/.test(text))
    throw new TidemarkError('invalid-query', 'the continuation is invalid: send that of the previous page')
  const [first = 0, second = 0] = text.split(':').map(Number)
  return [first, second]
}
