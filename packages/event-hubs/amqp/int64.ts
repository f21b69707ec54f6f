/**
 * A safe integer in eight bytes, two's complement, big endian. In halves: twice as fast as a BigInt on a path
 * taken with each event.
 */
export function writeInt64(target: Buffer, value: number, at: number): void {
  target.writeInt32BE(Math.floor(value / 0x1_0000_0000), at)
  target.writeUInt32BE(value >>> 0, at + 4)
}

/** Exact where the number is a safe integer. */
export function readInt64(bytes: Buffer, at: number): number {
  return bytes.readInt32BE(at) * 0x1_0000_0000 + bytes.readUInt32BE(at + 4)
}
