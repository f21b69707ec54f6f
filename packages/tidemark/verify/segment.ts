import { isUtf8 } from 'node:buffer'
import { gunzipSync } from 'node:zlib'
import { checkCommit, isCommitId } from './commit-item.ts'
import { canonical, hashEnvelope, type RawItem, sha256 } from './event-hash.ts'
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
  readonly stream: string
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
  readonly items: readonly ArchivedItem[]
  readonly events: number
  readonly faults: readonly Fault[]
}

/** The stream of items that have none. */
export const NO_STREAM = ''

/** The largest segment that is unpacked, in bytes. */
const MOST_BYTES = 64 * 2 ** 20

/**
 * Checks a segment on its own: its header, its Merkle root, its root, and every event in it against its hash. It
 * never throws for what it finds in a segment.
 */
export function checkSegment(service: string, { number, bytes }: StoredSegment): CheckedSegment {
  const place = formatSegment(number)
  const nothing = { number, items: [], events: 0 }
  const [head, ...lines] = readLines(bytes) ?? []
  const header = head && parseObject(head)
  if (header === undefined)
    return { ...nothing, faults: [{ place, wrong: 'changed', detail: 'it is not gzip with a header' }] }
  const wrong = wrongHeader(header, service, number, lines)
  const found = lines.map((line) => checkItem(line, place))
  const { previous, root, newest, restored } = header
  return {
    number,
    header: {
      ...{ previous: String(previous), root: String(root), newest: String(newest) },
      ...(restored === undefined ? {} : { restored }),
    },
    items: found.flatMap(({ item }) => item ?? []),
    events: found.reduce((sum, { events }) => sum + events, 0),
    faults: [
      ...(wrong.length > 0 ? [{ place, wrong: 'changed' as const, detail: wrong.join('; ') }] : []),
      ...found.flatMap(({ faults }) => faults),
    ],
  }
}

export function formatSegment(number: number): string {
  return `segment ${number}`
}

/** The lines of a segment; undefined if it cannot be unpacked. */
export function readLines(bytes: Uint8Array): Buffer[] | undefined {
  try {
    const text = gunzipSync(bytes, { maxOutputLength: MOST_BYTES })
    const lines: Buffer[] = []
    let start = 0
    for (let end = text.indexOf(10); end !== -1; end = text.indexOf(10, start)) {
      lines.push(text.subarray(start, end))
      start = end + 1
    }
    // The last line ends with a line feed too: without it, the text was cut.
    return start === text.length ? lines : [...lines, text.subarray(start)]
  } catch {
    return undefined
  }
}

export function parseObject(line: Buffer): RawItem | undefined {
  try {
    const value: unknown = isUtf8(line) ? JSON.parse(line.toString('utf8')) : undefined
    return isObject(value) ? value : undefined
  } catch {
    return undefined
  }
}

function wrongHeader(header: RawItem, service: string, number: number, lines: readonly Buffer[]): string[] {
  const { root, ...rest } = header
  const expected = { format: 'tidemark-archive', version: 1, service, number, count: lines.length }
  const fields = Object.entries(expected).filter(([name, value]) => header[name] !== value)
  return [
    ...fields.map(([name, value]) => `its ${name} is ${JSON.stringify(header[name])}, not ${JSON.stringify(value)}`),
    ...(header.merkleRoot === hashTree(lines.map(hashLeaf)).toString('hex')
      ? []
      : ['its items do not match its Merkle root']),
    ...(root === hashEnvelope(rest) ? [] : ['its header does not match its root']),
  ]
}

/** Checks an item on its own. Items that are foreign to the log are kept, because the log must have them too. */
function checkItem(
  line: Buffer,
  segment: string,
): { readonly item?: ArchivedItem; readonly events: number; readonly faults: readonly Fault[] } {
  const raw = parseObject(line)
  if (raw === undefined)
    return { events: 0, faults: [{ place: segment, wrong: 'changed', detail: 'a line is not a JSON object' }] }
  const item = {
    stream: typeof raw.stream === 'string' ? raw.stream : NO_STREAM,
    id: String(raw.id),
    content: hashContent(raw),
  }
  if (isReceiptId(item.id)) {
    const { wrong } = checkReceipt(raw)
    return { item, events: 0, faults: changed(`${item.stream} ${item.id}`, segment, wrong) }
  }
  if (!isCommitId(item.id)) return { item, events: 0, faults: [] }
  const { from, to, events, wrong } = checkCommit(raw)
  const bad = events.filter(({ state }) => state === 'changed')
  const [first, last] = [events[0], events.at(-1)]
  const links =
    isVersion(to) && isSha256(first?.previousHash) && isSha256(last?.hash)
      ? { from, to, previousHash: String(first?.previousHash), hash: String(last?.hash) }
      : { from }
  return {
    item: { ...item, ...links },
    events: events.length,
    faults: [
      ...changed(`${item.stream}@${from}`, segment, wrong),
      ...bad.flatMap(({ version }) =>
        changed(`${item.stream}@${version}`, segment, ['the event does not match its hash']),
      ),
    ],
  }
}

function changed(place: string, segment: string, wrong: readonly string[]): readonly Fault[] {
  return wrong.length === 0 ? [] : [{ place, wrong: 'changed', detail: `in ${segment}: ${wrong.join('; ')}` }]
}

/**
 * The hash of an item's own fields. Cosmos DB adds fields that begin with an underscore. A text is hashed with its
 * length and not as JSON: most of an item is one text, which is JSON already.
 */
export function hashContent(item: RawItem): string {
  let text = ''
  for (const name of Object.keys(item).sort()) {
    if (name.startsWith('_')) continue
    const value = item[name]
    text += `${JSON.stringify(name)}${typeof value === 'string' ? `${value.length}:${value}` : canonical(value)}\n`
  }
  return sha256(text)
}
