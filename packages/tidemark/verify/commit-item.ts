import { isDeepStrictEqual } from 'node:util'
import { hashEnvelope, type RawItem, sha256 } from './event-hash.ts'
import { isObject, isVersion, wrongFields } from './fields.ts'

/** The item of a commit, judged by itself. */
export interface CheckedCommit {
  readonly id: string
  /** The version of its first event, by its id: of an item that is there, only the other fields can be changed. */
  readonly from: number
  /** The version of its last event; undefined where the item does not tell. */
  readonly to: number | undefined
  readonly key: unknown
  /** None where the item does not tell which versions they have. */
  readonly events: readonly CheckedEvent[]
  /** Whether its id, its fields and its events agree on the versions. */
  readonly aligned: boolean
  /** Where the item contradicts itself, beside what its events' hashes tell. */
  readonly wrong: readonly string[]
}

export interface CheckedEvent {
  readonly version: number
  readonly previousHash: unknown
  readonly hash: unknown
  /** Whether it is the first of its commit. */
  readonly first: boolean
  /**
   * - `fits`: it is what its hash says.
   * - `changed`: it is not.
   * - `open`: it is not, or the event before it was changed and hashed again. A commit keeps no previous hash
   *   but that of its first event, so the commit alone does not tell which.
   */
  readonly state: 'fits' | 'changed' | 'open'
  /** Fields that no event has: they are under no hash. */
  readonly unknown: readonly string[]
}

const FIELDS = ['id', 'stream', 'from', 'to', 'key', 'fingerprint', 'types', 'correlation', 'hash', 'text']
const SHARED = ['source', 'time', 'actor', 'correlation', 'causation', 'traceparent']
const CONTENT = ['type', 'schemaVersion', 'readableFrom', 'data', 'published']
/** Before the key of a client's command, in what its events say of their cause. */
const COMMAND = 'command:'

interface Text {
  readonly shared: RawItem
  readonly previousHash: unknown
  readonly contents: readonly RawItem[]
  readonly unknown: readonly string[]
}

export function isCommitId(id: string): boolean {
  return /^\d{16}$/.test(id) && isVersion(Number(id))
}

export function checkCommit(item: RawItem): CheckedCommit {
  const [id, from] = [String(item.id), Number(item.id)]
  const wrong = wrongFields(item, FIELDS)
  if (item.from !== from) wrong.push(`its id is of version ${from}, it says ${JSON.stringify(item.from)}`)
  const text = readText(item.text)
  if (text === undefined) {
    wrong.push('its text is not that of a commit')
    return { id, from, to: lastVersion(item), key: item.key, events: [], aligned: false, wrong }
  }
  const events = checkEvents(item, from, text)
  const end = from + events.length - 1
  if (item.to !== end) wrong.push(`its events are ${from} to ${end}, it says to ${JSON.stringify(item.to)}`)
  const aligned = item.from === from && item.to === end
  const sound = events.every(({ state }) => state === 'fits')
  if (aligned || sound) {
    wrong.push(...wrongSummary(item, text, events), ...(sound ? wrongText(item, text) : []))
    return { id, from, to: end, key: item.key, events, aligned, wrong }
  }
  // Which event has which version is then a guess.
  return { id, from, to: lastVersion(item), key: item.key, events: [], aligned, wrong }
}

/** As the fields have it, where they agree at least. */
function lastVersion({ id, from, to, types }: RawItem): number | undefined {
  const agree = from === Number(id) && Array.isArray(types) && to === from + types.length - 1
  return agree && isVersion(to) ? to : undefined
}

function readText(text: unknown): Text | undefined {
  if (typeof text !== 'string') return undefined
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return undefined
  }
  if (!isObject(value)) return undefined
  const { previousHash, events, ...shared } = value
  if (!Array.isArray(events) || events.length === 0 || !events.every(isObject)) return undefined
  return {
    shared: pickFields(SHARED, shared),
    previousHash,
    contents: events,
    unknown: listUnknownFields(SHARED, shared),
  }
}

function pickFields(names: readonly string[], value: RawItem): RawItem {
  return Object.fromEntries(Object.entries(value).filter(([name]) => names.includes(name)))
}

function listUnknownFields(names: readonly string[], value: RawItem): string[] {
  return Object.keys(value).filter((name) => !names.includes(name))
}

/**
 * Each event with the hash before it: that which the event before carries, or should carry where only its
 * hash was changed.
 */
function checkEvents(item: RawItem, from: number, { shared, previousHash, contents }: Text): CheckedEvent[] {
  let before = [previousHash]
  const found = contents.map((content, index) => {
    const version = from + index
    const envelope = {
      ...pickFields(CONTENT, content),
      ...shared,
      id: formatEventId(version),
      stream: item.stream,
      version,
    }
    const hashes: unknown[] = before.map((previousHash) =>
      hashEnvelope({ ...envelope, previousHash: previousHash ?? null }),
    )
    const fit = hashes.indexOf(content.hash)
    const event = { version, previousHash: before[Math.max(fit, 0)], hash: content.hash, first: index === 0 }
    before = fit < 0 ? [content.hash, hashes[0]] : [content.hash]
    return { ...event, fit, should: hashes[0], unknown: listUnknownFields([...CONTENT, 'hash'], content) }
  })
  return found.map(({ fit, should, ...event }, index) => {
    const next = found[index + 1]
    const misses = (at: number): boolean => (found[at]?.fit ?? 0) < 0
    // What follows the hash that the event should carry bears witness to it: nothing but its own hash was changed.
    const attested = next ? next.fit === 1 : item.hash === should
    const open = !event.first && !misses(index - 1) && !misses(index + 1) && !attested
    return { ...event, state: fit >= 0 ? 'fits' : open ? 'open' : 'changed' }
  })
}

function formatEventId(version: number): string {
  return String(version).padStart(16, '0')
}

/** Where the item's fields are not those of its events. What a changed event says against them is no news. */
function wrongSummary(
  { types, hash }: RawItem,
  { contents, unknown }: Text,
  events: readonly CheckedEvent[],
): string[] {
  const fits = (index: number): boolean => events[index]?.state === 'fits'
  const should = contents.map(({ type }, index) => (fits(index) || !Array.isArray(types) ? type : types[index]))
  return [
    ...(isDeepStrictEqual(types, should) ? [] : ['its types are not those of its events']),
    ...(fits(events.length - 1) && hash !== events.at(-1)?.hash ? ['its hash is not that of its last event'] : []),
    ...unknown.map((name) => `its text has the unknown field ${JSON.stringify(name)}`),
  ]
}

/** What no hash covers beside a text whose events are all right. */
function wrongText({ text, key, correlation }: RawItem, { shared }: Text): string[] {
  const { causation } = shared
  // A client's command is named by the events that it led to.
  const named =
    typeof causation === 'string' && causation.startsWith(COMMAND) ? causation.slice(COMMAND.length) : undefined
  return [
    ...(JSON.stringify(JSON.parse(String(text))) === text ? [] : ['its text is right, but written in another way']),
    ...(correlation === shared.correlation ? [] : ['its correlation is not that of its events']),
    ...(named === undefined || key === sha256(named) ? [] : [`its key is not that of its events' ${causation}`]),
  ]
}
