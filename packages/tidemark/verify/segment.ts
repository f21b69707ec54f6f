import { isUtf8 } from 'node:buffer'
import { gunzipSync } from 'node:zlib'
import { checkCommit, isCommitId } from './commit-item.ts'
import { canonical, hashEnvelope, type RawItem, sha256, sortNames } from './event-hash.ts'
import { isObject, isSha256, isVersion } from './fields.ts'
import { hashLeaf, hashTree } from './merkle.ts'
import { checkReceipt, isReceiptId } from './receipt-item.ts'
import type { Fault } from './stream-check.ts'

/** A segment of an archive, as it is stored: docs/archive.md. */
export interface StoredSegment {
  readonly number: number
  readonly bytes: Uint8Array
}

/** What the checker keeps of an archived item. */
export interface ArchivedItem {
  readonly id: string
  /** SHA-256 of the item without the fields of Cosmos DB. */
  readonly content: string
  /** The versions of a commit. */
  readonly from?: number
  readonly to?: number
  /** The links of a commit: the hash that it follows, and its own. */
  readonly previousHash?: string
  readonly hash?: string
}

/** The items of one stream in one segment. */
export interface ArchivedGroup {
  readonly stream: string
  readonly count: number
  /** What is kept of each item: `ArchivedItem`s as JSON. A thread hands over one text faster than many objects. */
  readonly items: string
  /** The ends of the group. Absent if it has anything but commits of which each follows the one before. */
  readonly links?: Links
}

type Links = Required<Pick<ArchivedItem, 'from' | 'to' | 'previousHash' | 'hash'>>

/** A segment, checked on its own. */
export interface CheckedSegment {
  readonly number: number
  /** Absent if it has no readable header. */
  readonly header?: {
    readonly previous: string
    readonly root: string
    readonly newest: string
    /** A restore wrote it: how many items the segments before have. */
    readonly restored?: unknown
  }
  readonly groups: readonly ArchivedGroup[]
  readonly items: number
  readonly events: number
  readonly faults: readonly Fault[]
}

/** The stream of items that have none. */
export const NO_STREAM = ''

/** The largest segment that is unpacked, in bytes. */
const MOST_BYTES = 64 * 2 ** 20
/** What is unpacked at a time. Node's own 16 KB take half as long again. */
const CHUNK_BYTES = 2 ** 18

/**
 * Checks a segment on its own: its header, its Merkle root, its root, and every event in it against its hash. It
 * never throws for what it finds in a segment.
 */
export function checkSegment(service: string, { number, bytes }: StoredSegment): CheckedSegment {
  const place = formatSegment(number)
  const { header, leaves } = unpackSegment(bytes)
  if (header === undefined) {
    const fault = { place, wrong: 'changed', detail: 'it is not gzip with a header' } as const
    return { number, groups: [], items: 0, events: 0, faults: [fault] }
  }
  const wrong = wrongHeader(header, service, number, leaves)
  const faults = changed(place, wrong.join('; '))
  const streams = new Map<string, ArchivedItem[]>()
  let [items, events] = [0, 0]
  for (const leaf of leaves) {
    const found = checkItem(leaf, place)
    events += found.events
    faults.push(...found.faults)
    if (found.item === undefined) continue
    items += 1
    const group = streams.get(found.stream)
    if (group) group.push(found.item)
    else streams.set(found.stream, [found.item])
  }
  const { previous, root, newest, restored } = header
  return {
    number,
    header: {
      ...{ previous: String(previous), root: String(root), newest: String(newest) },
      ...(restored === undefined ? {} : { restored }),
    },
    groups: Array.from(streams, ([stream, group]) => packGroup(stream, group)),
    ...{ items, events, faults },
  }
}

function packGroup(stream: string, items: readonly ArchivedItem[]): ArchivedGroup {
  const [first, last] = [items[0], items.at(-1)]
  const packed = { stream, count: items.length, items: JSON.stringify(items) }
  const isChain = items.every((item, index) => hasLinks(item) && (index === 0 || follows(item, items[index - 1])))
  if (!isChain || !first || !last || !hasLinks(first) || !hasLinks(last)) return packed
  const { from, previousHash } = first
  return { ...packed, links: { from, previousHash, to: last.to, hash: last.hash } }
}

const hasLinks = (item: ArchivedItem): item is ArchivedItem & Links => item.to !== undefined

const follows = ({ from, previousHash }: ArchivedItem, before: ArchivedItem | undefined): boolean =>
  before?.to !== undefined && from === before.to + 1 && previousHash === before.hash

export function formatSegment(number: number): string {
  return `segment ${number}`
}

/** A segment as text. */
interface Unpacked {
  /** The first line. Absent if it cannot be read. */
  readonly header?: RawItem | undefined
  /** Each further line after a byte 0, as the Merkle tree hashes it: RFC 6962 section 2.1. */
  readonly leaves: readonly Buffer[]
}

export function unpackSegment(bytes: Uint8Array): Unpacked {
  let text: Buffer
  try {
    text = gunzipSync(bytes, { maxOutputLength: MOST_BYTES, chunkSize: CHUNK_BYTES })
  } catch {
    return { leaves: [] }
  }
  // The last line ends with a line feed too: without it, the text was cut, and its rest counts as a line.
  const find = (start: number): number => (text.indexOf(LINE_END, start) + 1 || text.length + 1) - 1
  let end = find(0)
  const header = parseObject(text.subarray(0, end))
  const leaves: Buffer[] = []
  while (end < text.length - 1) {
    const start = end
    end = find(start + 1)
    // Most of the text is never copied: the byte 0 takes the place of the line feed before.
    text[start] = 0
    leaves.push(text.subarray(start, end))
  }
  return { header, leaves }
}

const LINE_END = 0x0a

/** The object of a leaf. */
export function parseLeaf(leaf: Buffer): RawItem | undefined {
  return parseObject(leaf, 1)
}

export function parseObject(text: Buffer, start = 0): RawItem | undefined {
  try {
    const value: unknown = isUtf8(text) ? JSON.parse(text.toString('utf8', start)) : undefined
    return isObject(value) ? value : undefined
  } catch {
    return undefined
  }
}

function wrongHeader(header: RawItem, service: string, number: number, leaves: readonly Buffer[]): string[] {
  const { root, ...rest } = header
  const expected = { format: 'tidemark-archive', version: 1, service, number, count: leaves.length }
  const fields = Object.entries(expected).filter(([name, value]) => header[name] !== value)
  return [
    ...fields.map(([name, value]) => `its ${name} is ${JSON.stringify(header[name])}, not ${JSON.stringify(value)}`),
    ...(header.merkleRoot === hashTree(leaves.map(hashLeaf)) ? [] : ['its items do not match its Merkle root']),
    ...(root === hashEnvelope(rest) ? [] : ['its header does not match its root']),
  ]
}

/** What was found in a line of a segment. */
interface CheckedItem {
  readonly stream: string
  /** Absent if the line is not an item. */
  readonly item?: ArchivedItem
  readonly events: number
  readonly faults: readonly Fault[]
}

/** Checks an item on its own. Items that are foreign to the log are kept, because the log must have them too. */
function checkItem(leaf: Buffer, segment: string): CheckedItem {
  const raw = parseLeaf(leaf)
  if (raw === undefined)
    return { stream: NO_STREAM, events: 0, faults: changed(segment, 'a line is not a JSON object') }
  const stream = typeof raw.stream === 'string' ? raw.stream : NO_STREAM
  const item = { id: String(raw.id), content: hashContent(raw) }
  const found = { stream, item, events: 0, faults: [] }
  if (isReceiptId(item.id)) {
    const wrong = checkReceipt(raw).wrong.join('; ')
    return { ...found, faults: changed(`${stream} ${item.id}`, wrong, segment) }
  }
  if (!isCommitId(item.id)) return found
  const { from, to, events, wrong } = checkCommit(raw)
  const [first, last] = [events[0], events.at(-1)]
  const links =
    isVersion(to) && first && last && isSha256(first.previousHash) && (last.state === 'fits' || isSha256(last.hash))
      ? { from, to, previousHash: String(first?.previousHash), hash: String(last?.hash) }
      : { from }
  const faults = changed(`${stream}@${from}`, wrong.join('; '), segment)
  for (const { version, state } of events)
    if (state === 'changed')
      faults.push(...changed(`${stream}@${version}`, 'the event does not match its hash', segment))
  return { ...found, item: { ...item, ...links }, events: events.length, faults }
}

/** @param wrong nothing if it is empty. */
function changed(place: string, wrong: string, segment?: string): Fault[] {
  if (wrong === '') return []
  return [{ place, wrong: 'changed', detail: segment === undefined ? wrong : `in ${segment}: ${wrong}` }]
}

/**
 * The hash of an item's own fields. Cosmos DB adds fields that begin with an underscore. Texts are hashed with their
 * length and not as JSON: most of an item is one text, which is JSON already.
 */
export function hashContent(item: RawItem): string {
  let text = ''
  for (const name of sortNames(item)) {
    if (name.startsWith('_')) continue
    const value = item[name]
    text += `${name.length}:${name}`
    text += typeof value === 'string' ? `"${value.length}:${value}` : `${canonical(value)}\n`
  }
  return sha256(text)
}
