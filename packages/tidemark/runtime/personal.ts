import { LRUCache } from 'lru-cache'
import { TidemarkError } from '../core/errors.ts'
import type { EventContent, RecordedEvent } from '../core/event.ts'
import {
  formatKeyId,
  hasSealed,
  listSealed,
  mapTexts,
  openText,
  type PersonalKey,
  parseKeyId,
  type SealedParts,
  subjectId,
} from '../core/personal.ts'
import type { Clock, Forgotten, PersonalKeyReader, PersonalKeys, SubjectKey } from '../core/ports.ts'
import { CONCURRENCY, forEachLimited } from './limited.ts'

/** When every process has forgotten a subject that is forgotten. Milliseconds. */
export const KEPT_MS = 5 * 60_000

/**
 * How long a process keeps a key, or that it is destroyed; and how long a state folded with it. Half of the time
 * each, because a state may be folded with a key that is about to expire. Milliseconds.
 */
export const EACH_KEPT_MS = KEPT_MS / 2

/**
 * How old a key may be that a text is sealed with, or that a reaction reads with: what is sealed stays. Forgetting
 * waits as long before it answers. So whatever is sealed after its answer has a new key. Milliseconds.
 */
export const FRESH_MS = 2_000

/** How many keys a process keeps. */
const MAX_KEYS = 10_000

/** The keys that a service may use. */
export interface PersonalPorts {
  /** Its own. Absent: it has no personal data. */
  readonly own?: PersonalKeys
  /** Those of a service that lets it read; undefined for every other. */
  of(service: string): PersonalKeyReader | undefined
}

/** The key that new texts of a subject are sealed with. */
export interface NewestKey extends PersonalKey {
  /**
   * When this process learnt of it, by `elapsed`. What it opened earlier may be of before the subject was
   * forgotten. -Infinity: the subject never was.
   */
  readonly since: number
}

/** Thrown if a decision may have used a personal text of before its subject was forgotten. */
export class TextsOutdated extends Error {}

/** Finds keys, and opens sealed texts with them. */
export class Personal {
  readonly service: string
  readonly #ports: PersonalPorts
  /** Destroyed keys too: reading one again costs as much as reading one. */
  readonly #found: LRUCache<string, Promise<Uint8Array | undefined>>
  readonly #newest: LRUCache<string, Promise<NewestKey>>
  /** For subjects that were forgotten, the key after the destroyed one. */
  readonly #returned: LRUCache<string, Pick<NewestKey, 'id' | 'since'>>
  readonly #clock: Pick<Clock, 'elapsed'>

  constructor(service: string, ports: PersonalPorts, clock: Pick<Clock, 'elapsed'>) {
    this.service = service
    this.#ports = ports
    this.#clock = clock
    const options = { max: MAX_KEYS, ttl: EACH_KEPT_MS, ttlResolution: 0, perf: { now: () => clock.elapsed() } }
    this.#found = new LRUCache(options)
    this.#newest = new LRUCache({ ...options, ttl: FRESH_MS })
    this.#returned = new LRUCache(options)
  }

  elapsed(): number {
    return this.#clock.elapsed()
  }

  /**
   * The newest key of a subject, which new texts are sealed with.
   * @throws TidemarkError as `PersonalKeys.findOrCreate`; TextsOutdated if this process did not know that the
   *   subject is forgotten. Nothing is created then: what is decided again may need no key.
   */
  newestKey(subject: string): Promise<NewestKey> {
    return keep(this.#newest, subjectId(subject), async () => {
      const key = await this.#own().findOrCreate(subject, (destroyed) => this.#learnDestroyed(destroyed))
      const { generation } = parseKeyId(key.id)
      return { ...key, since: generation === 1 ? Number.NEGATIVE_INFINITY : this.#learn(key.id) }
    })
  }

  /** @throws TextsOutdated if that is new */
  #learnDestroyed(keyId: string): void {
    const { subject, generation } = parseKeyId(keyId)
    const next = formatKeyId(subject, generation + 1)
    if (this.#returned.get(subject)?.id === next) return
    this.#learn(next)
    throw new TextsOutdated()
  }

  /** When this process learnt of a later key. It then forgets what it read with earlier ones. */
  #learn(id: string): number {
    const { subject } = parseKeyId(id)
    const known = this.#returned.get(subject)
    if (known?.id === id) return known.since
    this.#found.clear()
    const since = this.elapsed()
    this.#returned.set(subject, { id, since })
    return since
  }

  /**
   * The newest key of a subject, if it is not destroyed. Creates none.
   * @throws TidemarkError as `PersonalKeys.find`
   */
  async findKey(subject: string): Promise<PersonalKey | undefined> {
    const { keyId, forgotten } = (await this.#own().look(subject)) ?? {}
    if (keyId === undefined || forgotten) return undefined
    const bytes = await this.#own().find(keyId)
    return bytes && { id: keyId, bytes }
  }

  /**
   * Opens the sealed texts anywhere in a JSON value. Those whose key is destroyed, or that this service may not
   * read, become the text for a forgotten field.
   * @param maxAge how long ago their keys may have been read. Milliseconds.
   * @throws TidemarkError as `PersonalKeyReader.find`; `personal-unreadable` if a text was changed
   */
  async open<Value>(value: Value, maxAge = EACH_KEPT_MS): Promise<Value> {
    if (!hasSealed(value)) return value
    const sealed = new Map<string, SealedParts>()
    mapTexts(value, (text) => {
      for (const parts of listSealed(text)) sealed.set(formatKey(parts), parts)
      return text
    })
    const keys = new Map<string, Uint8Array | undefined>()
    await forEachLimited(sealed, CONCURRENCY, async ([key, parts]) => {
      keys.set(key, await this.#find(parts, maxAge))
    })
    return mapTexts(value, (text) => openText(text, (parts) => keys.get(formatKey(parts))))
  }

  /** Opens the content of events. Everything else in them stays, also their hashes. */
  async openEvents(events: readonly RecordedEvent[], maxAge?: number): Promise<readonly RecordedEvent[]> {
    const contents = await this.open(
      events.map(({ data, published }) => ({ data, published: published?.data })),
      maxAge,
    )
    return events.map((event, index) => withData(event, contents[index] ?? {}))
  }

  async openContent(content: EventContent, maxAge?: number): Promise<EventContent> {
    const data = await this.open(content.data, maxAge)
    return data === content.data ? content : { ...content, data }
  }

  /** @throws TidemarkError as `PersonalKeys.look` */
  look(subject: string): Promise<SubjectKey | undefined> {
    return this.#own().look(subject)
  }

  /** Destroys the key of a subject. @throws TidemarkError as `PersonalKeys.destroy` */
  async destroy(subject: string, why: Forgotten): Promise<Required<SubjectKey> | undefined> {
    try {
      return await this.#own().destroy(subject, why)
    } finally {
      // Also if it is unknown whether it is destroyed: the next read shows it.
      this.#newest.delete(subjectId(subject))
      this.#found.clear()
    }
  }

  #own(): PersonalKeys {
    if (this.#ports.own) return this.#ports.own
    throw new TidemarkError('registration-invalid', `${this.service} has no deciders with a subject, so it has no keys`)
  }

  async #find(
    { service, keyId }: Pick<SealedParts, 'service' | 'keyId'>,
    maxAge: number,
  ): Promise<Uint8Array | undefined> {
    const reader = service === this.service ? this.#ports.own : this.#ports.of(service)
    if (reader === undefined) return undefined
    const key = formatKey({ service, keyId })
    if (EACH_KEPT_MS - this.#found.getRemainingTTL(key) > maxAge) this.#found.delete(key)
    return keep(this.#found, key, () => reader.find(keyId))
  }
}

function formatKey({ service, keyId }: Pick<SealedParts, 'service' | 'keyId'>): string {
  return `${service} ${keyId}`
}

function withData(event: RecordedEvent, opened: { readonly data?: unknown; readonly published?: unknown }) {
  if (opened.data === event.data && opened.published === event.published?.data) return event
  const published = event.published && { ...event.published, data: opened.published }
  return { ...event, data: opened.data, ...(published ? { published } : {}) }
}

/** Concurrent callers share one read. A read that fails is not kept. */
function keep<Value>(cache: LRUCache<string, Promise<Value>>, id: string, read: () => Promise<Value>): Promise<Value> {
  const kept = cache.get(id)
  if (kept) return kept
  const reading = read()
  cache.set(id, reading)
  reading.catch(() => {
    if (cache.peek(id) === reading) cache.delete(id)
  })
  return reading
}
