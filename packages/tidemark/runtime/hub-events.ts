import { fromCloudEvent } from '../core/cloud-event.ts'
import { parseCausation } from '../core/command.ts'
import { type Commit, haveOneCommit, UNKNOWN_REQUEST } from '../core/commit.ts'
import { isTidemarkError } from '../core/errors.ts'
import type { RecordedEvent } from '../core/event.ts'
import { follows, type StreamHead } from '../core/hash-chain.ts'
import type { ItemIndex } from '../core/ports.ts'
import { formatPosition, isStream, type Position } from '../core/stream.ts'

/** An event that cannot be restored: its message cannot be read, or the hub has two events at its position. */
const UNUSABLE = 'unusable'

/** The events that only a hub has: they are newer than their streams in the log and in its archive. */
export class HubEvents {
  readonly #service: string
  readonly #index: Pick<ItemIndex, 'end'>
  readonly #streams = new Map<string, Map<number, RecordedEvent | typeof UNUSABLE>>()
  /** How many messages were compared. */
  messages = 0

  constructor(service: string, index: Pick<ItemIndex, 'end'>) {
    this.#service = service
    this.#index = index
  }

  /** Notes a message if it is of such an event. */
  compare(message: unknown): void {
    this.messages += 1
    const position = readPosition(message)
    if (position === undefined || position.version <= this.#index.end(position.stream).version) return
    const versions = this.#streams.get(position.stream) ?? new Map()
    this.#streams.set(position.stream, versions)
    const [event, known] = [this.#read(message), versions.get(position.version)]
    // The relay may have published an event more than once.
    const isOne = known === undefined || (event !== UNUSABLE && known.hash === event.hash)
    versions.set(position.version, isOne ? event : UNUSABLE)
  }

  list(): readonly string[] {
    return [...this.#streams].flatMap(([stream, versions]) =>
      [...versions.keys()].toSorted((a, b) => a - b).map((version) => formatPosition({ stream, version })),
    )
  }

  /**
   * Those that continue their streams: nothing is missing between, and each follows the hash before it. The events
   * of a client's command are one commit with its key. Of any other command the key is lost, so each of its events
   * is a commit with a key that nobody sends.
   */
  listCommits(): readonly Commit[] {
    return [...this.#streams].flatMap(([stream, versions]) => {
      const commits: { key: string; events: RecordedEvent[] }[] = []
      let head: StreamHead = this.#index.end(stream)
      for (;;) {
        const event = versions.get(head.version + 1)
        if (event === undefined || event === UNUSABLE || !follows(event, head)) break
        const key = parseCausation(event.causation) ?? `restored ${event.hash}`
        const last = commits.at(-1)
        if (last?.key !== key) commits.push({ key, events: [event] })
        else if (last.events.every((other) => haveOneCommit(other, event))) last.events.push(event)
        else break
        head = event
      }
      return commits.map((commit) => ({ stream, fingerprint: UNKNOWN_REQUEST, ...commit }))
    })
  }

  #read(message: unknown): RecordedEvent | typeof UNUSABLE {
    try {
      const event = fromCloudEvent(message)
      return event.source.split('/')[1] === this.#service ? event : UNUSABLE
    } catch (error) {
      if (isTidemarkError(error)) return UNUSABLE
      throw error
    }
  }
}

function readPosition(message: unknown): Position | undefined {
  const { subject, streamversion } = (message ?? {}) as Readonly<Record<string, unknown>>
  if (typeof subject !== 'string' || !isStream(subject) || !Number.isSafeInteger(streamversion)) return undefined
  return { stream: subject, version: Number(streamversion) }
}
