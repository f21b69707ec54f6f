import { isDeepStrictEqual } from 'node:util'
import { hashEnvelope, type RawItem, sha256 } from './event-hash.ts'
import { isObject, isVersion, wrongFields } from './fields.ts'

/** A commit's item, checked on its own. */
export interface CheckedCommit {
  readonly id: string
  /** The version of its first event, from its id. Only the other fields of an existing item can be changed. */
  readonly from: number
  /** The version of its last event. Undefined if the item does not show it. */
  readonly to: number | undefined
  readonly key: unknown
  /** Empty if the item does not show the events' versions. */
  readonly events: readonly CheckedEvent[]
  /** Whether its id, fields and events agree on the versions. */
  readonly aligned: boolean
  /** Where the item contradicts itself, apart from its events' hashes. */
  readonly wrong: readonly string[]
}

export interface CheckedEvent {
  readonly version: number
  readonly previousHash: unknown
  readonly hash: unknown
  /** Whether it is the first event of its commit. */
  readonly first: boolean
  /**
   * - `fits`: it matches its hash.
   * - `changed`: it does not.
   * - `open`: it does not, or the event before it was changed and hashed again. A commit stores only the
   *   previous hash of its first event, so the commit alone does not show which.
   */
  readonly state: 'fits' | 'changed' | 'open'
  /** Fields that no event has. No hash covers them. */
  readonly unknown: readonly string[]
}

const FIELDS = new Set([
  ...['id', 'stream', 'from', 'to', 'key', 'fingerprint', 'types', 'correlation', 'hash', 'text'],
])
const SHARED = new Set(['source', 'time', 'actor', 'correlation', 'causation', 'traceparent'])
const TEXT = new Set([...SHARED, 'previousHash', 'events'])
const CONTENT = new Set(['type', 'schemaVersion', 'readableFrom', 'data', 'published', 'hash'])
/** Prefix of a client's command key in the causation of its events. */
const COMMAND = 'command:'

interface Text {
  /** The whole text, parsed. Its fields are those that the events share. */
  readonly value: RawItem
  readonly contents: readonly RawItem[]
  readonly unknown: readonly string[]
}

export function isCommitId(id: string): boolean {
  return /^\d{16}$/.test(id) && isVersion(Number(id))
}

export function checkCommit(item: RawItem): CheckedCommit {
  const [id, from] = [String(item.id), Number(item.id)]
  const wrong = wrongFields(item, FIELDS)
  if (item.from !== from) wrong.push(`its id is of version ${from}, but its from is ${JSON.stringify(item.from)}`)
  const text = readText(item.text)
  if (text === undefined) {
    wrong.push('its text is not that of a commit')
    return { id, from, to: lastVersion(item), key: item.key, events: [], aligned: false, wrong }
  }
  const events = checkEvents(item, from, text)
  const end = from + events.length - 1
  if (item.to !== end) wrong.push(`its events are ${from} to ${end}, but its to is ${JSON.stringify(item.to)}`)
  const aligned = item.from === from && item.to === end
  const sound = events.every(({ state }) => state === 'fits')
  if (aligned || sound) {
    wrong.push(...wrongSummary(item, text, events), ...(sound ? wrongText(item, text) : []))
    return { id, from, to: end, key: item.key, events, aligned, wrong }
  }
  // The versions of the events would only be a guess.
  return { id, from, to: lastVersion(item), key: item.key, events: [], aligned, wrong }
}

/** The last version according to the fields, if they agree with each other. */
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
  const { events } = value
  if (!Array.isArray(events) || events.length === 0 || !events.every(isObject)) return undefined
  return { value, contents: events, unknown: listUnknownFields(TEXT, value) }
}

function listUnknownFields(known: ReadonlySet<string>, value: RawItem): string[] {
  return Object.keys(value).filter((name) => !known.has(name))
}

/**
 * Checks each event with the previous hash: the one in the event before, or the correct one if only that hash
 * was changed.
 */
function checkEvents(item: RawItem, from: number, { value, contents }: Text): CheckedEvent[] {
  let before = [value.previousHash]
  const found = contents.map((content, index) => {
    const version = from + index
    const hashes: unknown[] = before.map((previousHash) =>
      hashEnvelope(makeEnvelope(value, content, { stream: item.stream, version, previousHash: previousHash ?? null })),
    )
    const fit = hashes.indexOf(content.hash)
    const previousHash = before[Math.max(fit, 0)]
    before = fit < 0 ? [content.hash, hashes[0]] : [content.hash]
    const first = index === 0
    const unknown = listUnknownFields(CONTENT, content)
    return { version, previousHash, hash: content.hash, first, fit, should: hashes[0], unknown }
  })
  return found.map(({ version, previousHash, hash, first, fit, should, unknown }, index) => {
    const next = found[index + 1]
    const misses = (at: number): boolean => (found[at]?.fit ?? 0) < 0
    // If the next event follows the correct hash, only this event's hash was changed.
    const attested = next ? next.fit === 1 : item.hash === should
    const open = !first && !misses(index - 1) && !misses(index + 1) && !attested
    return { version, previousHash, hash, first, state: fit >= 0 ? 'fits' : open ? 'open' : 'changed', unknown }
  })
}

/** The envelope of an event, with its fields in the order of canonical JSON. Absent fields are undefined. */
function makeEnvelope(
  { actor, causation, correlation, source, time, traceparent }: RawItem,
  { data, published, readableFrom, schemaVersion, type }: RawItem,
  { stream, version, previousHash }: { readonly version: number } & RawItem,
): RawItem {
  return {
    actor,
    causation,
    correlation,
    data,
    id: formatEventId(version),
    previousHash,
    published,
    readableFrom,
    schemaVersion,
    source,
    stream,
    time,
    traceparent,
    type,
    version,
  }
}

/** The item id of a version: zero-padded. */
export function formatEventId(version: number): string {
  return String(version).padStart(16, '0')
}

/**
 * Finds fields of the item that differ from its events. A changed event is already reported, so it is
 * skipped.
 */
function wrongSummary(
  { types, hash }: RawItem,
  { contents, unknown }: Text,
  events: readonly CheckedEvent[],
): string[] {
  const fits = (index: number): boolean => events[index]?.state === 'fits'
  const should = contents.map(({ type }, index) => (fits(index) || !Array.isArray(types) ? type : types[index]))
  return [
    ...(isSameList(types, should) || isDeepStrictEqual(types, should) ? [] : ['its types are not those of its events']),
    ...(fits(events.length - 1) && hash !== events.at(-1)?.hash ? ['its hash is not that of its last event'] : []),
    ...unknown.map((name) => `its text has the unknown field ${JSON.stringify(name)}`),
  ]
}

function isSameList(list: unknown, other: readonly unknown[]): boolean {
  return Array.isArray(list) && list.length === other.length && other.every((each, index) => list[index] === each)
}

/** Checks what no hash covers, for a commit whose events all match their hashes. */
function wrongText({ text, key, correlation }: RawItem, { value }: Text): string[] {
  const { causation } = value
  // The events of a client's command name its key.
  const named =
    typeof causation === 'string' && causation.startsWith(COMMAND) ? causation.slice(COMMAND.length) : undefined
  return [
    ...(JSON.stringify(value) === text ? [] : ['its text is right, but formatted differently']),
    ...(correlation === value.correlation ? [] : ['its correlation is not that of its events']),
    ...(named === undefined || key === sha256(named) ? [] : [`its key is not that of its events' ${causation}`]),
  ]
}
