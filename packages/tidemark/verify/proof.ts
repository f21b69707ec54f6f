import { checkCommit, isCommitId } from './commit-item.ts'
import { hashEnvelope, type RawItem } from './event-hash.ts'
import { isObject, isSha256, isVersion } from './fields.ts'
import { findAuditPath, hashLeaf, hashPath } from './merkle.ts'
import { parseLeaf, parseObject, type StoredSegment, unpackSegment } from './segment.ts'

/**
 * A proof that an archive has an event. It has all that the check needs: no log, no archive, no network.
 * @example
 * ```ts
 * import type { InclusionProof } from 'tidemark/verify'
 *
 * export const segments = ({ headers }: InclusionProof): readonly unknown[] => headers.map(({ number }) => number)
 * ```
 */
export interface InclusionProof {
  readonly format: 'tidemark-proof'
  readonly version: 1
  /** The position of the event, such as `order-1@3`. */
  readonly event: string
  /** The commit that has the event, as it is archived. */
  readonly item: string
  /** Which item of its segment it is, from 0. */
  readonly index: number
  /** The hashes that lead from the item to the Merkle root of its segment: RFC 6962 section 2.1.1. */
  readonly path: readonly string[]
  /** The headers of its segment and of all later ones. */
  readonly headers: readonly RawItem[]
}

/**
 * What a proof shows.
 * @example
 * ```ts
 * import type { ProvenEvent } from 'tidemark/verify'
 *
 * export const line = ({ service, event, envelope }: ProvenEvent): string =>
 *   `${envelope.time}: ${envelope.actor} did ${event} in ${service}`
 * ```
 */
export interface ProvenEvent {
  readonly service: string
  readonly event: string
  /** The envelope of the event, as its hash covers it. */
  readonly envelope: RawItem
  /** The roots of its segment and of all later ones. The proof is worth as much as the root that one trusts. */
  readonly roots: readonly string[]
}

/**
 * Proves that an archive has an event.
 * @param segments as they are stored, by ascending number. They are read to the end.
 * @returns undefined if no readable segment has the event.
 * @example
 * ```ts
 * import { BlobServiceClient } from '@azure/storage-blob'
 * import { createProof, readSegments } from 'tidemark/verify'
 *
 * export async function exportProof(storage: string): Promise<string> {
 *   const container = BlobServiceClient.fromConnectionString(storage).getContainerClient('archive-entries')
 *   return JSON.stringify(await createProof(readSegments(container), { stream: 'entry-1', version: 3 }))
 * }
 * ```
 */
export async function createProof(
  segments: AsyncIterable<StoredSegment>,
  { stream, version }: { readonly stream: string; readonly version: number },
): Promise<InclusionProof | undefined> {
  let found: Pick<InclusionProof, 'item' | 'index' | 'path'> | undefined
  const headers: RawItem[] = []
  for await (const { bytes } of segments) {
    const { header, leaves } = unpackSegment(bytes)
    found ??= findItem(leaves, stream, version)
    if (found && header) headers.push(header)
  }
  if (found === undefined) return undefined
  return { format: 'tidemark-proof', version: 1, event: `${stream}@${version}`, ...found, headers }
}

function findItem(leaves: readonly Buffer[], stream: string, version: number) {
  for (const [index, leaf] of leaves.entries()) {
    const item = parseLeaf(leaf)
    if (item?.stream !== stream || !isCommitId(String(item.id))) continue
    if (Number(item.from) > version || Number(item.to) < version) continue
    const path = findAuditPath(leaves.map(hashLeaf), index)
    return { item: leaf.toString('utf8', 1), index, path }
  }
  return undefined
}

/**
 * What is wrong with a proof.
 * @example
 * ```ts
 * import assert from 'node:assert/strict'
 * import { ProofError } from 'tidemark/verify'
 *
 * assert.equal(new ProofError('it is not a proof').message, 'it is not a proof')
 * ```
 */
export class ProofError extends Error {
  override readonly name = 'ProofError'
}

/**
 * Checks a proof. It shows that a segment with one of the returned roots has the event, and that nobody changed
 * the event since. Compare a root with one that you keep, or that WORM storage has.
 * @param proof parsed from JSON.
 * @throws ProofError if it proves nothing.
 * @example
 * ```ts
 * import assert from 'node:assert/strict'
 * import { checkProof, ProofError } from 'tidemark/verify'
 *
 * const check = (json: string, trusted: string): boolean => checkProof(JSON.parse(json)).roots.includes(trusted)
 * assert.throws(() => check('{}', '5f2c'), ProofError)
 * ```
 */
export function checkProof(proof: unknown): ProvenEvent {
  const { event, item, index, path, headers } = readProof(proof)
  const [segment] = headers
  const leaf = hashLeaf(Buffer.from(`\0${item}`))
  const root = hashPath(leaf, index, Number(segment?.count), path)
  if (root === undefined || root !== segment?.merkleRoot)
    throw new ProofError(`the item does not lead to the Merkle root of segment ${segment?.number}`)
  return {
    ...{ service: String(segment.service), event },
    envelope: findEvent(event, item),
    roots: headers.map((header, at) => checkHeader(header, headers[at - 1])),
  }
}

/** @returns the header's root. */
function checkHeader(header: RawItem, before: RawItem | undefined): string {
  const { root, ...rest } = header
  if (root !== hashEnvelope(rest))
    throw new ProofError(`the header of segment ${header.number} does not match its root`)
  const follows =
    before === undefined || (header.previous === before.root && header.number === Number(before.number) + 1)
  if (!follows || (before !== undefined && header.service !== before.service))
    throw new ProofError(`segment ${header.number} does not follow segment ${before?.number}`)
  return String(root)
}

/** The event's envelope. The item's events must match their hashes. */
function findEvent(position: string, text: string): RawItem {
  const item = parseObject(Buffer.from(text))
  if (item === undefined || !isCommitId(String(item.id))) throw new ProofError('the item is not a commit')
  const { events, from, wrong } = checkCommit(item)
  if (wrong.length > 0 || events.some(({ state }) => state !== 'fits'))
    throw new ProofError(`the commit ${item.stream} ${item.id} does not match its hashes`)
  const at = events.findIndex(({ version }) => `${item.stream}@${version}` === position)
  const found = events[at]
  if (found === undefined) throw new ProofError(`the item has the events from ${item.stream}@${from}, not ${position}`)
  const {
    previousHash: _,
    events: contents,
    ...shared
  } = JSON.parse(String(item.text)) as { events: RawItem[] } & RawItem
  const { version, previousHash, hash } = found
  return { ...shared, stream: item.stream, version, ...contents[at], previousHash, hash }
}

function readProof(value: unknown): InclusionProof {
  const proof = isObject(value) ? value : {}
  const { format, version, event, item, index, path, headers } = proof
  if (format !== 'tidemark-proof' || version !== 1) throw new ProofError('it is not a proof of version 1')
  const isComplete = [
    typeof event === 'string' && typeof item === 'string' && (index === 0 || isVersion(index)),
    Array.isArray(path) && path.every(isSha256),
    Array.isArray(headers) && headers.length > 0 && headers.every(isObject),
  ].every(Boolean)
  if (!isComplete) throw new ProofError('a part of the proof is missing')
  return proof as unknown as InclusionProof
}
