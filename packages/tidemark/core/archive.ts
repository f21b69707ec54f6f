import { hash } from 'node:crypto'
import { promisify } from 'node:util'
import { constants, gunzip, gzip } from 'node:zlib'
import * as z from 'zod'
import { describeError, type ErrorCode, TidemarkError } from './errors.ts'
import { canonicalHash, GENESIS } from './hash-chain.ts'

// The archive's format, docs/archive.md. A segment is gzip of UTF-8 lines: a header, then one item a line.

const FORMAT = 'tidemark-archive'
const VERSION = 1
const LINE_END = 0x0a

/**
 * A segment is closed once it has this many items, or this many bytes of lines. The feed's last page is added
 * whole, because a continuation never points into a page.
 */
export const SEGMENT_ITEMS = 10_000
export const SEGMENT_BYTES = 8 * 2 ** 20
/** The largest segment that is read: above SEGMENT_BYTES and a page of the feed, which has 4 MiB at most. */
const MOST_BYTES = 64 * 2 ** 20

const digest = z.string().regex(/^[0-9a-f]{64}$/)
/** A later writer may add fields. `root` covers them too. */
const headerSchema = z.looseObject({
  format: z.literal(FORMAT),
  version: z.literal(VERSION),
  service: z.string(),
  number: z.int().positive(),
  previous: digest,
  count: z.int().positive(),
  merkleRoot: digest,
  continuation: z.string(),
  newest: z.iso.datetime(),
  restored: z.int().positive().optional(),
  root: digest,
})

/**
 * The first line of a segment.
 * - `number`: 1, 2, 3 and so on.
 * - `previous`: `root` of the segment before; 64 zeros in the first one.
 * - `count`: how many items follow.
 * - `merkleRoot`: of the items' lines, as in RFC 6962 section 2.1.
 * - `continuation`: where the next segment begins in the log's change feed.
 * - `newest`: when the store wrote the newest item.
 * - `restored`: present if a restore wrote the segment: how many items the segments before it have. From here on,
 *   continuations belong to the log that was restored.
 * - `root`: SHA-256 of the other fields as canonical JSON (RFC 8785).
 */
export type SegmentHeader = z.infer<typeof headerSchema>

/** A segment that was read and matches its roots. */
export interface Segment {
  readonly header: SegmentHeader
  /** The items as JSON, one each, in the order of the feed. UTF-8, without the line end. */
  readonly lines: readonly Buffer[]
}

/** What a segment contains besides its place in the chain. */
export interface SegmentContent {
  readonly lines: readonly Buffer[]
  readonly continuation: string
  readonly newest: string
  readonly restored?: number
}

/** How to reach a storage account: a connection string, or the address of its blobs and an identity. */
export type BlobConnection =
  | { readonly connectionString: string }
  | {
      readonly serviceUri: string
      readonly credential: {
        getToken(
          scopes: string | string[],
          options?: object,
        ): Promise<{ token: string; expiresOnTimestamp: number } | null>
      }
    }

/** The segment after which the next one comes. */
export type ArchiveEnd = Pick<SegmentHeader, 'number' | 'root'> & { readonly continuation?: string }

/** The end of an archive without segments. */
export const EMPTY_ARCHIVE: ArchiveEnd = { number: 0, root: GENESIS }

/** The name of a segment's blob. Names sort like numbers. */
export function segmentName(number: number): string {
  return `segments/${String(number).padStart(12, '0')}.ndjson.gz`
}

/** The number in a blob's name; undefined for any other blob. */
export function parseSegmentName(name: string): number | undefined {
  const digits = /^segments\/(\d{12})\.ndjson\.gz$/.exec(name)?.[1]
  return digits === undefined ? undefined : Number(digits)
}

/** How much text is packed at once. Each such part is a member of the gzip file (RFC 1952 section 2.2). */
const MEMBER_BYTES = 2 ** 20

/**
 * Builds a segment piece by piece. Each piece is hashed and packed when it is added, in another thread. So a
 * segment costs little memory, and never holds up the process for long.
 */
export class SegmentBuilder {
  readonly #tree = new MerkleTree()
  readonly #packed: Buffer[] = []
  #text = ''
  #bytes = 0

  /** How many items it has. */
  get count(): number {
    return this.#tree.size
  }

  /** How large their text is. */
  get bytes(): number {
    return this.#bytes
  }

  /** @param lines items as JSON. */
  async add(lines: readonly string[]): Promise<void> {
    for (const line of lines) this.#tree.add(hashText(line))
    const text = lines.map((line) => `${line}\n`).join('')
    this.#bytes += Buffer.byteLength(text)
    this.#text += text
    if (this.#text.length >= MEMBER_BYTES) await this.#pack()
  }

  /** Ends the segment that follows `end`. */
  async seal(
    service: string,
    end: ArchiveEnd,
    { continuation, newest, restored }: Omit<SegmentContent, 'lines'>,
  ): Promise<{ readonly header: SegmentHeader; readonly bytes: Uint8Array }> {
    await this.#pack()
    const unsealed = {
      format: FORMAT,
      version: VERSION,
      service,
      number: end.number + 1,
      previous: end.root,
      count: this.count,
      merkleRoot: this.#tree.root(),
      continuation,
      newest,
      ...(restored === undefined ? {} : { restored }),
    } as const
    const header = { ...unsealed, root: canonicalHash(unsealed) }
    return { header, bytes: Buffer.concat([await pack(`${JSON.stringify(header)}\n`), ...this.#packed]) }
  }

  async #pack(): Promise<void> {
    const text = this.#text
    this.#text = ''
    if (text !== '') this.#packed.push(await pack(text))
  }
}

const pack = (text: string): Promise<Buffer> => promisify(gzip)(text)

/** Builds the segment that follows `end`, of items that are in memory. */
export async function encodeSegment(
  service: string,
  end: ArchiveEnd,
  { lines, ...place }: SegmentContent,
): Promise<{ readonly header: SegmentHeader; readonly bytes: Uint8Array }> {
  const builder = new SegmentBuilder()
  await builder.add(lines.map((line) => line.toString('utf8')))
  return builder.seal(service, end, place)
}

/**
 * Reads a segment and checks it against its own roots. Whether it follows the one before is `checkFollows`.
 * @throws TidemarkError `archive-unreadable`, `archive-changed`
 */
export async function decodeSegment(service: string, number: number, bytes: Uint8Array): Promise<Segment> {
  const {
    lines: [head, ...lines],
    leaves,
  } = splitLines(await inflate(service, number, bytes))
  const header = parseHeader(service, number, head)
  const { root, ...rest } = header
  const wrong = [
    ...(header.service === service ? [] : [`it is a segment of ${header.service}`]),
    ...(header.number === number ? [] : [`it is segment ${header.number}`]),
    ...(header.count === lines.length ? [] : [`it has ${lines.length} items, not ${header.count}`]),
    ...(header.merkleRoot === merkleRoot(leaves) ? [] : ['its items do not match their Merkle root']),
    ...(root === canonicalHash(rest) ? [] : ['its header does not match its root']),
  ]
  if (wrong.length > 0) throw archiveError('archive-changed', service, number, `was changed: ${wrong.join(', ')}`)
  return { header, lines }
}

/** The start of a segment that has its header, whatever its continuation. */
const HEAD_BYTES = 256 * 1024

/**
 * Reads the header of a segment alone, unchecked, for a progress bar.
 * @throws TidemarkError `archive-unreadable`
 */
export async function decodeHeader(service: string, number: number, bytes: Uint8Array): Promise<SegmentHeader> {
  const head = await inflate(service, number, bytes.subarray(0, HEAD_BYTES), constants.Z_SYNC_FLUSH)
  return parseHeader(service, number, splitLines(head).lines[0])
}

/** @throws TidemarkError `archive-broken` if a segment does not follow the one before it. */
export function checkFollows(service: string, { number, previous }: SegmentHeader, end: ArchiveEnd): void {
  if (previous === end.root) return
  const why = `does not follow segment ${end.number}: one of the two was replaced`
  throw archiveError('archive-broken', service, number, why)
}

/** An error about one segment of an archive. */
export function archiveError(code: ErrorCode, service: string, number: number, why: string): TidemarkError {
  return new TidemarkError(code, `segment ${number} of the archive of ${service} ${why}`)
}

async function inflate(
  service: string,
  number: number,
  bytes: Uint8Array,
  finishFlush: number = constants.Z_FINISH,
): Promise<Buffer> {
  try {
    return await promisify(gunzip)(bytes, { maxOutputLength: MOST_BYTES, finishFlush })
  } catch (error) {
    throw archiveError('archive-unreadable', service, number, `cannot be read: ${describeError(error)}`)
  }
}

function parseHeader(service: string, number: number, line: Buffer | undefined): SegmentHeader {
  const text = line?.toString('utf8') ?? ''
  try {
    const parsed = headerSchema.safeParse(JSON.parse(text))
    if (parsed.success) return parsed.data
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error
  }
  throw archiveError('archive-unreadable', service, number, `has no header of format ${VERSION}`)
}

/**
 * Every line ends with a line end, also the last. The leaves are the hashes of all lines but the first. The byte
 * before a line becomes the prefix of its leaf, so that no line is copied.
 */
function splitLines(text: Buffer): { readonly lines: Buffer[]; readonly leaves: Buffer[] } {
  const lines: Buffer[] = []
  const leaves: Buffer[] = []
  const add = (start: number, end: number): void => {
    lines.push(text.subarray(start, end))
    if (start === 0) return
    text[start - 1] = LEAF
    leaves.push(sha256(text.subarray(start - 1, end)))
  }
  let start = 0
  for (let end = text.indexOf(LINE_END); end !== -1; end = text.indexOf(LINE_END, start)) {
    add(start, end)
    start = end + 1
  }
  if (start < text.length) add(start, text.length)
  return { lines, leaves }
}

/** The Merkle tree hash of RFC 6962 section 2.1, lower-case hex. @param leaves the hashes of the leaves. */
export function merkleRoot(leaves: readonly Buffer[]): string {
  const tree = new MerkleTree()
  for (const leaf of leaves) tree.add(leaf)
  return tree.root()
}

/** Keeps one hash for each level: two trees of the same size become one. */
class MerkleTree {
  readonly #trees: { readonly size: number; readonly root: Buffer }[] = []
  size = 0

  add(leaf: Buffer): void {
    this.size += 1
    this.#trees.push({ size: 1, root: leaf })
    while (this.#trees.at(-1)?.size === this.#trees.at(-2)?.size) join(this.#trees)
  }

  root(): string {
    const trees = [...this.#trees]
    while (trees.length > 1) join(trees)
    return (trees[0]?.root ?? sha256(Buffer.alloc(0))).toString('hex')
  }
}

/** Makes one tree of the last two. */
function join(trees: { readonly size: number; readonly root: Buffer }[]): void {
  const [left, right] = trees.splice(-2)
  if (left && right) trees.push({ size: left.size + right.size, root: hashNode(left.root, right.root) })
}

const LEAF = 0
const NODE = Buffer.of(1)

/** The hash of a leaf: a byte 0, and the line as UTF-8. */
export function hashText(line: string): Buffer {
  return hash('sha256', `\0${line}`, 'buffer')
}

function hashNode(left: Buffer, right: Buffer): Buffer {
  return sha256(Buffer.concat([NODE, left, right]))
}

function sha256(bytes: Buffer): Buffer {
  return hash('sha256', bytes, 'buffer')
}
