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

const FIELDS = ['id', 'stream', 'from', 'to', 'key', 'fingerprint', 'types', 'correlation', 'hash', 'text']
const SHARED = ['source', 'time', 'actor', 'correlation', 'causation', 'traceparent']
const CONTENT = ['type', 'schemaVersion', 'readableFrom', 'data', 'published']
/** Prefix of a client's command key in the causation of its events. */
const COMMAND = 'command:'

interface Text {
  /** The whole text, parsed. */
  readonly value: RawItem
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
  const { previousHash, events, ...shared } = value
  if (!Array.isArray(events) || events.length === 0 || !events.every(isObject)) return undefined
  return {
    value,
    shared: pickFields(SHARED, shared),
    previousHash,
    contents: events,
    unknown: listUnknownFields(SHARED, shared),
  }
}

function pickFields(names: readonly string[], value: RawItem): RawItem {
  const picked: Record<string, unknown> = {}
  for (const name of names) if (Object.hasOwn(value, name)) picked[name] = value[name]
  return picked
}

function listUnknownFields(names: readonly string[], value: RawItem): string[] {
  return Object.keys(value).filter((name) => !names.includes(name))
}

/**
 * Checks each event with the previous hash: the one in the event before, or the correct one if only that hash
 * was changed.
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
    // If the next event follows the correct hash, only this event's hash was changed.
    const attested = next ? next.fit === 1 : item.hash === should
    const open = !event.first && !misses(index - 1) && !misses(index + 1) && !attested
    return { ...event, state: fit >= 0 ? 'fits' : open ? 'open' : 'changed' }
  })
}

function formatEventId(version: number): string {
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
    ...(isDeepStrictEqual(types, should) ? [] : ['its types are not those of its events']),
    ...(fits(events.length - 1) && hash !== events.at(-1)?.hash ? ['its hash is not that of its last event'] : []),
    ...unknown.map((name) => `its text has the unknown field ${JSON.stringify(name)}`),
  ]
}

/** Checks what no hash covers, for a commit whose events all match their hashes. */
function wrongText({ text, key, correlation }: RawItem, { value, shared }: Text): string[] {
  const { causation } = shared
  // The events of a client's command name its key.
  const named =
    typeof causation === 'string' && causation.startsWith(COMMAND) ? causation.slice(COMMAND.length) : undefined
  return [
    ...(JSON.stringify(value) === text ? [] : ['its text is right, but formatted differently']),
    ...(correlation === shared.correlation ? [] : ['its correlation is not that of its events']),
    ...(named === undefined || key === sha256(named) ? [] : [`its key is not that of its events' ${causation}`]),
  ]
}
