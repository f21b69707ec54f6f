import { hash } from 'node:crypto'

// Hashes are lower-case hex: Node returns a text faster than a buffer.

/** @param leaf a byte 0 and what it stands for. */
export function hashLeaf(leaf: Uint8Array): string {
  return hash('sha256', leaf)
}

/** A byte 1 and two hashes: used again for each node, as a tree has as many nodes as leaves. */
const NODE = Buffer.alloc(65, 1)

function hashNode(left: string, right: string): string {
  NODE.write(left, 1, 'hex')
  NODE.write(right, 33, 'hex')
  return hash('sha256', NODE)
}

/** The Merkle tree hash: https://www.rfc-editor.org/rfc/rfc6962#section-2.1 */
export function hashTree(leaves: readonly string[]): string {
  const [only] = leaves
  if (only === undefined) return hash('sha256', '')
  if (leaves.length === 1) return only
  const half = findHalf(leaves.length)
  return hashNode(hashTree(leaves.slice(0, half)), hashTree(leaves.slice(half)))
}

/** The hashes that lead from a leaf to the root: https://www.rfc-editor.org/rfc/rfc6962#section-2.1.1 */
export function findAuditPath(leaves: readonly string[], index: number): string[] {
  if (leaves.length <= 1) return []
  const half = findHalf(leaves.length)
  const [left, right] = [leaves.slice(0, half), leaves.slice(half)]
  return index < half
    ? [...findAuditPath(left, index), hashTree(right)]
    : [...findAuditPath(right, index - half), hashTree(left)]
}

/** The root that a leaf and its audit path lead to; undefined if the path has another length than the tree. */
export function hashPath(leaf: string, index: number, size: number, path: readonly string[]): string | undefined {
  if (size <= 1) return index === 0 && path.length === 0 ? leaf : undefined
  const half = findHalf(size)
  const sibling = path.at(-1)
  if (sibling === undefined) return undefined
  const isLeft = index < half
  const below = hashPath(leaf, isLeft ? index : index - half, isLeft ? half : size - half, path.slice(0, -1))
  if (below === undefined) return undefined
  return isLeft ? hashNode(below, sibling) : hashNode(sibling, below)
}

/** The largest power of two that is less than the size. */
function findHalf(size: number): number {
  let half = 1
  while (half * 2 < size) half *= 2
  return half
}
