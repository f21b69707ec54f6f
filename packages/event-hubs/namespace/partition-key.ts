/**
 * Maps a partition key to a partition as the service does: Jenkins' lookup3 over its UTF-8 bytes, folded to
 * 16 bits. Buffered producers compute the same hash. With another hash here, a key's events would go to two
 * partitions.
 */
export function mapPartitionKey(key: string, partitions: number): number {
  return Math.abs(hash16(Buffer.from(key, 'utf8')) % partitions)
}

const rotate = (value: number, bits: number): number => (value << bits) | (value >>> (32 - bits))

/** http://burtleburtle.net/bob/c/lookup3.c, hashlittle2 with both seeds 0. Returns the low 16 bits of c ^ b, signed. */
function hash16(key: Buffer): number {
  let a = (0xdeadbeef + key.length) | 0
  let b = a
  let c = a
  let at = 0
  for (; key.length - at > 12; at += 12) {
    a = (a + key.readInt32LE(at)) | 0
    b = (b + key.readInt32LE(at + 4)) | 0
    c = (c + key.readInt32LE(at + 8)) | 0
    a = ((a - c) | 0) ^ rotate(c, 4)
    c = (c + b) | 0
    b = ((b - a) | 0) ^ rotate(a, 6)
    a = (a + c) | 0
    c = ((c - b) | 0) ^ rotate(b, 8)
    b = (b + a) | 0
    a = ((a - c) | 0) ^ rotate(c, 16)
    c = (c + b) | 0
    b = ((b - a) | 0) ^ rotate(a, 19)
    a = (a + c) | 0
    c = ((c - b) | 0) ^ rotate(b, 4)
    b = (b + a) | 0
  }
  if (key.length > at) {
    // The last 1 to 12 bytes, padded with zeros: lookup3 adds nothing for missing bytes.
    const last = Buffer.alloc(12)
    key.copy(last, 0, at)
    a = (a + last.readInt32LE(0)) | 0
    b = (b + last.readInt32LE(4)) | 0
    c = (c + last.readInt32LE(8)) | 0
    c = ((c ^ b) - rotate(b, 14)) | 0
    a = ((a ^ c) - rotate(c, 11)) | 0
    b = ((b ^ a) - rotate(a, 25)) | 0
    c = ((c ^ b) - rotate(b, 16)) | 0
    a = ((a ^ c) - rotate(c, 4)) | 0
    b = ((b ^ a) - rotate(a, 14)) | 0
    c = ((c ^ b) - rotate(b, 24)) | 0
  }
  return ((c ^ b) << 16) >> 16
}
