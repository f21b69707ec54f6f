import { hash } from 'node:crypto'

const sha256 = (...parts: readonly Uint8Array[]): Buffer => hash('sha256', Buffer.concat(parts), 'buffer')
const LEAF = Buffer.of(0)
const NODE = Buffer.of(1)

export const hashLeaf = (line: Uint8Array): Buffer => sha256(LEAF, line)

/** The Merkle tree hash: https://www.rfc-editor.org/rfc/rfc6962#section-2.1 */
export function hashTree(leaves: readonly Buffer[]): Buffer {
  const [only] = leaves
  if (only === undefined) return sha256()
  if (leaves.length === 1) return only
  const half = findHalf(leaves.length)
  return sha256(NODE, hashTree(leaves.slice(0, half)), hashTree(leaves.slice(half)))
}

/** The hashes that lead from a leaf to the root: https://www.rfc-editor.org/rfc/rfc6962#section-2.1.1 */
export function findAuditPath(leaves: readonly Buffer[], index: number): Buffer[] {
  if (leaves.length <= 1) return []
  const half = findHalf(leaves.length)
  const [left, right] = [leaves.slice(0, half), leaves.slice(half)]
  return index < half
    ? [...findAuditPath(left, index), hashTree(right)]
    : [...findAuditPath(right, index - half), hashTree(left)]
}

/** The root that a leaf and its audit path lead to; undefined if the path has another length than the tree. */
export function hashPath(leaf: Buffer, index: number, size: number, path: readonly Buffer[]): Buffer | undefined {
  if (size <= 1) return index === 0 && path.length === 0 ? leaf : undefined
  const half = findHalf(size)
  const sibling = path.at(-1)
  if (sibling === undefined) return undefined
  const isLeft = index < half
  const below = hashPath(leaf, isLeft ? index : index - half, isLeft ? half : size - half, path.slice(0, -1))
  if (below === undefined) return undefined
  return isLeft ? sha256(NODE, below, sibling) : sha256(NODE, sibling, below)
}

/** The largest power of two that is less than the size. */
function findHalf(size: number): number {
  let half = 1
  while (half * 2 < size) half *= 2
  return half
}
