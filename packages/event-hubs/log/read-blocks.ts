/** Bytes that one read takes from a segment. */
export const READ_BLOCK = 1024 * 1024
/** Most blocks to reuse. Leaving blocks to the garbage collector costs a busy reader a fifth of its time. */
const SPARE_BLOCKS = 8

const spare: Buffer[] = []

export const takeBlock = (): Buffer => spare.pop() ?? Buffer.allocUnsafeSlow(READ_BLOCK)

export function giveBlock(block: Buffer): void {
  if (spare.length < SPARE_BLOCKS) spare.push(block)
}
